import type { Checkpoint, CheckpointStore, Counts } from '../core/checkpoint.js';
import type { DeadLetters } from '../core/dead-letters.js';
import type { Encoder } from '../core/encoder.js';
import type { Entry } from '../core/entry.js';
import { ReadingGivenUp } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { RouteProgress } from '../core/route-progress.js';
import type { RouteStatus } from '../core/route-status.js';
import type { Delivery, Rejection, Sink } from '../core/sink.js';
import type { Chunk, Source } from '../core/source.js';
import { AckTracker, type Advance, type Mark } from './ack-tracker.js';
import type { FramedBatch } from './batch.js';
import { CheckpointSaver } from './checkpoint-saver.js';
import { Lookahead } from './lookahead.js';
import { Outage } from './outage.js';
import { Outbox, type Parcel } from './outbox.js';
import { pause } from './pause.js';
import { retryUntilFinal } from './retry.js';
import { Throughput } from './throughput.js';

/** Batches that may be sent but not confirmed: about 100 bytes each. Reading waits when there are more. */
const MAX_OPEN_MARKS = 16_384;
/** A source that owes a value for so long has nothing to give. */
const IDLE_AFTER_MS = 1000;
/** What comes so soon after a batch was sent waits for more: a batch of its own costs as much as fifty entries. */
const GATHER_MS = 10;
/** Of a sink that names none. */
const ATTEMPT_TIMEOUT_MS = 60_000;

export interface RouteOptions {
  readonly name: string;
  /** As logs name the destination: its URL without secrets. */
  readonly label: string;
  readonly source: Source;
  /** True for an entry that is to be forwarded. */
  readonly accepts: (entry: Entry) => boolean;
  readonly encoder: Encoder;
  readonly sink: Sink;
  readonly checkpoints: CheckpointStore;
  readonly deadLetters: DeadLetters;
  readonly logger: Logger;
}

/** One reading of the source, from the watermark until the source ends, a stop, or a break. */
interface Pass {
  /** Aborts when what was sent may be lost, so that everything unsettled must be read again. */
  readonly broken: AbortController;
  /** Ends attempts that are under way. */
  readonly cut: AbortSignal;
  /** Ends pauses, and forbids further attempts. */
  readonly giveUp: AbortSignal;
  /** A bug's exception: it ends the route. */
  failure?: unknown;
  /** A batch was given up: nothing may overtake it. */
  gaveUp: boolean;
}

/**
 * One destination's way from the source to the sink, with a reader and a checkpoint of its own: no other route can
 * hold it up. Reads no more than the sink takes; what moves the checkpoint is only what is settled.
 */
export class Route {
  readonly #options: RouteOptions;
  readonly #outage: Outage;
  readonly #saver: CheckpointSaver;
  /** The deliveries that failed at least once: nothing later is attempted before them, so that order is kept. */
  readonly #retrying = new Set<Mark>();
  readonly #confirmations = new Set<Promise<void>>();
  /** When each attempt that is under way began, the oldest first. */
  readonly #attempts = new Map<Mark, number>();
  #outbox: Outbox | undefined;
  #tracker = new AckTracker(undefined, () => undefined);
  #state: RouteStatus['state'] = 'starting';
  /** What earlier runs had counted. */
  #before: Counts = { delivered: 0, filtered: 0, rejected: 0 };
  #counts = { delivered: 0, filtered: 0, rejected: 0 };
  readonly #throughput = new Throughput();
  /** When the last batch was sent. */
  #sentMs = -Infinity;
  /** When something was confirmed last, or when the first batch since then was sent. */
  #movedMs = 0;
  #read = 0;
  #firstRead: number | undefined;
  #lastRead: number | undefined;
  #retries = 0;
  #batches = 0;
  #bytes = 0;
  #ahead: Lookahead<Chunk> | undefined;
  #isReady = false;
  #isComplete = true;
  /** When `progress` last found the sink held up by its receiver, and when the route was told to end soon. */
  #heldUpMs = -Infinity;
  #abortedMs: number | undefined;

