import { setTimeout as delay } from 'node:timers/promises';
import { formatDuration } from '../../core/duration.js';
import { ReadingGivenUp } from '../../core/errors.js';
import { MAX_FAILURES, type JournalReaderOptions } from '../../core/reader-options.js';
import type { ReadAgain } from '../journalctl/read-again.js';
import { GatewayFault } from './client.js';

export interface OutageOptions extends Pick<JournalReaderOptions, 'logger' | 'events'> {
  readonly label: string;
  /** Whether it is asked for ever, or MAX_FAILURES times. */
  readonly isForEver: boolean;
  readonly longestPauseMs: number;
}

const FIRST_PAUSE_MS = 100;

/** Says why a gateway is asked again, and waits before that; of one that does not answer the log has a line when that begins, and one when it ends. */
export class Outage {
  readonly #options: OutageOptions;
  #boundMs = 0;
  /** In a row, without anything between them that brought reading further. */
  #failures = 0;
  #sinceMs: number | undefined;
  #reason = '';

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** Resolves when the gateway is to be asked again because of that, or when `signal` aborts. Rejects with a ReadingGivenUp where that was once too often. */
  async again(why: ReadAgain | GatewayFault, signal: AbortSignal): Promise<void> {
    const { label, logger, events } = this.#options;
    events?.restarted(why.why);
    if (why instanceof GatewayFault) this.#failed(why.message);
    else if (why.isOrdinary) logger.info(`${label}: asking again from the last entry: ${why.message}`, { why: why.why });
    else logger.warn(`${label}: asking again from the last entry: ${why.message}`, { why: why.why });
    if (why instanceof GatewayFault || !why.isOrdinary) this.#count(why.message);
    await delay(this.#nextPauseMs(), undefined, { signal }).catch(() => undefined);
  }

  /** Notes that the gateway gives what it is asked for. */
  answered(): void {
    if (this.#sinceMs === undefined) return;
    const { label, logger } = this.#options;
    logger.info(`${label}: answers again after ${formatDuration(performance.now() - this.#sinceMs)}`);
    this.#sinceMs = undefined;
    this.#reason = '';
  }

  /** Reading has come further: the next pause is the shortest again. */
  moved(): void {
    this.#boundMs = 0;
    this.#failures = 0;
  }

  #count(reason: string): void {
    const { label, isForEver } = this.#options;
    this.#failures += 1;
    if (isForEver || this.#failures < MAX_FAILURES) return;
    throw new ReadingGivenUp('ERR_GATEWAY', `Gave up reading ${label}: ${this.#failures} attempts in a row have failed, the last one so: ${reason}. See that the gateway runs and can be reached, and start again.`);
  }

  /** A reason that changes is said too: what is to be mended may be another thing now. */
  #failed(reason: string): void {
    const { label, logger, isForEver } = this.#options;
    this.#sinceMs ??= performance.now();
    if (reason === this.#reason) {
      logger.debug(`${label}: ${reason}`);
      return;
    }
    this.#reason = reason;
    logger.warn(`${label}: ${reason}; asking again from the last entry until it answers${isForEver ? '' : ', or has failed too often'}`);
  }

  /** At least half of a bound that doubles from 100 ms up to the longest. */
  #nextPauseMs(): number {
    this.#boundMs = Math.min(this.#options.longestPauseMs, this.#boundMs === 0 ? FIRST_PAUSE_MS : this.#boundMs * 2);
    return this.#boundMs * (0.5 + Math.random() / 2);
  }
}
