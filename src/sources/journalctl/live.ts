import type { Entry } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import type { Chunk } from '../../core/source.js';
import { isNewer } from '../../formats/cursor.js';
import { jsonLines, LineTooLong } from '../../formats/json-lines.js';
import { parseJsonEntry } from '../../formats/json.js';
import { ReadAgain } from './read-again.js';

/** A live entry whose JSON is longer is read again in the export format: 32 MB of binary are 100 MB of JSON, and 645 MiB when parsed. */
const MAX_JSON_LINE_BYTES = 8 * 1024 * 1024;

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
 * What `journalctl -o json -f` prints, in runs of entries. Throws ReadAgain for what is not an entry, and for one that
 * is too large as JSON.
 */
export async function* jsonEntries(stdout: AsyncIterable<Buffer>): AsyncGenerator<readonly Entry[], void> {
  try {
    for await (const { lines } of jsonLines(stdout, { maxLineBytes: MAX_JSON_LINE_BYTES })) {
      const { entries, isMalformed } = entriesOf(lines);
      if (entries.length > 0) yield entries;
      if (isMalformed) throw new ReadAgain('malformed', 'it printed a line that is not a JSON object');
    }
  } catch (error) {
    if (error instanceof LineTooLong) throw new ReadAgain('too-large', 'an entry is too large as JSON', true);
    throw error;
  }
}

/** The entries up to the first line that is none. */
function entriesOf(lines: readonly string[]): { readonly entries: Entry[]; readonly isMalformed: boolean } {
  const entries: Entry[] = [];
  for (const line of lines) {
    const entry = parseJsonEntry(line);
    if (entry === undefined) return { entries, isMalformed: true };
    entries.push(entry);
  }
  return { entries, isMalformed: false };
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
