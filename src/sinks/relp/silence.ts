import { formatDuration } from '../../core/duration.js';
import type { Logger } from '../../core/logger.js';
import type { Failure } from '../failure.js';

export interface SilenceOptions {
  readonly stallAfterMs: number;
  readonly patienceMs: number;
  readonly logger: Logger;
  /** The first transaction that waits for an answer; undefined where none does. */
  readonly oldest: () => number | undefined;
  /** Whether a later transaction than the oldest is answered already. */
  readonly isOvertaken: () => boolean;
  readonly answersElsewhere: () => Promise<boolean>;
  readonly onDead: (failure: Failure) => void;
}

/**
 * Tells a receiver that takes its time from one that will never answer.
 *
 * A receiver whose own queue is full holds its answers back for as long as that lasts (rsyslog does, and then answers
 * nobody). To end the session would make it store everything twice once it goes on, so it is waited for. But where it
 * answers another session meanwhile, and still not this one, this one is lost: a machine on the way has forgotten it,
 * or the answers were. So is a transaction that stays unanswered while later ones are answered.
 */
export class Silence {
  readonly #options: SilenceOptions;
  #timer: NodeJS.Timeout | undefined;
  #heardMs = 0;
  #oldest: number | undefined;
  /** Since when `#oldest` has been the oldest. */
  #oldestSinceMs = 0;
  #isStalled = false;
  #inquiry: 'none' | 'under way' | { readonly answeredMs: number } = 'none';
  #inquiredMs = 0;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /** Something was sent that is to be answered, after all before it had been. */
  begin(): void {
    this.#heardMs = performance.now();
    this.#inquiredMs = this.#heardMs;
    this.#timer ??= this.#nextLook();
  }

  /** The receiver has said something. */
  heard(): void {
    this.#heardMs = performance.now();
    if (typeof this.#inquiry === 'object') this.#inquiry = 'none';
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #nextLook(): NodeJS.Timeout {
    return setTimeout(() => this.#look(), this.#options.stallAfterMs);
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    const oldest = this.#options.oldest();
    if (oldest !== this.#oldest) this.#oldestSinceMs = nowMs;
    this.#oldest = oldest;
    const silentMs = nowMs - this.#heardMs;
    this.#tell(oldest !== undefined && silentMs >= this.#options.stallAfterMs, silentMs);
    if (oldest === undefined) return;
    if (!this.#isDead(nowMs)) this.#timer = this.#nextLook();
  }

  #isDead(nowMs: number): boolean {
    const { patienceMs, stallAfterMs, isOvertaken, onDead } = this.#options;
    const stuckMs = nowMs - this.#oldestSinceMs;
    if (stuckMs >= patienceMs && isOvertaken()) {
      onDead({ code: 'RELP_SILENT', reason: `no answer to a message for ${formatDuration(stuckMs)}, though the receiver answers later ones` });
      return true;
    }
    if (typeof this.#inquiry === 'object' && nowMs - this.#inquiry.answeredMs >= stallAfterMs) {
      onDead({ code: 'RELP_SILENT', reason: `no answer for ${formatDuration(nowMs - this.#heardMs)}, though the receiver answers another connection` });
      return true;
    }
    if (this.#inquiry === 'none' && nowMs - Math.max(this.#heardMs, this.#inquiredMs) >= patienceMs) void this.#inquire();
    return false;
  }

  async #inquire(): Promise<void> {
    const askedMs = performance.now();
    this.#inquiry = 'under way';
    const isThere = await this.#options.answersElsewhere();
    this.#inquiredMs = performance.now();
    this.#inquiry = isThere && this.#heardMs < askedMs ? { answeredMs: this.#inquiredMs } : 'none';
  }

  #tell(isSilent: boolean, silentMs: number): void {
    if (isSilent === this.#isStalled) return;
    this.#isStalled = isSilent;
    if (isSilent) this.#options.logger.warn(`has acknowledged nothing for ${formatDuration(silentMs)}; waiting`);
    else this.#options.logger.info('acknowledges again');
  }
}
