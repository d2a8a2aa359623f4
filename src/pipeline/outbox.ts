import type { Encoder } from '../core/encoder.js';
import type { Entry } from '../core/entry.js';
import type { Sink } from '../core/sink.js';
import type { Mark } from './ack-tracker.js';
import { FramedBatch } from './batch.js';

/** Full batches that may wait for their lanes before reading waits too. */
const MAX_WAITING = 4;
/** The lane of a sink that has none. */
const ONE_LANE = '';

/** A batch on its way, and the mark that holds the position behind it. */
export interface Parcel {
  readonly batch: FramedBatch;
  readonly mark: Mark;
}

export interface OutboxOptions {
  readonly encoder: Encoder;
  readonly sink: Sink;
  /** Called when a batch gets its first entry, before that entry is noted anywhere. */
  readonly begin: () => Mark;
  /** Called for a batch to be delivered; the outbox clears it when the promise has settled. Never rejects. `before`: the end of the deliveries that were begun earlier, in the same lane. */
  readonly deliver: (parcel: Parcel, before: Promise<unknown>) => Promise<void>;
  /** True while nothing may be begun in the lane beside what is under way: a delivery failed, and is attempted again. */
  readonly isRetrying: () => boolean;
  /** True from when on nothing may be delivered any more: what waits is forgotten. */
  readonly isClosed: () => boolean;
}

