import { ExecaError, execa } from 'execa';
import { OperatorError } from '../core/errors.js';
import { keyOf } from './compare.js';

/**
 * What journalctl, rather than our own reader, finds in a folder of journal files: an entry's time and message as
 * `keyOf` joins them, in order. Throws an OperatorError where journalctl cannot be run or fails.
 */
export async function entriesIn(
  directory: string,
  journalctlPath: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<{ readonly entries: readonly string[]; readonly bootCount: number }> {
  const boots = new Set<unknown>();
  const entries: string[] = [];
  try {
    const { stdout } = await execa(journalctlPath, ['-D', directory, '-m', '-a', '-o', 'json', '--output-fields=MESSAGE,_SOURCE_REALTIME_TIMESTAMP'], {
      env: environment,
      extendEnv: false,
      cancelSignal: signal,
      stdin: 'ignore',
    });
    for (const line of stdout.split('\n')) {
      if (line === '') continue;
      const entry = JSON.parse(line) as Record<string, unknown>;
      boots.add(entry['_BOOT_ID']);
      entries.push(keyOf(BigInt(String(entry['_SOURCE_REALTIME_TIMESTAMP'] ?? entry['__REALTIME_TIMESTAMP'])), bytesOf(entry['MESSAGE'])));
    }
  } catch (cause) {
    if (cause instanceof ExecaError && cause.code === 'ENOENT') {
      throw new OperatorError('ERR_JOURNALCTL', `Cannot run "${journalctlPath}": ENOENT. Install systemd, whose journalctl reads the journal.`, { cause });
    }
    throw new OperatorError('ERR_JOURNALCTL', `Cannot read the sample journal with "${journalctlPath}": ${cause instanceof Error ? cause.message : String(cause)}.`, { cause });
  }
  return { entries, bootCount: boots.size };
}

/** journalctl's JSON has text as a string and other bytes as an array of numbers. */
function bytesOf(value: unknown): Buffer {
  return Array.isArray(value) ? Buffer.from(value as number[]) : Buffer.from(typeof value === 'string' ? value : '');
}
