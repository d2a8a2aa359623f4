import type { Batch, Delivery, Framing, Lanes, Sink, SinkLimits } from '../../src/core/sink.js';

/** One call of `deliver`. */
export interface Attempt {
  readonly messages: readonly string[];
  readonly signal: AbortSignal;
  readonly lane: string;
}

export interface FakeSinkOptions {
  readonly framing?: Framing;
  readonly limits?: Partial<SinkLimits>;
  readonly lanes?: Lanes;
  /** How each attempt ends. */
  readonly answer: (attempt: Attempt) => Delivery | Promise<Delivery>;
  /** Awaited by `close`. */
  readonly onClose?: (signal: AbortSignal) => void | Promise<void>;
}

/**
 * A sink whose deliveries end as a test says. Strict: it rejects, which ends a route, where more deliveries are under
 * way than its limits allow, or two of one lane, where a batch is empty, too large or framed wrongly, or changes while it is being sent.
 */
export class FakeSink implements Sink {
  readonly framing: Framing;
  readonly limits: SinkLimits;
  /** How often it was closed, and how often for good, with a signal that had aborted. */
  closes = 0;
  aborts = 0;
  readonly lanes?: Lanes;
  readonly #options: FakeSinkOptions;
  readonly #busy = new Set<string>();
  #underWay = 0;

  constructor(options: FakeSinkOptions) {
    this.framing = options.framing ?? 'lf';
    this.limits = { maxMessages: 1000, maxBytes: 1_000_000, maxInFlight: 1, maxAgeMs: 0, ...options.limits };
    if (options.lanes !== undefined) this.lanes = options.lanes;
    this.#options = options;
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    const messages = this.#messagesOf(batch);
    const sent = Buffer.from(batch.bytes);
    this.#underWay += 1;
    if (this.#underWay > this.limits.maxInFlight) throw new Error(`${this.#underWay} deliveries under way`);
    if (this.lanes !== undefined && this.#busy.has(batch.lane)) throw new Error(`Two deliveries of the lane ${batch.lane} under way`);
    this.#busy.add(batch.lane);
    try {
      const delivery = signal.aborted ? stopped : await this.#options.answer({ messages, signal, lane: batch.lane });
      if (!sent.equals(batch.bytes)) throw new Error('The batch changed while it was being sent');
      return delivery;
    } finally {
      this.#busy.delete(batch.lane);
      this.#underWay -= 1;
    }
  }

  async close(signal: AbortSignal): Promise<void> {
    if (signal.aborted) this.aborts += 1;
    else this.closes += 1;
    await this.#options.onClose?.(signal);
  }

  probe(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  #messagesOf(batch: Batch): string[] {
    const { maxMessages, maxBytes, overheadBytes = 0 } = this.limits;
    const contents = Array.from({ length: batch.count }, (_, index) => Buffer.from(batch.message(index)));
    const frames = contents.flatMap((content) => (this.framing === 'octet-counting' ? [Buffer.from(`${content.length} `), content] : this.framing === 'lf' ? [content, Buffer.from('\n')] : [content]));
    if (batch.count === 0) throw new Error('The batch is empty');
    if (!Buffer.concat(frames).equals(batch.bytes)) throw new Error('The bytes are not the frames of the messages');
    if (batch.count > maxMessages || (batch.count > 1 && batch.bytes.length + batch.count * overheadBytes > maxBytes)) throw new Error('The batch is over the limits');
    return contents.map(String);
  }
}

export const delivered: Delivery = { outcome: 'delivered' };
export const stopped: Delivery = { outcome: 'retryable', code: 'ABORTED', reason: 'was stopped' };

export function failing(reason = 'refused the connection', more: { readonly deliveredCount?: number; readonly retryAfterMs?: number } = {}): Delivery {
  return { outcome: 'retryable', code: 'ECONNREFUSED', reason, ...more };
}

/** The calls of `deliver`, for a test to answer one by one, in the order of the calls. */
export class Attempts {
  readonly #calls: PendingAttempt[] = [];
  #wake: (() => void) | undefined;

  readonly answer = (attempt: Attempt): Promise<Delivery> =>
    new Promise((resolve, reject) => {
      this.#calls.push({ ...attempt, end: resolve, fail: reject });
      this.#wake?.();
    });

  /** How many were made that the test has not taken. */
  get waiting(): number {
    return this.#calls.length;
  }

  /** The next call, once it is made. */
  async next(): Promise<PendingAttempt> {
    while (this.#calls.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#calls.shift()!;
  }
}

export interface PendingAttempt extends Attempt {
  readonly end: (delivery: Delivery) => void;
  readonly fail: (error: Error) => void;
}

/** A delivery that was sent, and what settles its confirmation. */
export function sent(): { readonly delivery: Delivery; readonly confirm: (isConfirmed: boolean) => void } {
  let confirm: (isConfirmed: boolean) => void = () => undefined;
  const confirmed = new Promise<boolean>((resolve) => (confirm = resolve));
  return { delivery: { outcome: 'sent', confirmed }, confirm };
}

/** Rejects nothing, and resolves as soon as the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => { resolve(); }, { once: true });
  });
}