/**
 * The batches of one route from their first message until they are delivered: filling, then waiting for their turn,
 * then under way. Where the sink has lanes, each lane has a batch that fills, and at most one under way; otherwise
 * there is one that fills, and as many under way as the sink allows. Bounded: who adds has to wait until there is room.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  /** By lane, the oldest first. */
  readonly #filling = new Map<string, Parcel>();
  readonly #waiting: Parcel[] = [];
  readonly #underWay = new Map<Parcel, Promise<void>>();
  readonly #busy = new Set<string>();
  /** One is enough where there is one lane; of many lanes, each makes its own. */
  readonly #spares: FramedBatch[] = [];
  /** Of all batches, in bytes of frames. */
  #held = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Deliveries that are attempted, or wait to be attempted again. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Batches that are filling, or full and waiting for their turn. */
  get unsent(): number {
    return this.#filling.size + this.#waiting.length;
  }

  /** When the oldest batch that is filling got its first message, as performance.now() tells it; undefined where there is none. */
  get oldestMs(): number | undefined {
    return this.#oldest()?.batch.startedMs;
  }

  /** Appends an entry to its lane's batch; sends that first where it is full, and waits where there is no room. */
  add(entry: Entry, lane: string = ONE_LANE): 'added' | 'skipped' | Promise<'added' | 'skipped'> {
    const added = this.#add(entry, lane);
    if (added === 'full') return this.#sendAndAdd(entry, lane);
    // To wait for room before the first entry of the next batch is early enough, but not where many lanes fill.
    return added === 'added' && !this.#isWithinBounds() ? this.#makeRoom().then(() => added) : added;
  }

  /** Appends as many entries from the index `from` on, before `to`, as go into the filling batch at once, and returns how many; 0 where `add` is to be asked. */
  addRun(entries: readonly Entry[], from: number, to: number): number {
    const { sink } = this.#options;
    const filling = sink.lanes === undefined ? this.#filling.get(ONE_LANE) : undefined;
    if (filling === undefined) return 0;
    const before = filling.batch.heldBytes;
    const count = filling.batch.addRun(entries, from, to, sink.limits);
    this.#held += filling.batch.heldBytes - before;
    return count;
  }

  /** Sends the oldest batch that is filling, full or not, and waits until there is room. */
  async sendOldest(): Promise<void> {
    const oldest = this.#oldest();
    if (oldest !== undefined) await this.#send(oldest);
  }

  /** Sends all that is left, and resolves when every delivery has ended. */
  async finish(): Promise<void> {
    while (this.#filling.size > 0 && !this.#options.isClosed()) await this.sendOldest();
    await this.ended();
  }

  /** Resolves when nothing is under way and nothing waits to be. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  /** Forgets what is not sent: its marks are dropped, and its entries will be read again. */
  forget(): void {
    this.#filling.clear();
    this.#waiting.length = 0;
  }

  #oldest(): Parcel | undefined {
    const [oldest] = this.#filling.values();
    return oldest;
  }

  async #sendAndAdd(entry: Entry, lane: string): Promise<'added' | 'skipped'> {
    await this.#send(this.#filling.get(lane)!);
    // What is added to a batch that is never sent holds the position behind it all the same.
    return this.#add(entry, lane) === 'skipped' ? 'skipped' : 'added';
  }

  #add(entry: Entry, lane: string): 'added' | 'skipped' | 'full' {
    const { sink, encoder, begin } = this.#options;
    const filling = this.#filling.get(lane);
    const batch = filling?.batch ?? this.#spares.pop() ?? new FramedBatch(encoder, sink.framing, lane);
    const before = batch.heldBytes;
    const added = batch.add(entry, sink.limits);
    this.#held += batch.heldBytes - before;
    if (filling === undefined && added === 'added') this.#filling.set(lane, { batch, mark: begin() });
    else if (filling === undefined) this.#release(batch);
    return added;
  }

  async #send(parcel: Parcel): Promise<void> {
    this.#filling.delete(parcel.batch.lane);
    this.#waiting.push(parcel);
    this.#dispatch();
    await this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    while (!this.#hasRoom() && !this.#options.isClosed()) {
      // What is small because there are so many would never become full.
      if (!this.#isWithinBounds() && this.#hasTurn()) {
        const crowding = this.#crowding();
        if (crowding !== undefined) {
          this.#filling.delete(crowding.batch.lane);
          this.#waiting.push(crowding);
          this.#dispatch();
          continue;
        }
      }
      await Promise.race(this.#underWay.values());
      this.#queueAged();
      this.#dispatch();
    }
  }

  #hasRoom(): boolean {
    return this.#options.sink.lanes === undefined ? this.#waiting.length === 0 : this.#waiting.length <= MAX_WAITING && this.#isWithinBounds();
  }

  #isWithinBounds(): boolean {
    const { lanes } = this.#options.sink;
    return lanes === undefined || (this.#held <= lanes.maxHeldBytes && this.unsent + this.underWay <= lanes.maxBatches);
  }

  #hasTurn(): boolean {
    return this.#underWay.size < this.#options.sink.limits.maxInFlight;
  }

  /** Of the batches that are filling, the one to send for the sake of the others: the largest, or the oldest where there are too many. */
  #crowding(): Parcel | undefined {
    const { lanes } = this.#options.sink;
    const isTooMuch = lanes !== undefined && this.#held > lanes.maxHeldBytes;
    let found: Parcel | undefined;
    for (const parcel of this.#filling.values()) {
      if (this.#busy.has(parcel.batch.lane)) continue;
      if (!isTooMuch) return parcel;
      if (found === undefined || parcel.batch.heldBytes > found.batch.heldBytes) found = parcel;
    }
    return found;
  }

  /** Nobody else looks at the age of batches while reading waits. */
  #queueAged(): void {
    const { lanes, limits } = this.#options.sink;
    if (lanes === undefined) return;
    const dueMs = performance.now() - limits.maxAgeMs;
    for (const parcel of this.#filling.values()) {
      if (parcel.batch.startedMs > dueMs) return;
      if (this.#busy.has(parcel.batch.lane)) continue;
      this.#filling.delete(parcel.batch.lane);
      this.#waiting.push(parcel);
    }
  }

  /** Begins the deliveries that may begin, in the order in which they came to wait. */
  #dispatch(): void {
    const { isClosed, isRetrying, sink } = this.#options;
    if (isClosed()) {
      for (const { batch } of this.#waiting.splice(0)) this.#release(batch);
      return;
    }
    const hasLanes = sink.lanes !== undefined;
    for (let at = 0; at < this.#waiting.length && this.#hasTurn(); ) {
      const parcel = this.#waiting[at]!;
      if (hasLanes ? this.#busy.has(parcel.batch.lane) : isRetrying()) {
        if (!hasLanes) return;
        at += 1;
        continue;
      }
      this.#waiting.splice(at, 1);
      this.#begin(parcel);
    }
  }

  #begin(parcel: Parcel): void {
    const { sink, deliver } = this.#options;
    const before = sink.lanes === undefined ? Promise.all(this.#underWay.values()) : Promise.resolve();
    this.#busy.add(parcel.batch.lane);
    const delivery = deliver(parcel, before).finally(() => {
      this.#underWay.delete(parcel);
      this.#busy.delete(parcel.batch.lane);
      this.#release(parcel.batch);
      this.#dispatch();
    });
    this.#underWay.set(parcel, delivery);
  }

  #release(batch: FramedBatch): void {
    this.#held -= batch.heldBytes;
    batch.clear();
    if (batch.lane === ONE_LANE) this.#spares.push(batch);
  }
}
