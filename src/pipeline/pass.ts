import type { Encoder } from '../core/encoder.js';
import type { Entry } from '../core/entry.js';
import { ReadingGivenUp } from '../core/errors.js';
import type { Sink } from '../core/sink.js';
import type { Chunk, Source } from '../core/source.js';
import { Deliveries, type DeliveriesOptions } from './deliveries.js';
import { Interruption } from './interruption.js';
import { Lookahead } from './lookahead.js';
import { Outbox } from './outbox.js';

/** Batches that may be sent but not confirmed: about 100 bytes each. Reading waits when there are more. */
const MAX_OPEN_MARKS = 16_384;
/** What comes so soon after a batch was sent waits for more: a batch of its own costs as much as fifty entries. */
const GATHER_MS = 10;

export interface PassOptions extends DeliveriesOptions {
  readonly source: Source;
  /** True for an entry that is to be forwarded; absent where all are. */
  readonly accepts?: ((entry: Entry) => boolean) | undefined;
  readonly encoder: Encoder;
  /** Called when a first run knows where it begins. */
  readonly onStart: () => void;
}

/** One reading of the source, from the watermark until the source ends, a stop, or a break: fills batches, and sends them. */
export class Pass {
  readonly #options: PassOptions;
  readonly #abort: AbortSignal;
  readonly #interruption: Interruption;
  readonly #deliveries: Deliveries;
  readonly #outbox: Outbox;
  #ahead: Lookahead<Chunk> | undefined;
  #isComplete = false;

  /** `stop` ends the reading, and attempts to send again; `abort` ends attempts and confirmations, too. */
  constructor(options: PassOptions, stop: AbortSignal, abort: AbortSignal) {
    this.#options = options;
    this.#abort = abort;
    this.#interruption = new Interruption(stop, abort);
    this.#deliveries = new Deliveries(options, this.#interruption);
    this.#outbox = this.#newOutbox();
  }

  /** Deliveries that are attempted, or wait to be attempted again. */
  get underWay(): number {
    return this.#outbox.underWay;
  }

  /** Batches that were sent, or are being sent, and are not settled. */
  get unconfirmed(): number {
    return this.#options.tracker.openCount - this.#outbox.unsent;
  }

  /** For how long the source has owed a chunk, in milliseconds. */
  get sourceWaitedMs(): number {
    return this.#ahead?.waitedMs ?? 0;
  }

  /** When the oldest attempt that is under way began, as performance.now() tells it; undefined where there is none. */
  get attemptedMs(): number | undefined {
    return this.#deliveries.attemptedMs;
  }

