import { randomUUID } from 'node:crypto';
import { access, constants, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import type { GatewaySettings } from './config/gateway.js';
import type { DestinationSettings, Settings } from './config/settings.js';
import { OperatorError } from './core/errors.js';
import type { Logger } from './core/logger.js';
import { probeOf } from './destinations.js';
import { openGateway } from './gateway.js';
import { describeJournal, findAccessFault, type Identity } from './sources/journalctl/index.js';

const PROBE_TIMEOUT_MS = 10_000;

/** What one look found: a statement, or what is wrong and what to do. */
type Finding = { readonly ok: string } | { readonly fault: string };

/**
 * Looks at everything that a run needs, prints a line for each (`✓` or `✗`), and resolves to whether all is well.
 * Sends nothing but a connection test, and leaves nothing behind.
 */
export async function check(options: {
  readonly settings: Settings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly identity: Identity;
  readonly output: Writable;
  readonly logger: Logger;
}): Promise<boolean> {
  const { settings, output } = options;
  let isWell = true;
  const print = (finding: Finding): void => {
    if ('fault' in finding) isWell = false;
    output.write('ok' in finding ? `✓ ${finding.ok}\n` : `✗ ${finding.fault}\n`);
  };
  print({ ok: `The settings are right: ${settings.destinations.map(({ label }) => label).join(', ')}.` });
  if (settings.source.from === 'journal') {
    const fault = await findAccessFault(settings.source, options.identity);
    print(fault === undefined ? { ok: 'The journal may be read.' } : { fault: fault.message });
    print(await journalctlFinding(settings, options.environment));
  }
  const { gateway } = settings.source;
  if (gateway !== undefined) print(await findingOf(() => gatewayFinding(gateway, options)));
  if (settings.state.checkpoint) print(await stateFinding(settings.state.directory));
  for (const destination of settings.destinations) {
    const finding = await findingOf(() => destinationFinding(destination, options));
    if (finding !== undefined) print(finding);
  }
  return isWell;
}

/** What a look found; what an operator must mend before it can be taken at all is a fault as well. */
async function findingOf<T extends Finding | undefined>(look: () => Promise<T>): Promise<T | Finding> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { fault: error.message };
  }
}

/** Undefined for a destination that needs no trial. */
async function destinationFinding(destination: DestinationSettings, { logger, environment }: { readonly logger: Logger; readonly environment: Readonly<Record<string, string | undefined>> }): Promise<Finding | undefined> {
  const probe = await probeOf(destination, { logger, environment, tlsMemory: new Map() });
  if (probe === undefined) return undefined;
  const fault = await probe(AbortSignal.timeout(PROBE_TIMEOUT_MS));
  if (fault === undefined) return { ok: `${destination.label} can be reached.` };
  return { fault: `${destination.label} cannot be reached: ${fault}. See that the receiver runs and that no firewall is between; a run would wait for it and lose nothing.` };
}

async function journalctlFinding(settings: Settings, environment: Readonly<Record<string, string | undefined>>): Promise<Finding> {
  try {
    const { version, newestUs } = await describeJournal(settings.source, { path: settings.source.journalctlPath, environment });
    const newest = newestUs === undefined ? 'which is empty' : `whose newest entry is of ${new Date(newestUs / 1000).toISOString()}`;
    return { ok: `${version} reads the journal, ${newest}.` };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

async function gatewayFinding(gateway: GatewaySettings, { settings, environment, logger }: { readonly settings: Settings; readonly environment: Readonly<Record<string, string | undefined>>; readonly logger: Logger }): Promise<Finding> {
  const opened = await openGateway(gateway, settings.filter, { environment, logger, tlsMemory: new Map() });
  const { describeGateway } = await import('./sources/gateway/index.js');
  const found = await describeGateway(opened, AbortSignal.timeout(PROBE_TIMEOUT_MS));
  if ('fault' in found) return { fault: `${opened.label} cannot be read: ${found.fault}. See that systemd-journal-gatewayd.socket is active there; a run would wait for it and lose nothing.` };
  return { ok: `${opened.label} can be read, ${found.newestUs === undefined ? 'and has no entry' : `and its newest entry is of ${new Date(found.newestUs / 1000).toISOString()}`}.` };
}

async function stateFinding(directory: string): Promise<Finding> {
  const trial = join(directory, `check-${randomUUID()}.tmp`);
  try {
    const existing = await firstExisting(directory);
    if (existing !== directory) {
      await access(existing, constants.W_OK);
      return { ok: `The state folder ${directory} can be made.` };
    }
    await writeFile(trial, '', { mode: 0o600 });
    await rm(trial);
    return { ok: `The state folder ${directory} can be written.` };
  } catch (error) {
    return { fault: `The state folder ${directory} cannot be written: ${(error as Error).message}. Give this user the right to, or name another with --state-dir.` };
  }
}

async function firstExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    return firstExisting(dirname(path));
  }
}
