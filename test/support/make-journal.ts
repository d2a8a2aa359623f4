import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A field's value; an array sets the field once for each of its values. */
export type FixtureValue = string | Uint8Array | readonly (string | Uint8Array)[];

export interface FixtureEntry {
  /** Microseconds since the epoch. By default each entry comes 1 ms after the one before it. */
  readonly time?: number;
  /** 32 hexadecimal digits. */
  readonly bootId?: string;
  /** 32 hexadecimal digits; becomes `_MACHINE_ID`. */
  readonly machineId?: string;
  /** Microseconds since the boot. By default it runs along with `time`. */
  readonly monotonic?: number;
  readonly fields: Readonly<Record<string, FixtureValue>>;
}

/**
 * Makes a real journal file with any times, boot ids and fields; it needs neither journald nor root. The file's name
 * must end in `.journal`; its folder is made where it is missing. Rejects with what systemd-journal-remote said.
 */
export async function makeJournal(file: string, entries: readonly FixtureEntry[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const child = spawn(journalRemote, ['--compress=yes', '-o', file, '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  // A child that dies early breaks the pipe; its exit code and words tell more than EPIPE would.
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close');
  child.stdin.end(exportFormat(entries));
  let code: unknown;
  try {
    [code] = await closed;
  } catch (cause) {
    throw new Error(`Cannot run ${journalRemote}: install the Debian package systemd-journal-remote.`, { cause });
  }
  const words = Buffer.concat(said).toString('utf8').trim();
  if (code !== 0) throw new Error(`systemd-journal-remote ended with ${String(code)} while it made ${file}: ${words}`);
}

/** The entries as `journalctl -o export` would print them, without cursors. */
export function exportFormat(entries: readonly FixtureEntry[]): Buffer {
  const parts: Buffer[] = [];
  let time = firstTime;
  for (const entry of entries) {
    time = entry.time ?? time;
    parts.push(Buffer.from(`__REALTIME_TIMESTAMP=${time}\n__MONOTONIC_TIMESTAMP=${entry.monotonic ?? time % 1e12}\n`));
    parts.push(Buffer.from(`_BOOT_ID=${entry.bootId ?? defaultBootId}\n`));
    if (entry.machineId !== undefined) parts.push(Buffer.from(`_MACHINE_ID=${entry.machineId}\n`));
    for (const [name, value] of Object.entries(entry.fields)) {
      for (const one of valuesOf(value)) parts.push(field(name, one));
    }
    parts.push(Buffer.from('\n'));
    time += 1000;
  }
  return Buffer.concat(parts);
}

/** Debian keeps it here on every release from 11 to 13. */
const journalRemote = '/lib/systemd/systemd-journal-remote';

/** 2020-11-03 19:00:00 UTC. */
const firstTime = 1604430000000000;
const defaultBootId = 'b0'.repeat(16);

function valuesOf(value: FixtureValue): readonly (string | Uint8Array)[] {
  return typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
}

function field(name: string, value: string | Uint8Array): Buffer {
  // systemd-journal-remote skips a length-prefixed field without content.
  if (value.length === 0) return Buffer.from(`${name}=\n`);
  if (typeof value === 'string' && !value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}
