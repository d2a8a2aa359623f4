import type { DeadLetters } from '../core/dead-letters.js';
import type { Delivery, Rejection, Sink } from '../core/sink.js';
import type { AckTracker, Mark } from './ack-tracker.js';
import type { FramedBatch } from './batch.js';
import type { Interruption } from './interruption.js';
import type { Outage } from './outage.js';
import type { Parcel } from './outbox.js';
import { retryUntilFinal } from './retry.js';
import type { Tally } from './tally.js';

export interface DeliveriesOptions {
  /** The destination's, under which its dead letters stand. */
  readonly name: string;
  readonly sink: Sink;
  readonly deadLetters: DeadLetters;
  readonly outage: Outage;
  readonly tracker: AckTracker;
  readonly tally: Tally;
}

/**
 * The deliveries of one pass, each from its first attempt until its mark is settled: attempted until the outcome is
 * final, what is refused set aside in the dead letters, and what was sent confirmed. A confirmation that fails breaks the pass.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #interruption: Interruption;
  /** Those that failed at least once: nothing later is attempted before them, so that order is kept. */
  readonly #retrying = new Set<Mark>();
  readonly #confirmations = new Set<Promise<void>>();
  /** When each attempt that is under way began, the oldest first. */
  readonly #attempts = new Map<Mark, number>();

  constructor(options: DeliveriesOptions, interruption: Interruption) {
    this.#options = options;
    this.#interruption = interruption;
  }

  /** Whether one has failed, and is to be attempted again. */
  get isRetrying(): boolean {
    return this.#retrying.size > 0;
  }

  /** When the oldest attempt that is under way began, as performance.now() tells it; undefined where there is none. */
  get attemptedMs(): number | undefined {
    const [oldestMs] = this.#attempts.values();
    return oldestMs;
  }

  /** Resolves when the batch is of no more use here. Never rejects: a bug's exception ends the route. `before`: the end of the deliveries that this one must not overtake. */
  async deliver(parcel: Parcel, before: Promise<unknown>): Promise<void> {
    parcel.mark.messages = parcel.batch.count;
    try {
      await this.#deliverUntilFinal(parcel, before);
    } catch (error) {
      this.#interruption.giveUpBatch();
      this.#interruption.fail(error);
    } finally {
      this.#retrying.delete(parcel.mark);
    }
  }

  /** Resolves when it is known of all that was sent whether it was confirmed. */
  async confirmed(): Promise<void> {
    await Promise.all(this.#confirmations);
  }

  async #deliverUntilFinal({ batch, mark }: Parcel, before: Promise<unknown>): Promise<void> {
    const { outage, tally, tracker } = this.#options;
    const { giveUp } = this.#interruption;
    const byteLength = batch.bytes.length;
    let last: Delivery | undefined;
    const attempt = async (): Promise<Delivery> => {
      if (last !== undefined) {
        await before;
        if (giveUp.aborted) return last;
      }
      const delivery = await this.#attempt(batch, mark);
      if (delivery.outcome === 'retryable') {
        last = delivery;
        this.#retrying.add(mark);
        if (!(await this.#setAsideAll(batch, delivery.rejections ?? [], mark))) return delivery;
        batch.skip(delivery.deliveredCount ?? 0);
      }
      return delivery;
    };
    const delivery = await retryUntilFinal(attempt, { outage, giveUp, onRetry: () => tally.noteRetry(), isBehind: () => this.#isBehind(mark) });
    if (delivery === undefined) {
      this.#interruption.giveUpBatch();
      return;
    }
    tally.noteTaken(byteLength);
    if (delivery.outcome === 'sent') {
      this.#awaitConfirmation(delivery.confirmed, mark);
      return;
    }
    outage.recovered();
    if (delivery.outcome === 'rejected' && !(await this.#setAsideAll(batch, delivery.rejections, mark))) return;
    tracker.settle(mark);
  }

  async #attempt(batch: FramedBatch, mark: Mark): Promise<Delivery> {
    this.#attempts.set(mark, performance.now());
    try {
      return await this.#options.sink.deliver(batch, this.#interruption.cut);
    } finally {
      this.#attempts.delete(mark);
      this.#options.tally.noteAttempt();
    }
  }

  /** Whether a delivery that was begun earlier is to be repeated: one break gives back all that were under way, and is one failure. */
  #isBehind(mark: Mark): boolean {
    // In lanes each fails by itself, and waits for no other.
    if (this.#options.sink.lanes !== undefined) return false;
    for (const retrying of this.#retrying) if (retrying.number < mark.number) return true;
    return false;
  }

  #awaitConfirmation(confirmed: Promise<boolean>, mark: Mark): void {
    const confirmation = confirmed
      .then((isConfirmed) => {
        if (isConfirmed) {
          this.#options.outage.recovered();
          this.#options.tracker.settle(mark);
        } else {
          this.#interruption.break();
        }
      })
      .catch((error: unknown) => this.#interruption.fail(error))
      .finally(() => this.#confirmations.delete(confirmation));
    this.#confirmations.add(confirmation);
  }

  /** Writes refused messages to the dead letters, and counts them; false where an abort came before that could be done. */
  async #setAsideAll(batch: FramedBatch, rejections: readonly Rejection[], mark: Mark): Promise<boolean> {
    for (const rejection of rejections) {
      if (!(await this.#setAside(batch, rejection))) return false;
    }
    mark.rejected += rejections.length;
    return true;
  }

  async #setAside(batch: FramedBatch, { index, kind = 'refused', reason }: Rejection): Promise<boolean> {
    const { name, deadLetters } = this.#options;
    const { cut } = this.#interruption;
    const { cursor, timestamp } = batch.place(index);
    try {
      await deadLetters.write({ from: name, kind, reason, cursor, timestamp, content: Buffer.from(batch.message(index)) }, cut);
      return true;
    } catch (error) {
      if (!cut.aborted) throw error;
      this.#interruption.giveUpBatch();
      return false;
    }
  }
}
