import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../core/logger.js';
import type { Position } from '../core/position.js';
import type { RouteStatus } from '../core/route-status.js';

export interface LagTiming {
  /** The newest entry is asked for no more often than that. */
  readonly askEveryMs: number;
  /** So long an answer is waited for; one that comes later serves the next time. */
  readonly answerWithinMs: number;
  /** Then the asking is given up. */
  readonly giveUpAfterMs: number;
}

/** An answer must reach whoever asks over the lock's socket before that takes the silence for death, after 2 s. */
const TIMING: LagTiming = { askEveryMs: 10_000, answerWithinMs: 1000, giveUpAfterMs: 30_000 };

export interface LagMeterOptions {
  readonly status: () => RouteStatus;
  /** The newest entry that there is to forward; absent where the source cannot know it. */
  readonly newest?: ((signal: AbortSignal) => Promise<Position | undefined>) | undefined;
  readonly logger: Logger;
  readonly timing?: Partial<LagTiming>;
}

/**
 * How far one destination is behind its source. Asks for the newest entry only when it is itself asked, and seldom;
 * while that cannot be known, the newest one known of stands in: the last answer, or the last entry that was read.
 */
export class LagMeter {
  readonly #options: LagMeterOptions;
  readonly #timing: LagTiming;
  #newest: Position | undefined;
  #askedMs = -Infinity;
  #asking: Promise<void> | undefined;
  #giveUp: AbortController | undefined;
  #isClosed = false;
  #isFailing = false;

  constructor(options: LagMeterOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
  }

  /** Never rejects, and takes no longer than `answerWithinMs`. */
  async seconds(): Promise<number> {
    const nowMs = performance.now();
    if (this.#asking === undefined && nowMs - this.#askedMs >= this.#timing.askEveryMs && !this.#isClosed) {
      this.#askedMs = nowMs;
      this.#asking = this.#ask().finally(() => (this.#asking = undefined));
    }
    if (this.#asking !== undefined) await within(this.#asking, this.#timing.answerWithinMs);
    return lagSeconds(this.#options.status(), this.#newest);
  }

  /** Gives up what is being asked. */
  close(): void {
    this.#isClosed = true;
    this.#giveUp?.abort();
  }

  async #ask(): Promise<void> {
    const { newest, logger, status } = this.#options;
    if (newest === undefined) return;
    const giveUp = (this.#giveUp = new AbortController());
    const timer = setTimeout(() => giveUp.abort(), this.#timing.giveUpAfterMs);
    try {
      this.#newest = (await newest(giveUp.signal)) ?? this.#newest;
      this.#isFailing = false;
    } catch (error) {
      if (this.#isFailing || this.#isClosed) return;
      this.#isFailing = true;
      logger.warn(`${status().label}: cannot ask for the journal's newest entry, so the lag that is shown may be too small: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * The time between the newest entry that is known of and the last one that is settled, in seconds: 0 where they are
 * the same, however old. Until anything is settled it is counted from the first entry that was read. Where the newest
 * one has the earlier time, since the clock was set back, it is how long the destination has been waited for.
 */
export function lagSeconds({ position, firstRead, lastRead, waitingMs }: RouteStatus, newest: Position | undefined): number {
  const settledUs = position?.timestamp ?? firstRead;
  if (settledUs === undefined || (newest !== undefined && newest.cursor === position?.cursor && position.before !== true)) return 0;
  const newestUs = Math.max(newest?.timestamp ?? 0, lastRead ?? 0);
  // Where the clock was set back between the two, their times tell nothing.
  if (newest !== undefined && newest.timestamp < settledUs && newestUs <= settledUs) return waitingMs / 1000;
  return Math.max(0, newestUs - settledUs) / 1_000_000;
}

async function within(promise: Promise<void>, ms: number): Promise<void> {
  const answered = new AbortController();
  const passed = delay(ms, undefined, { signal: answered.signal }).catch(() => undefined);
  await Promise.race([promise, passed]);
  answered.abort();
}