  constructor(options: RouteOptions) {
    this.#options = options;
    const { label, logger, checkpoints } = options;
    this.#outage = new Outage({ label, logger });
    this.#saver = new CheckpointSaver({ store: checkpoints, current: () => this.#checkpoint(), label, logger });
  }

  get label(): string {
    return this.#options.label;
  }

  /** After a run: whether everything that it took from the source is settled. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  status(): RouteStatus {
    const lastError = this.#outage.reason;
    return {
      name: this.#options.name,
      label: this.#options.label,
      state: this.#state === 'forwarding' && lastError !== undefined ? 'retrying' : this.#state,
      position: this.#tracker.watermark,
      firstRead: this.#firstRead,
      lastRead: this.#lastRead,
      read: this.#read,
      counts: { ...this.#counts },
      runCounts: since(this.#before, this.#counts),
      perSecond: this.#throughput.perSecond(performance.now()),
      batches: this.#batches,
      bytes: this.#bytes,
      inFlight: this.#outbox?.underWay ?? 0,
      unconfirmedBatches: this.#unconfirmed,
      waitingMs: this.#unconfirmed === 0 ? 0 : performance.now() - this.#movedMs,
      retries: this.#retries,
      lastError,
      sourceError: this.#options.source.trouble,
      savedAtMs: this.#saver.savedAtMs,
      unsavedMs: this.#saver.unsavedMs,
      saveFailures: this.#saver.failures,
      checkpointError: this.#saver.failure,
    };
  }

  /** Asked regularly: what is found now says what the time since the last call was spent on. */
  progress(): RouteProgress {
    const nowMs = performance.now();
    const isQuiet = this.#outbox?.underWay === 0 && this.#ahead !== undefined && this.#ahead.waitedMs >= IDLE_AFTER_MS;
    const { isHeldUp = false } = this.#options.sink;
    if (isHeldUp) this.#heldUpMs = nowMs;
    // A receiver that takes our connection and then does not read has answered, too.
    this.#isReady ||= isQuiet || isHeldUp || this.#state === 'stopped';
    return { label: this.#options.label, isReady: this.#isReady, isIdle: isQuiet && this.#tracker.openCount === 0, stuck: this.#stuck(nowMs) };
  }

  /**
   * Forwards until the source ends or `stop` aborts; then delivers what was read, confirms it, saves the checkpoint
   * and resolves. `abort` ends all that soon: what is unconfirmed then is sent again by the next run. Rejects with an
   * OperatorError for what only an operator can mend.
   */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const saved = await this.#options.checkpoints.load();
    if (saved !== undefined) this.#goOnFrom(saved);
    this.#tracker = new AckTracker(saved?.position, (advance) => this.#advanced(advance));
    this.#state = 'forwarding';
    const noteAbort = (): void => void (this.#abortedMs = performance.now());
    abort.addEventListener('abort', noteAbort, { once: true });
    try {
      while ((await this.#pass(stop, abort)) === 'broken' && !stop.aborted) {
        const { lastBreak = 'the connection broke' } = this.#options.sink;
        if (!(await pause(this.#outage.failed(`${lastBreak} before all that was sent was confirmed`), stop))) break;
      }
    } finally {
      await this.#options.sink.close(AbortSignal.abort());
      await this.#saver.finish(abort);
      this.#state = 'stopped';
      abort.removeEventListener('abort', noteAbort);
    }
  }

  #goOnFrom(saved: Checkpoint): void {
    const { label, logger } = this.#options;
    this.#before = saved.counts;
    this.#counts = { ...saved.counts };
    const at = new Date(saved.position.timestamp / 1000).toISOString();
    logger.info(`${label}: going on after the checkpoint at ${at}, whatever --start or --since say; --reset-checkpoint would forget it`);
  }

  async #pass(stop: AbortSignal, abort: AbortSignal): Promise<'done' | 'broken'> {
    const { source, sink } = this.#options;
    const broken = new AbortController();
    const pass: Pass = {
      broken,
      cut: AbortSignal.any([abort, broken.signal]),
      giveUp: AbortSignal.any([stop, abort, broken.signal]),
      gaveUp: false,
    };
    const outbox = (this.#outbox = this.#outboxOf(pass));
    const chunks = source.read(this.#tracker.watermark, pass.giveUp)[Symbol.asyncIterator]();
    let isBroken = true;
    let givenUp: ReadingGivenUp | undefined;
    try {
      givenUp = await this.#forward(chunks, outbox, pass).then(() => undefined, asGivenUp);
      await outbox.finish();
      // After a break nothing is waited for: what is sent on a new connection is read and sent again all the same.
      if (!broken.signal.aborted) {
        await sink.close(abort);
        await Promise.all(this.#confirmations);
      }
      isBroken = broken.signal.aborted && !abort.aborted;
    } finally {
      broken.abort();
      this.#ahead?.close();
      await chunks.return?.();
      await outbox.ended();
      if (isBroken) {
        this.#tracker.rewind();
        outbox.forget();
      }
    }
    this.#isComplete = !isBroken && !pass.gaveUp && this.#tracker.openCount === 0;
    if (pass.failure !== undefined) throw pass.failure;
    // After a break, what was not confirmed is read again first, if it can be.
    if (givenUp !== undefined && !isBroken) throw givenUp;
    return isBroken ? 'broken' : 'done';
  }

  #outboxOf(pass: Pass): Outbox {
    const { encoder, sink } = this.#options;
    return new Outbox({
      encoder,
      sink,
      begin: () => {
        sink.expect?.();
        return this.#tracker.begin();
      },
      deliver: (parcel, before) => this.#deliver(parcel, pass, before),
      isRetrying: () => this.#retrying.size > 0,
      isClosed: () => pass.gaveUp || pass.broken.signal.aborted,
    });
  }

  /** Takes chunks and sends batches until there are no more. Leaves the batches that still have room. */
  async #forward(chunks: AsyncIterator<Chunk>, outbox: Outbox, pass: Pass): Promise<void> {
    const ahead = (this.#ahead = new Lookahead(chunks));
    for (;;) {
      while (outbox.oldestMs !== undefined && !(await this.#mayGrow(outbox.oldestMs, ahead))) await outbox.sendOldest();
      const chunk = await ahead.next();
      if (chunk === undefined || pass.giveUp.aborted) return;
      await this.#take(chunk, outbox, pass);
    }
  }

  /** Waits for more to put into a batch; false when there is none at hand and the batch is old enough to go. */
  async #mayGrow(startedMs: number, ahead: Lookahead<Chunk>): Promise<boolean> {
    const { lanes, limits: { maxAgeMs } } = this.#options.sink;
    // Where batches go all the time, the first of all goes at once: what is connected and compiled for it is there for the next.
    if (this.#sentMs === -Infinity && lanes === undefined && maxAgeMs <= GATHER_MS) return false;
    if (maxAgeMs === 0) return ahead.readyWithin(this.#sentMs + GATHER_MS - performance.now());
    const leftMs = startedMs + maxAgeMs - performance.now();
    return leftMs > 0 && ahead.readyWithin(leftMs);
  }

  /** Puts a chunk's entries into batches, which are sent as often as they are full. */
  async #take(chunk: Chunk, outbox: Outbox, pass: Pass): Promise<void> {
    const { accepts, sink } = this.#options;
    this.#noteStart(chunk);
    for (const entry of chunk.entries) {
      const lane = accepts(entry) ? laneOf(sink, entry) : undefined;
      const adding = lane === undefined ? 'skipped' : outbox.add(entry, lane);
      // No promise for an entry that waits for nothing.
      const added = typeof adding === 'string' ? adding : await adding;
      this.#tracker.take(entry, added === 'skipped');
      if (typeof adding === 'string') continue;
      await this.#tracker.whenBelow(MAX_OPEN_MARKS + 1, pass.giveUp);
      if (pass.gaveUp || pass.broken.signal.aborted) return;
    }
    this.#noteRead(chunk);
    this.#tracker.pass(chunk.through);
  }

  /** Never rejects: a bug's exception ends the route. `before`: the end of the deliveries that this one must not overtake. */
  async #deliver(parcel: Parcel, pass: Pass, before: Promise<unknown>): Promise<void> {
    this.#sentMs = performance.now();
    if (this.#unconfirmed <= 1) this.#movedMs = this.#sentMs;
    parcel.mark.messages = parcel.batch.count;
    try {
      await this.#deliverUntilFinal(parcel, pass, before);
    } catch (error) {
      pass.gaveUp = true;
      this.#fail(pass, error);
    } finally {
      this.#retrying.delete(parcel.mark);
    }
  }

  async #deliverUntilFinal({ batch, mark }: Parcel, pass: Pass, before: Promise<unknown>): Promise<void> {
    const byteLength = batch.bytes.length;
    let last: Delivery | undefined;
    const attempt = async (): Promise<Delivery> => {
      if (last !== undefined) {
        await before;
        if (pass.giveUp.aborted) return last;
      }
      const delivery = await this.#attempt(batch, mark, pass);
      if (delivery.outcome === 'retryable') {
        last = delivery;
        this.#retrying.add(mark);
        if (!(await this.#setAsideAll(batch, delivery.rejections ?? [], mark, pass))) return delivery;
        batch.skip(delivery.deliveredCount ?? 0);
      }
      return delivery;
    };
    const onRetry = (): void => {
      this.#retries += 1;
    };
    const delivery = await retryUntilFinal(attempt, { outage: this.#outage, giveUp: pass.giveUp, onRetry, isBehind: () => this.#isBehind(mark) });
    if (delivery === undefined) {
      pass.gaveUp = true;
      return;
    }
    this.#batches += 1;
    this.#bytes += byteLength;
    if (delivery.outcome === 'sent') {
      this.#awaitConfirmation(delivery.confirmed, mark, pass);
      return;
    }
    this.#outage.recovered();
    if (delivery.outcome === 'rejected' && !(await this.#setAsideAll(batch, delivery.rejections, mark, pass))) return;
    this.#tracker.settle(mark);
  }

  /** Whether a delivery that was begun earlier is to be repeated: one break gives back all that were under way, and is one failure. */
  #isBehind(mark: Mark): boolean {
    // In lanes each fails by itself, and waits for no other.
    if (this.#options.sink.lanes !== undefined) return false;
    for (const retrying of this.#retrying) if (retrying.number < mark.number) return true;
    return false;
  }

  async #attempt(batch: FramedBatch, mark: Mark, pass: Pass): Promise<Delivery> {
    this.#attempts.set(mark, performance.now());
    try {
      return await this.#options.sink.deliver(batch, pass.cut);
    } finally {
      this.#attempts.delete(mark);
      this.#isReady = true;
    }
  }

  /**
   * Waiting for the source, a pause, a receiver that does not read, a confirmation, or a disk for the dead letters
   * have no limit, and are progress. An attempt has one, and so has the end after an abort.
   */
  #stuck(nowMs: number): string | undefined {
    const { attemptTimeoutMs = ATTEMPT_TIMEOUT_MS } = this.#options.sink;
    const isOver = (sinceMs: number): boolean => nowMs - Math.max(sinceMs, this.#heldUpMs) > attemptTimeoutMs;
    const [oldestMs] = this.#attempts.values();
    if (oldestMs !== undefined && isOver(oldestMs)) return `an attempt to deliver has not ended within ${attemptTimeoutMs / 1000} s`;
    if (this.#abortedMs !== undefined && this.#state !== 'stopped' && isOver(this.#abortedMs)) return `it has not stopped within ${attemptTimeoutMs / 1000} s`;
    return undefined;
  }

  #awaitConfirmation(confirmed: Promise<boolean>, mark: Mark, pass: Pass): void {
    const confirmation = confirmed
      .then((isConfirmed) => {
        if (isConfirmed) {
          this.#outage.recovered();
          this.#tracker.settle(mark);
        } else {
          pass.broken.abort();
        }
      })
      .catch((error: unknown) => this.#fail(pass, error))
      .finally(() => this.#confirmations.delete(confirmation));
    this.#confirmations.add(confirmation);
  }

  /** Writes refused messages to the dead letters, and counts them; false where an abort came before that could be done. */
  async #setAsideAll(batch: FramedBatch, rejections: readonly Rejection[], mark: Mark, pass: Pass): Promise<boolean> {
    for (const rejection of rejections) {
      if (!(await this.#setAside(batch, rejection, pass))) return false;
    }
    mark.rejected += rejections.length;
    return true;
  }

  async #setAside(batch: FramedBatch, rejection: Rejection, pass: Pass): Promise<boolean> {
    const { cursor, timestamp } = batch.place(rejection.index);
    const content = Buffer.from(batch.message(rejection.index));
    const letter = { from: this.#options.name, kind: rejection.kind ?? 'refused', reason: rejection.reason, cursor, timestamp, content };
    try {
      await this.#options.deadLetters.write(letter, pass.cut);
      return true;
    } catch (error) {
      if (!pass.cut.aborted) throw error;
      pass.gaveUp = true;
      return false;
    }
  }

  /** Ends the route with a bug's exception. */
  #fail(pass: Pass, error: unknown): void {
    pass.failure ??= error;
    pass.broken.abort();
  }

  #advanced({ position, messages, rejected, filtered }: Advance): void {
    this.#counts.delivered += messages - rejected;
    this.#counts.rejected += rejected;
    this.#counts.filtered += filtered;
    this.#movedMs = performance.now();
    this.#throughput.add(messages, this.#movedMs);
    this.#options.source.settled?.(position);
    this.#saver.request();
  }

  /** Saves at once where a first run begins: a machine may start again before anything is delivered, and its next run would be a first one, too. */
  #noteStart({ entries: [first] }: Chunk): void {
    if (first === undefined || this.#tracker.watermark !== undefined) return;
    this.#tracker.startBefore(first);
    this.#saver.request();
  }

  #noteRead(chunk: Chunk): void {
    this.#read += chunk.entries.length;
    const last = chunk.entries.at(-1);
    if (last === undefined) return;
    this.#firstRead ??= chunk.entries[0]!.timestamp;
    this.#lastRead = last.timestamp;
  }

  /** Batches that were sent, or are being sent, and are not settled. */
  get #unconfirmed(): number {
    return this.#tracker.openCount - (this.#outbox?.unsent ?? 0);
  }

  #checkpoint(): Checkpoint | undefined {
    const position = this.#tracker.watermark;
    return position === undefined ? undefined : { position, counts: { ...this.#counts } };
  }
}

/** Passes on what ends the reading and not the delivery; throws all else. */
function asGivenUp(error: unknown): ReadingGivenUp {
  if (error instanceof ReadingGivenUp) return error;
  throw error;
}

function since(before: Counts, counts: Counts): Counts {
  return { delivered: counts.delivered - before.delivered, filtered: counts.filtered - before.filtered, rejected: counts.rejected - before.rejected };
}

/** Undefined for an entry that the destination would refuse whatever its content. */
function laneOf({ lanes }: Sink, entry: Entry): string | undefined {
  return lanes === undefined ? '' : lanes.laneOf(entry);
}
