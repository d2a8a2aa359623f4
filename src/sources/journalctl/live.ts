import type { Entry } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import type { Chunk } from '../../core/source.js';
import { isNewer } from '../../formats/cursor.js';
import { ExportReader } from '../../formats/export.js';
import { ReadAgain } from './read-again.js';

export interface Watch {
  /** After so much silence, look whether the journal has something newer than was printed. */
  readonly silentMs: number;
  /** How long the follower then has to print it: journald itself may wait 250 ms. */
  readonly graceMs: number;
  /** While it is silent, look so often whether the journal's files have changed. */
  readonly pollMs: number;
  /** The newest entry that should have been printed. */
  readonly newest: () => Promise<Position | undefined>;
  /** The newest entry of all, where the follower prints only some; otherwise undefined. */
  readonly newestOfAll: () => Promise<Position | undefined>;
  /**
   * Whether files have come, gone or changed their names since it was asked last: a rotation, at which following may
   * skip entries. Throws ReadAgain where nothing else would tell of such a loss.
   */
  readonly filesHaveChanged: () => Promise<boolean>;
  /** A text that changes whenever something is written to the journal's files; absent where nobody can tell. */
  readonly written?: () => Promise<string>;
}

/** After so many silences in which nothing was written, journalctl is asked all the same. */
const MAX_UNASKED = 10;

/**
 * The entries that a follower prints, as they come, after `last`. While it is silent, `through` moves to the newest
 * entry of all, so that a checkpoint moves while a filter matches nothing.
 *
 * Throws ReadAgain where the journal has what it does not print. What it gave until then is as it was printed.
 */
export async function* liveChunks(followed: AsyncIterable<readonly Entry[]>, last: Position | undefined, watch: Watch, signal: AbortSignal): AsyncGenerator<Chunk, void> {
  const runs = followed[Symbol.asyncIterator]();
  let newestGiven = last;
  let next = pull(runs);
  let silentFromMs = performance.now();
  /** How the files were when journalctl was asked last and had nothing newer, and how many silences ago. */
  let written: string | undefined;
  let unasked = 0;
  while (!signal.aborted) {
    const silenceMs = performance.now() - silentFromMs;
    if (!(await settlesWithin(next, Math.min(watch.pollMs, Math.max(0, watch.silentMs - silenceMs)), signal))) {
      if (signal.aborted) return;
      if (!(await watch.filesHaveChanged()) && performance.now() - silentFromMs < watch.silentMs) continue;
      silentFromMs = performance.now();
      const writtenBefore = written;
      written = await watch.written?.();
      if (written !== undefined && written === writtenBefore && unasked++ < MAX_UNASKED) continue;
      unasked = 0;
      const through = await watch.newestOfAll();
      const missed = await watch.newest();
      if (missed === undefined) written = undefined;
      if (missed !== undefined && (newestGiven === undefined || isNewer(missed.cursor, newestGiven.cursor))) {
        if (await settlesWithin(next, watch.graceMs, signal)) continue;
        throw new ReadAgain('silent', 'it is silent although the journal has newer entries');
      }
      if (through !== undefined && (newestGiven === undefined || isNewer(through.cursor, newestGiven.cursor))) {
        newestGiven = through;
        yield { entries: [], through };
      }
      continue;
    }
    const result = await next;
    if (result.done === true) return;
    next = pull(runs);
    silentFromMs = performance.now();
    const entries = result.value;
    const newest = entries.at(-1);
    if (newest === undefined) continue;
    newestGiven = { cursor: newest.cursor, timestamp: newest.timestamp };
    yield { entries };
  }
}

/**
 * What `journalctl -o export -f` prints, in runs of the entries that each read completed, with the fields that are
 * asked for (all where undefined). Throws ReadAgain for what is not in the format, when the entries before it were
 * given: reading in bulk tells whether the journal has it so.
 */
export async function* followedEntries(stdout: AsyncIterable<Buffer>, fields: readonly string[] | undefined): AsyncGenerator<readonly Entry[], void> {
  let passed = 0;
  let malformed: { readonly reason: string; readonly number: number } | undefined;
  const reader = new ExportReader({
    fields,
    onMalformed: (reason, _bytes, number) => {
      malformed ??= { reason, number };
    },
  });
  for await (const bytes of stdout) {
    const read = reader.push(bytes);
    const entries = malformed === undefined ? read : read.slice(0, malformed.number - 1 - passed);
    passed += entries.length;
    if (entries.length > 0) yield entries;
    if (malformed !== undefined) throw new ReadAgain('malformed', `it printed what is not in the export format: ${malformed.reason}`);
  }
}

function pull<T>(values: AsyncIterator<T, void>): Promise<IteratorResult<T, void>> {
  const next = values.next();
  // Whoever awaits it sees a failure; while nobody does, it must not count as unhandled.
  next.catch(() => undefined);
  return next;
}

/** Whether a promise settles within `ms`; false also when the signal aborts first. */
function settlesWithin(promise: Promise<unknown>, ms: number, signal: AbortSignal): Promise<boolean> {
  // Asked for each run of entries: signals of its own would cost more than an entry.
  return new Promise((resolve) => {
    const end = (hasSettled: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      resolve(hasSettled);
    };
    const giveUp = (): void => end(false);
    const settle = (): void => end(true);
    const timer = setTimeout(giveUp, ms);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    else promise.then(settle, settle);
  });
}
