import type { Cursor, Entry } from '../../src/core/entry.js';
import type { Position } from '../../src/core/position.js';
import type { Chunk, Source } from '../../src/core/source.js';
import { entryOf } from './entry.js';

/** An entry whose message, cursor and time all tell its number; without MESSAGE where it is `silent`. */
export function numbered(number: number, fields: Readonly<Record<string, string>> = { MESSAGE: String(number) }): Entry {
  return entryOf(fields, { cursor: cursorOf(number), timestamp: number });
}

export function cursorOf(number: number): Cursor {
  return `n=${number}` as Cursor;
}

/** The number of the entry that a position is just after, by a cursor that `cursorOf` made; 0 for no position. */
export function numberIn(position: Position | undefined): number {
  return position === undefined ? 0 : Number(position.cursor.slice(2)) - (position.before === true ? 1 : 0);
}

/** Where a first run begins that has settled nothing: before the first entry. */
export const beginning: Position = { cursor: cursorOf(1), timestamp: 1, before: true };

/** Entries numbered from 1, cut into chunks of a size. */
export function chunksOf(count: number, chunkSize = count, entry: (number: number) => Entry = numbered): Chunk[] {
  const entries = Array.from({ length: count }, (_, index) => entry(index + 1));
  const chunks: Chunk[] = [];
  for (let at = 0; at < count; at += chunkSize) chunks.push({ entries: entries.slice(at, at + chunkSize) });
  return chunks;
}

/**
 * A source over chunks in memory. Strict: it throws where a pass begins before the last one has ended, or where
 * what is settled moves backwards.
 */
export class FakeSource implements Source {
  /** After which entry each pass was begun. */
  readonly passes: number[] = [];
  /** How many chunks were pulled. */
  pulled = 0;
  readonly #chunks: readonly Chunk[];
  readonly #follows: boolean;
  readonly #failure: Error | undefined;
  readonly #onSettled: (number: number) => void;
  #isReading = false;
  #settled = 0;

  /** `follows`: wait for the end of the signal after the last chunk. `failure`: what is thrown there instead. */
  constructor(chunks: readonly Chunk[], options: { readonly follows?: boolean; readonly failure?: Error; readonly onSettled?: (number: number) => void } = {}) {
    this.#chunks = chunks;
    this.#follows = options.follows ?? false;
    this.#failure = options.failure;
    this.#onSettled = options.onSettled ?? ((): void => undefined);
  }

  get settledNumber(): number {
    return this.#settled;
  }

  async *read(after: Position | undefined, signal: AbortSignal): AsyncGenerator<Chunk, void> {
    if (this.#isReading) throw new Error('A pass began before the last one had ended');
    this.#isReading = true;
    const start = numberIn(after);
    this.passes.push(start);
    try {
      for (const { entries, through } of this.#chunks) {
        const fresh = entries.filter((entry) => numberIn(entry) > start);
        if (fresh.length === 0 && numberIn(through) <= start) continue;
        await new Promise(setImmediate);
        if (signal.aborted) return;
        this.pulled += 1;
        yield { entries: fresh, ...(through === undefined ? {} : { through }) };
        if (signal.aborted) return;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#follows && !signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    } finally {
      this.#isReading = false;
    }
  }

  settled(position: Position): void {
    const number = numberIn(position);
    if (number < this.#settled) throw new Error(`Settled ${number} after ${this.#settled}`);
    this.#settled = number;
    this.#onSettled(number);
  }
}
