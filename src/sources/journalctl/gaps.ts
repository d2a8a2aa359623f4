import type { Entry } from '../../core/entry.js';
import type { Logger } from '../../core/logger.js';
import type { Position } from '../../core/position.js';
import type { Gap, ReaderEvents } from '../../core/reader-events.js';
import { gapEntry } from './gap-entry.js';

/** A journal full of holes must not fill our own log. */
const MAX_LINES_A_MINUTE = 10;
const MINUTE_MS = 60_000;
const MAX_REMEMBERED = 10_000;

export interface GapsOptions {
  readonly events: ReaderEvents | undefined;
  readonly logger: Logger;
  /** The host's name where each gap is to become an entry of the stream; else undefined. */
  readonly hostname: string | undefined;
}

/** Tells of gaps: each once to the counters and the log, and as an entry wherever it is read. */
export class Gaps {
  readonly #options: GapsOptions;
  readonly #told = new Set<string>();
  /** Entries for which nothing has been read yet to stand behind. */
  #waiting: Gap[] = [];
  #minuteBeganMs = -Infinity;
  #lines = 0;
  #untold = { gaps: 0, entries: 0 };

  constructor(options: GapsOptions) {
    this.#options = options;
  }

  /** `key` is the same whenever the same gap is read again. Returns the entry to put into the stream after `at`. */
  report(key: string, gap: Gap, at: Position | undefined): Entry | undefined {
    if (!this.#told.has(key)) {
      if (this.#told.size >= MAX_REMEMBERED) this.#told.clear();
      this.#told.add(key);
      this.#options.events?.gap(gap);
      this.#log(gap);
    }
    if (this.#options.hostname === undefined) return undefined;
    if (at !== undefined) return gapEntry(gap, at, this.#options.hostname);
    this.#waiting.push(gap);
    return undefined;
  }

  /** The entries of gaps before the first entry of all, which is `at`. */
  takeWaiting(at: Position): Entry[] {
    const waiting = this.#waiting;
    if (waiting.length > 0) this.#waiting = [];
    return waiting.map((gap) => gapEntry(gap, at, this.#options.hostname!));
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Sums up what was not logged line by line. */
  flush(): void {
    const { gaps, entries } = this.#untold;
    if (gaps > 0) this.#options.logger.warn(`The journal has ${gaps} more gaps, in which at least ${entries} entries are missing`);
    this.#untold = { gaps: 0, entries: 0 };
  }

  #log(gap: Gap): void {
    const nowMs = performance.now();
    if (nowMs - this.#minuteBeganMs > MINUTE_MS) {
      this.flush();
      this.#minuteBeganMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines > MAX_LINES_A_MINUTE) {
      this.#untold.gaps += 1;
      this.#untold.entries += gap.count ?? 0;
      return;
    }
    const fields = { gap: gap.kind, count: gap.count };
    if (gap.kind === 'poison') this.#options.logger.error(gap.explanation, fields);
    else this.#options.logger.warn(gap.explanation, fields);
  }
}
