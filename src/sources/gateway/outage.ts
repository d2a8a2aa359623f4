import { formatDuration } from '../../core/duration.js';
import type { Logger } from '../../core/logger.js';

const FIRST_PAUSE_MS = 100;

/** How long to wait before a gateway is asked again; and what the log says of one that does not answer: a line when that begins, and one when it ends. */
export class Outage {
  readonly #label: string;
  readonly #logger: Logger;
  readonly #longestPauseMs: number;
  #boundMs = 0;
  #sinceMs: number | undefined;
  #reason = '';

  constructor(options: { readonly label: string; readonly logger: Logger; readonly longestPauseMs: number }) {
    this.#label = options.label;
    this.#logger = options.logger;
    this.#longestPauseMs = options.longestPauseMs;
  }

  /** Notes that an attempt failed. A reason that changes is said too: what is to be mended may be another thing now. */
  failed(reason: string): void {
    this.#sinceMs ??= performance.now();
    if (reason === this.#reason) {
      this.#logger.debug(`${this.#label}: ${reason}`);
      return;
    }
    this.#reason = reason;
    this.#logger.warn(`${this.#label}: ${reason}; asking again from the last entry until it answers`);
  }

  /** Notes that the gateway gives what it is asked for. */
  answered(): void {
    if (this.#sinceMs === undefined) return;
    this.#logger.info(`${this.#label}: answers again after ${formatDuration(performance.now() - this.#sinceMs)}`);
    this.#sinceMs = undefined;
    this.#reason = '';
  }

  /** Reading has come further: the next pause is the shortest again. */
  moved(): void {
    this.#boundMs = 0;
  }

  /** The next pause in milliseconds: at least half of a bound that doubles from 100 ms up to the longest. */
  nextPauseMs(): number {
    this.#boundMs = Math.min(this.#longestPauseMs, this.#boundMs === 0 ? FIRST_PAUSE_MS : this.#boundMs * 2);
    return this.#boundMs * (0.5 + Math.random() / 2);
  }
}
