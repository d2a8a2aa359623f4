import type { Position } from '../core/position.js';

/** One batch on its way, from its first message on. */
export interface Mark {
  /** Ascends in the order of the source. */
  readonly number: number;
  /** The last entry before the batch's first one. */
  readonly before: Position | undefined;
  /** Entries between the mark before this one and this one that needed no delivery. */
  readonly filteredBefore: number;
  messages: number;
  /** How many of the messages the receiver refused. */
  rejected: number;
  state: 'open' | 'settled' | 'dropped';
}

/** A step of the watermark, and what became settled with it. */
export interface Advance {
  readonly position: Position;
  readonly messages: number;
  readonly rejected: number;
  readonly filtered: number;
}

/**
 * Knows up to where everything is settled: delivered, filtered out, or dead-lettered. Batches may be settled in any
 * order, and their entries may lie between each other's; the watermark never passes an entry that is not settled.
 *
 * That holds since batches are begun in the order of the source: whatever stands before the first entry of the oldest
 * open batch belongs to one that was begun, and settled, before.
 */
export class AckTracker {
  readonly #onAdvance: (advance: Advance) => void;
  readonly #open: Mark[] = [];
  #head = 0;
  #begun = 0;
  #watermark: Position | undefined;
  /** The last entry that was noted. An Entry is a Position, decoded late. */
  #taken: Position | undefined;
  /** What was settled without a step of the watermark. */
  #uncounted = { messages: 0, rejected: 0, filtered: 0 };
  /** Entries that needed no delivery, since the last mark. */
  #filtered = 0;
  #wake: (() => void) | undefined;

  /** `onAdvance` hears of each step of the watermark. */
  constructor(start: Position | undefined, onAdvance: (advance: Advance) => void) {
    this.#watermark = start;
    this.#onAdvance = onAdvance;
  }

  /** The position up to which everything is settled, or before which a first run began; undefined until either is known. */
  get watermark(): Position | undefined {
    return this.#watermark;
  }

  /** Batches that were begun and that the watermark has not passed. */
  get openCount(): number {
    return this.#open.length - this.#head;
  }

  /** Notes where a first run begins, before an entry that is not noted yet: until something is settled, a later one must begin there too. */
  startBefore(entry: Position): void {
    this.#watermark = { ...positionOf(entry), before: true };
  }

  /** Notes that a batch begins with the next entry, which is not noted yet. */
  begin(): Mark {
    if (this.openCount === 0) this.#advance(0, 0, 0);
    const before = this.#taken === undefined ? this.#watermark : positionOf(this.#taken);
    const mark: Mark = { number: ++this.#begun, before, filteredBefore: this.#filtered, messages: 0, rejected: 0, state: 'open' };
    this.#filtered = 0;
    this.#open.push(mark);
    return mark;
  }

  /** Notes the next entry, or the last of the next ones, which a batch that was begun has; or, where it is `filtered`, which needs no delivery. */
  take(entry: Position, isFiltered: boolean): void {
    this.#taken = entry;
    if (isFiltered) this.#filtered += 1;
  }

  /** Lets the watermark move over what was noted, where nothing is open; `through` is where the source has nothing more up to. */
  pass(through?: Position): void {
    if (through !== undefined) this.#taken = through;
    if (this.openCount === 0) this.#advance(0, 0, 0);
  }

  /** Settles a mark. One that a rewind has dropped stays dropped: its entries are read and noted again. */
  settle(mark: Mark): void {
    if (mark.state !== 'open') return;
    mark.state = 'settled';
    if (mark !== this.#open[this.#head]) return;
    let messages = 0;
    let rejected = 0;
    // The watermark has passed what lies before the first of them already.
    let filtered = -mark.filteredBefore;
    for (let first = this.#open[this.#head]; first?.state === 'settled'; first = this.#open[this.#head]) {
      this.#head += 1;
      messages += first.messages;
      rejected += first.rejected;
      filtered += first.filteredBefore;
    }
    this.#advance(messages, rejected, filtered);
    this.#compact();
    this.#wake?.();
  }

  /** Drops all that is open: it will be read and noted again from the watermark on. */
  rewind(): void {
    for (const mark of this.#open) if (mark.state === 'open') mark.state = 'dropped';
    this.#open.length = 0;
    this.#head = 0;
    this.#taken = undefined;
    this.#filtered = 0;
    this.#uncounted = { messages: 0, rejected: 0, filtered: 0 };
    this.#wake?.();
  }

  /** Resolves when fewer than `count` marks are open, or the signal aborts. One waiter at a time. */
  async whenBelow(count: number, signal: AbortSignal): Promise<void> {
    while (this.openCount >= count && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#wake = undefined;
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#wake = done;
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }

  /** Moves the watermark to where the oldest open mark begins, or over all that was noted. */
  #advance(messages: number, rejected: number, filteredBetween: number): void {
    const oldest = this.#open[this.#head];
    const position = oldest === undefined ? this.#taken && positionOf(this.#taken) : oldest.before;
    const settled = this.#uncounted;
    settled.messages += messages;
    settled.rejected += rejected;
    settled.filtered += filteredBetween;
    // A batch that was settled before its last entry was noted: that entry brings the position.
    if (position === undefined) return;
    const filtered = settled.filtered + (oldest === undefined ? this.#filtered : oldest.filteredBefore);
    this.#uncounted = { messages: 0, rejected: 0, filtered: 0 };
    if (oldest === undefined) {
      this.#filtered = 0;
      this.#taken = undefined;
    }
    this.#watermark = position;
    this.#onAdvance({ position, messages: settled.messages, rejected: settled.rejected, filtered });
  }

  /** Gives memory back, but not for every mark: removing from the front costs the length of the rest. */
  #compact(): void {
    if (this.#head < 1024 && this.#head < this.#open.length) return;
    this.#open.splice(0, this.#head);
    this.#head = 0;
  }
}

function positionOf(place: Position): Position {
  return { cursor: place.cursor, timestamp: place.timestamp };
}
