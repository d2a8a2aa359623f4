import { formatDuration } from '../../core/duration.js';
import type { Logger } from '../../core/logger.js';
import { MAX_AGE_MS } from './limits.js';

const TELL_INTERVAL_MS = 60_000;
/** A group's retention may be changed: what was learned of it holds for so long. */
const LEARNED_FOR_MS = 600_000;
const DAY_MS = 86_400_000;

/**
 * Leaves out entries that are older than CloudWatch takes: 14 days, or the group's retention, which is known from the
 * settings or learned from a refusal. Says at most once a minute, and at the end, how many there were.
 */
export class AgeLimit {
  readonly #configuredMs: number;
  readonly #logger: Logger;
  readonly #clock: () => number;
  #learned: { readonly ageMs: number; readonly untilMs: number } | undefined;
  #left = 0;
  #oldestMs = Infinity;
  #newestMs = 0;
  #toldMs = -Infinity;

  constructor(options: { readonly retentionDays: number | undefined; readonly logger: Logger; readonly clock: () => number }) {
    this.#configuredMs = Math.min(MAX_AGE_MS, (options.retentionDays ?? Infinity) * DAY_MS);
    this.#logger = options.logger;
    this.#clock = options.clock;
  }

  /** Whether an entry of that time can be sent. One without a time is sent with the time of the request. */
  admits(timestampUs: number): boolean {
    const nowMs = this.#clock();
    const timeMs = timestampUs / 1000;
    if (timestampUs <= 0 || timeMs >= nowMs - this.#ageMs(nowMs)) {
      if (this.#left > 0) this.#tellRarely(nowMs);
      return true;
    }
    this.#left += 1;
    this.#oldestMs = Math.min(this.#oldestMs, timeMs);
    this.#newestMs = Math.max(this.#newestMs, timeMs);
    if (this.#left % 1000 === 0) this.#tellRarely(nowMs);
    return false;
  }

  /** Notes that an entry of that time was refused as older than the group keeps events. */
  refused(timestampMs: number): void {
    const nowMs = this.#clock();
    this.#learned = { ageMs: Math.min(nowMs - timestampMs, this.#ageMs(nowMs)), untilMs: nowMs + LEARNED_FOR_MS };
  }

  /** Says what has not been said yet. */
  tell(): void {
    if (this.#left === 0) return;
    const [from, to] = [this.#oldestMs, this.#newestMs].map((ms) => new Date(ms).toISOString());
    const age = formatDuration(this.#ageMs(this.#clock()));
    this.#logger.warn(`${this.#left} ${this.#left === 1 ? 'entry was' : 'entries were'} left out, of ${from} to ${to}: CloudWatch refuses what is older than ${age} here`);
    this.#left = 0;
    this.#oldestMs = Infinity;
    this.#newestMs = 0;
    this.#toldMs = this.#clock();
  }

  #tellRarely(nowMs: number): void {
    if (nowMs - this.#toldMs >= TELL_INTERVAL_MS) this.tell();
  }

  #ageMs(nowMs: number): number {
    return this.#learned !== undefined && nowMs < this.#learned.untilMs ? this.#learned.ageMs : this.#configuredMs;
  }
}
