import { ByteWriter } from '../core/byte-writer.js';
import type { Encoder } from '../core/encoder.js';
import { runOf, type Cursor, type Entry } from '../core/entry.js';
import type { Position } from '../core/position.js';
import type { Batch, Framing, SinkLimits } from '../core/sink.js';

/** Memory that a batch keeps for the next one: what a full one of HTTP's takes, or each would leave as much behind. */
const KEEP_BYTES = 1024 * 1024;
/** What a batch begins with that is one of many. */
const SMALL_BYTES = 4 * 1024;
const FEW_MESSAGES = 16;
const LF = 0x0a;
const SPACE = 0x20;
/** Three digits and the space behind them. */
const LENGTH_BYTES = 4;

/** Encodes and frames entries into one buffer: the frames lie as the wire carries them, and nothing is copied again. */
export class FramedBatch implements Batch {
  readonly lane: string;
  readonly #encoder: Encoder;
  readonly #framing: Framing;
  readonly #frames: ByteWriter;
  /** Of each message, by its index: where it begins and ends in the frames, and where its entry stands in the source. */
  #starts: Int32Array = new Int32Array(FEW_MESSAGES);
  #ends: Int32Array = new Int32Array(FEW_MESSAGES);
  readonly #places: Position[] = [];
  /** When the first entry came, as performance.now() tells it. */
  #startedMs = 0;
  /** How many messages at the head are delivered already. */
  #skipped = 0;

  /** Where a lane is named, the batch is one of many: it begins small, and keeps positions in place of entries, which hold on to the memory they were read into. */
  constructor(encoder: Encoder, framing: Framing, lane = '') {
    this.lane = lane;
    this.#encoder = encoder;
    this.#framing = framing;
    this.#frames = lane === '' ? new ByteWriter() : new ByteWriter(SMALL_BYTES);
  }

  get count(): number {
    return this.#places.length - this.#skipped;
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  /** The length of all frames, skipped ones included. */
  get heldBytes(): number {
    return this.#frames.length;
  }

  get bytes(): Uint8Array {
    return this.#frames.view(this.#skipped === 0 ? 0 : this.#frameStart(this.#skipped));
  }

  /**
   * Appends an entry's frame. `skipped`: the format has nothing to say of it. `full`: it does not fit the limits any
   * more and belongs into the next batch (never said by an empty batch).
   */
  add(entry: Entry, limits: SinkLimits): 'added' | 'skipped' | 'full' {
    const frameStart = this.#frames.length;
    const start = this.#frame(entry);
    if (start === undefined) return 'skipped';
    if (limits.refusesEmpty === true && this.#frames.length - start === (this.#framing === 'lf' ? 1 : 0)) {
      this.#frames.truncate(frameStart);
      return 'skipped';
    }
    const size = this.#frames.length + (limits.overheadBytes ?? 0) * (this.count + 1);
    if (this.count > 0 && (size > limits.maxBytes || this.count >= limits.maxMessages)) {
      this.#frames.truncate(frameStart);
      return 'full';
    }
    if (this.count === 0) this.#startedMs = performance.now();
    const index = this.#places.length;
    if (index === this.#starts.length) this.#grow();
    this.#starts[index] = start;
    this.#ends[index] = this.#framing === 'lf' ? this.#frames.length - 1 : this.#frames.length;
    this.#places.push(this.lane === '' ? entry : { cursor: entry.cursor, timestamp: entry.timestamp });
    return 'added';
  }

  /**
   * Appends the frames of entries from the index `from` on in one go, before `to`, and returns how many: as many as the format
   * can, and as fit the limits. 0 where `add` is to be asked.
   */
  addRun(entries: readonly Entry[], from: number, to: number, limits: SinkLimits): number {
    const room = { from: this.#frames.length, messages: limits.maxMessages - this.count, bytes: limits.maxBytes - this.#frames.length };
    // To the first one, which is let in however large it is, and to what a receiver counts beside the frames, `add` sees.
    if (this.count === 0 || room.messages <= 0 || room.bytes <= 0 || limits.overheadBytes !== undefined || this.lane !== '') return 0;
    const { encodeRun } = this.#encoder;
    const run = encodeRun && runOf(entries, from, to);
    const frames = run && encodeRun(run, this.#framing, room);
    if (frames === undefined) return 0;
    const { bytes, starts, ends } = frames;
    const index = this.#places.length;
    while (index + starts.length > this.#starts.length) this.#grow();
    this.#frames.bytes(bytes);
    this.#starts.set(starts, index);
    this.#ends.set(ends, index);
    this.#places.push(...entries.slice(from, from + starts.length));
    return starts.length;
  }

  message(index: number): Uint8Array {
    const at = this.#skipped + index;
    return this.#frames.view(this.#starts[at]!, this.#ends[at]!);
  }

  timestamp(index: number): number {
    return this.place(index).timestamp;
  }

  cursor(index: number): Cursor {
    return this.place(index).cursor;
  }

  /** Where a message's entry stands in the source. */
  place(index: number): Position {
    return this.#places[this.#skipped + index]!;
  }

  /** Leaves the first `count` messages out from now on: they are delivered. */
  skip(count: number): void {
    this.#skipped = Math.min(this.#places.length, this.#skipped + count);
  }

  clear(): void {
    this.#frames.clear(KEEP_BYTES);
    this.#places.length = 0;
    this.#skipped = 0;
  }

  #grow(): void {
    this.#starts = doubled(this.#starts);
    this.#ends = doubled(this.#ends);
  }

  #frameStart(index: number): number {
    if (index === 0) return 0;
    const previousEnd = this.#ends[index - 1]!;
    return this.#framing === 'lf' ? previousEnd + 1 : previousEnd;
  }

  /** Appends the frame and returns where its message begins. */
  #frame(entry: Entry): number | undefined {
    if (this.#framing !== 'octet-counting') {
      const start = this.#frames.length;
      if (!this.#encoder.encode(entry, this.#frames)) return undefined;
      if (this.#framing === 'lf') this.#frames.byte(LF);
      return start;
    }
    // RFC 6587 section 3.4.1: the length comes first. Most have three digits, and so they are made room for.
    const at = this.#frames.length;
    this.#frames.leave(LENGTH_BYTES);
    const isEncoded = this.#encoder.encode(entry, this.#frames);
    const length = this.#frames.length - at - LENGTH_BYTES;
    // A length does not begin with 0, so that an empty message has no frame.
    if (!isEncoded || length === 0) {
      this.#frames.truncate(at);
      return undefined;
    }
    const digits = digitsOf(length);
    if (digits + 1 !== LENGTH_BYTES) this.#frames.shift(at + LENGTH_BYTES, digits + 1 - LENGTH_BYTES);
    this.#frames.overwrite(at, length, digits, SPACE);
    return at + digits + 1;
  }
}

/** Of a whole number from 1 on. */
function digitsOf(value: number): number {
  let digits = 1;
  for (let least = 10; value >= least; least *= 10) digits++;
  return digits;
}

function doubled(numbers: Int32Array): Int32Array {
  const grown = new Int32Array(numbers.length * 2);
  grown.set(numbers);
  return grown;
}
