import { formatDuration } from '../core/duration.js';
import type { Logger } from '../core/logger.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * What is known of a destination that does not answer: how long it has been so, and how long to wait before the next
 * attempt. Says one line in the log when an outage begins and one when it ends, however many attempts lie between.
 */
export class Outage {
  readonly #label: string;
  readonly #logger: Logger;
  readonly #random: () => number;
  #failures = 0;
  #sinceMs = 0;
  #reason: string | undefined;
  /** Whether the log has said that an operator must act. */
  #isTold = false;

  constructor(options: { readonly label: string; readonly logger: Logger; readonly random?: () => number }) {
    this.#label = options.label;
    this.#logger = options.logger;
    this.#random = options.random ?? Math.random;
  }

  /** Why the destination is out of reach, or undefined while it is not. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /**
   * Notes a failed attempt and returns the pause before the next, in milliseconds: full jitter, that is uniform
   * between 0 and a bound that doubles from 500 ms to 30 s; never less than what the receiver asked for.
   */
  failed(reason: string, retryAfterMs = 0, needsOperator = false): number {
    if (this.#reason === undefined) this.#sinceMs = performance.now();
    if (needsOperator && !this.#isTold) {
      this.#isTold = true;
      this.#logger.error(`${this.#label}: ${reason}; nothing is delivered until that is mended, and nothing is lost`);
    } else if (this.#reason === undefined) {
      this.#logger.warn(`${this.#label}: ${reason}; trying again until it answers`);
    } else {
      this.#logger.debug(`${this.#label}: ${reason}`, { attempt: this.#failures + 1 });
    }
    this.#reason = reason;
    const bound = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return Math.max(retryAfterMs, this.#random() * bound);
  }

  /** Notes that the receiver has something that was sent to it. */
  recovered(): void {
    if (this.#reason === undefined) return;
    const lastedMs = performance.now() - this.#sinceMs;
    this.#logger.info(`${this.#label}: reachable again after ${formatDuration(lastedMs)}`, { attempts: this.#failures });
    this.#failures = 0;
    this.#reason = undefined;
    this.#isTold = false;
  }
}
