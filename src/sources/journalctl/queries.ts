import { setTimeout as delay } from 'node:timers/promises';
import type { Cursor, Entry } from '../../core/entry.js';
import { OperatorError } from '../../core/errors.js';
import type { Position } from '../../core/position.js';
import { parseCursor } from '../../formats/cursor.js';
import { ExportReader } from '../../formats/export.js';
import { bulkArguments, newestArguments, withoutConditions, type JournalSelection } from './arguments.js';
import { readComplaints } from './complaints.js';
import { runJournalctl, startJournalctl, type Journalctl, type JournalctlProgram } from './process.js';

const JOURNAL_START = 'f77379a8490b408bbe5f6940505a777b';

/** Which journalctl reads what: for `check`, and to know how far a bounded run has to go. Throws an OperatorError where it cannot. */
export async function describeJournal(selection: JournalSelection, program: JournalctlProgram): Promise<{ readonly version: string; readonly newestUs: number | undefined }> {
  const { stdout } = await runJournalctl(program, ['--version']);
  const version = stdout.toString('utf8').split('\n')[0] ?? '';
  if (!version.startsWith('systemd ')) {
    throw new OperatorError('ERR_JOURNALCTL', `"${program.path}" is not journalctl: it does not tell a version of systemd. Name the right program with --journalctl-path.`);
  }
  return { version, newestUs: (await newestEntry(selection, program))?.timestamp };
}

/** The newest entry that the selection has; undefined where it has none, or journalctl cannot tell after some attempts. Rejects when `signal` aborts before. */
export async function newestEntry(selection: JournalSelection, program: JournalctlProgram, matches: readonly string[] = [], signal?: AbortSignal): Promise<Position | undefined> {
  for (let pauseMs = 100; ; pauseMs *= 2) {
    signal?.throwIfAborted();
    const journalctl = startJournalctl(program, newestArguments(selection, matches));
    const entry = await firstPrinted(journalctl, signal);
    if (entry !== undefined) {
      // It ends by itself, and nobody has to wait for that.
      void journalctl.stop();
      return entry;
    }
    const { code, stderr } = await journalctl.exit;
    signal?.throwIfAborted();
    if (stderr.includes('insufficient permissions')) throw noRight(stderr);
    // With too few file descriptors, say: to take the journal for empty would be a mistake.
    if (code === 0 || pauseMs > 1000) return undefined;
    await delay(pauseMs, undefined, signal === undefined ? {} : { signal });
  }
}

/** The entry that journalctl takes a cursor for, whatever the selection's conditions; `isSure` tells whether it could look everywhere, before `signal` aborted. */
export function entryAt(cursor: Cursor, selection: JournalSelection, program: JournalctlProgram, signal: AbortSignal, matches?: readonly string[]): Promise<Found> {
  return firstEntry(bulkArguments(withoutConditions(selection), { cursor }, matches), program, signal);
}

/** The first entry of a boot, whatever the selection's conditions. */
export function oldestOfBoot(bootId: string, selection: JournalSelection, program: JournalctlProgram, signal: AbortSignal): Promise<Found> {
  return firstEntry(bulkArguments(withoutConditions(selection), undefined, [`_BOOT_ID=${bootId}`]), program, signal);
}

/** A boot, as its journald's first words tell of it. */
export interface Boot {
  readonly id: string;
  /** The entry with which it began. */
  readonly begin: Position;
}

/**
 * The boots whose beginning the journal has, in their order, whatever the clock was. Each journald says at its start
 * that it started (SD_MESSAGE_JOURNAL_START, sd-messages.h), in the file that holds what the system logs, and within
 * that one journalctl goes by the sequence numbers. `--list-boots` goes by the time of day.
 */
export async function bootsOf(selection: JournalSelection, program: JournalctlProgram, signal: AbortSignal): Promise<readonly Boot[]> {
  const args = bulkArguments(withoutConditions(selection), undefined, [`MESSAGE_ID=${JOURNAL_START}`, '_TRANSPORT=driver']);
  const { stdout } = await runJournalctl(program, args, signal);
  const reader = new ExportReader();
  const boots = new Map<string, Boot>();
  for (const { cursor, timestamp } of [...reader.push(stdout), ...reader.end()]) {
    const id = parseCursor(cursor)?.bootId;
    if (id !== undefined && !boots.has(id)) boots.set(id, { id, begin: { cursor, timestamp } });
  }
  return [...boots.values()];
}

export interface Found {
  readonly entry: Position | undefined;
  readonly isSure: boolean;
}

async function firstEntry(args: readonly string[], program: JournalctlProgram, signal: AbortSignal): Promise<Found> {
  if (signal.aborted) return { entry: undefined, isSure: false };
  const journalctl = startJournalctl(program, args);
  const entry = await firstPrinted(journalctl, signal);
  const { incomplete } = readComplaints(journalctl.stderr());
  if (entry !== undefined) await journalctl.stop();
  return { entry, isSure: incomplete === undefined && (entry !== undefined || ((await journalctl.exit).code === 0 && !signal.aborted)) };
}

/** The first entry that it prints, as soon as it has; undefined where it prints none, or when `signal` aborts before, which stops it. */
async function firstPrinted(journalctl: Journalctl, signal: AbortSignal | undefined): Promise<Position | undefined> {
  const stop = (): void => void journalctl.stop();
  signal?.addEventListener('abort', stop, { once: true });
  const reader = new ExportReader();
  let entry: Entry | undefined;
  try {
    for await (const bytes of journalctl.stdout) {
      entry = reader.push(bytes)[0];
      if (entry !== undefined) break;
    }
  } catch (error) {
    // Its stdout fails when we stop it.
    if (signal?.aborted !== true) throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  entry ??= reader.end()[0];
  return entry && { cursor: entry.cursor, timestamp: entry.timestamp };
}

export function noRight(stderr: string): OperatorError {
  return new OperatorError(
    'ERR_JOURNAL_ACCESS',
    `Cannot read the journal (journalctl says: ${stderr}). Run as root, or as a user in the group systemd-journal.`,
  );
}