  /** After the run: whether everything that it took from the source is settled. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Called once. `broken`: what was sent may be lost, and all that is not settled is to be read again. Rejects with a bug's exception, or the source's. */
  async run(): Promise<'done' | 'broken'> {
    const { source, sink, tracker } = this.#options;
    const interruption = this.#interruption;
    const chunks = source.read(tracker.watermark, interruption.giveUp)[Symbol.asyncIterator]();
    let isBroken = true;
    let givenUp: ReadingGivenUp | undefined;
    try {
      givenUp = await this.#forward(chunks).then(() => undefined, asGivenUp);
      await this.#outbox.finish();
      // After a break nothing is waited for: what is sent on a new connection is read and sent again all the same.
      if (!interruption.isBroken) {
        await sink.close(this.#abort);
        await this.#deliveries.confirmed();
      }
      isBroken = interruption.isBroken && !this.#abort.aborted;
    } finally {
      interruption.break();
      this.#ahead?.close();
      await chunks.return?.();
      await this.#outbox.ended();
      if (isBroken) {
        tracker.rewind();
        this.#outbox.forget();
      }
    }
    this.#isComplete = !isBroken && !interruption.hasGivenUp && tracker.openCount === 0;
    if (interruption.failure !== undefined) throw interruption.failure;
    // After a break, what was not confirmed is read again first, if it can be.
    if (givenUp !== undefined && !isBroken) throw givenUp;
    return isBroken ? 'broken' : 'done';
  }

  /** Takes chunks and sends batches until there are no more. Leaves the batches that still have room. */
  async #forward(chunks: AsyncIterator<Chunk>): Promise<void> {
    const outbox = this.#outbox;
    const ahead = (this.#ahead = new Lookahead(chunks));
    for (;;) {
      while (outbox.oldestMs !== undefined && !(await this.#mayGrow(outbox.oldestMs, ahead))) await outbox.sendOldest();
      const chunk = await ahead.next();
      if (chunk === undefined || this.#interruption.giveUp.aborted) return;
      await this.#take(chunk);
    }
  }

  /** Waits for more to put into a batch; false when there is none at hand and the batch is old enough to go. */
  async #mayGrow(startedMs: number, ahead: Lookahead<Chunk>): Promise<boolean> {
    const { sink: { lanes, limits: { maxAgeMs } }, tally: { sentMs } } = this.#options;
    // Where batches go all the time, the first of all goes at once: what is connected and compiled for it is there for the next.
    if (sentMs === -Infinity && lanes === undefined && maxAgeMs <= GATHER_MS) return false;
    if (maxAgeMs === 0) return ahead.readyWithin(sentMs + GATHER_MS - performance.now());
    const leftMs = startedMs + maxAgeMs - performance.now();
    return leftMs > 0 && ahead.readyWithin(leftMs);
  }

  /** Puts a chunk's entries into batches, which are sent as often as they are full. */
  async #take(chunk: Chunk): Promise<void> {
    const { accepts, sink, tracker, tally } = this.#options;
    const outbox = this.#outbox;
    const { entries } = chunk;
    this.#noteStart(chunk);
    let acceptedTo = 0;
    for (let index = 0; index < entries.length; ) {
      if (index >= acceptedTo) acceptedTo = endOfAccepted(entries, index, accepts);
      const count = index < acceptedTo ? outbox.addRun(entries, index, acceptedTo) : 0;
      if (count > 0) {
        index += count;
        tracker.take(entries[index - 1]!, false);
        continue;
      }
      const entry = entries[index]!;
      const lane = index < acceptedTo ? laneOf(sink, entry) : undefined;
      const adding = lane === undefined ? 'skipped' : outbox.add(entry, lane);
      index += 1;
      // No promise for an entry that waits for nothing.
      const added = typeof adding === 'string' ? adding : await adding;
      tracker.take(entry, added === 'skipped');
      if (typeof adding === 'string') continue;
      await tracker.whenBelow(MAX_OPEN_MARKS + 1, this.#interruption.giveUp);
      if (this.#interruption.isFinal) return;
    }
    tally.noteRead(chunk);
    tracker.pass(chunk.through);
  }

  /** Has it saved at once where a first run begins: a machine may start again before anything is delivered, and its next run would be a first one, too. */
  #noteStart({ entries: [first] }: Chunk): void {
    const { tracker, onStart } = this.#options;
    if (first === undefined || tracker.watermark !== undefined) return;
    tracker.startBefore(first);
    onStart();
  }

  #newOutbox(): Outbox {
    const { encoder, sink, tracker, tally } = this.#options;
    return new Outbox({
      encoder,
      sink,
      begin: () => {
        sink.expect?.();
        return tracker.begin();
      },
      deliver: (parcel, before) => {
        tally.noteSent(this.unconfirmed <= 1);
        return this.#deliveries.deliver(parcel, before);
      },
      isRetrying: () => this.#deliveries.isRetrying,
      isClosed: () => this.#interruption.isFinal,
    });
  }
}

/** The index behind the entries from `from` on that are to be forwarded, up to the first that is not. */
function endOfAccepted(entries: readonly Entry[], from: number, accepts: ((entry: Entry) => boolean) | undefined): number {
  if (accepts === undefined) return entries.length;
  let to = from;
  while (to < entries.length && accepts(entries[to]!)) to++;
  return to;
}

/** Undefined for an entry that the destination would refuse whatever its content. */
function laneOf({ lanes }: Sink, entry: Entry): string | undefined {
  return lanes === undefined ? '' : lanes.laneOf(entry);
}

/** Passes on what ends the reading and not the delivery; throws all else. */
function asGivenUp(error: unknown): ReadingGivenUp {
  if (error instanceof ReadingGivenUp) return error;
  throw error;
}
