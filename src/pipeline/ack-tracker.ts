import type { Position } from '../core/position.js';

/** One batch on its way. */
export interface Mark {
  /** Ascends in the order of the source. */
  readonly number: number;
  /** The last entry that is settled once this mark is. */
  position: Position;
  readonly messages: number;
  /** How many of the messages the receiver refused. */
  rejected: number;
  /** Entries up to `position` that needed no delivery. */
  filtered: number;
  state: 'open' | 'settled' | 'dropped';
}

/**
 * Knows up to where everything is settled: delivered, filtered out, or dead-lettered. Batches may be settled in any
 * order; the watermark never passes one that is not.
 */
export class AckTracker {
  readonly #onSettled: (mark: Mark) => void;
  readonly #open: Mark[] = [];
  #head = 0;
  #opened = 0;
  #watermark: Position | undefined;
  #wake: (() => void) | undefined;

  /** `onSettled` hears of each mark in the order of the source, when the watermark has moved past it. */
  constructor(start: Position | undefined, onSettled: (mark: Mark) => void) {
    this.#watermark = start;
    this.#onSettled = onSettled;
  }

  /** The position up to which everything is settled; undefined when nothing ever was. */
  get watermark(): Position | undefined {
    return this.#watermark;
  }

  get openCount(): number {
    return this.#open.length - this.#head;
  }

  /** Notes a batch as on its way: everything up to `position` that no earlier mark covers. */
  open(position: Position, messages: number, filtered: number): Mark {
    const mark: Mark = { number: ++this.#opened, position, messages, rejected: 0, filtered, state: 'open' };
    this.#open.push(mark);
    return mark;
  }

  /** Settles a mark. One that a rewind has dropped stays dropped: its entries are read and noted again. */
  settle(mark: Mark): void {
    if (mark.state !== 'open') return;
    mark.state = 'settled';
    for (let first = this.#open[this.#head]; first?.state === 'settled'; first = this.#open[this.#head]) {
      this.#head += 1;
      this.#advance(first);
    }
    this.#compact();
    this.#wake?.();
  }

  /** Notes that nothing up to `position` needs delivery beyond what is open: settled as soon as what is before it. */
  pass(position: Position, filtered: number): void {
    const last = this.#open.at(-1);
    if (last === undefined) {
      this.#advance({ number: this.#opened, position, messages: 0, rejected: 0, filtered, state: 'settled' });
    } else {
      last.position = position;
      last.filtered += filtered;
    }
  }

  /** Drops all that is open: it will be read and noted again from the watermark on. */
  rewind(): void {
    for (const mark of this.#open) if (mark.state === 'open') mark.state = 'dropped';
    this.#open.length = 0;
    this.#head = 0;
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

  #advance(mark: Mark): void {
    this.#watermark = mark.position;
    this.#onSettled(mark);
  }

  /** Gives memory back, but not for every mark: removing from the front costs the length of the rest. */
  #compact(): void {
    if (this.#head < 1024 && this.#head < this.#open.length) return;
    this.#open.splice(0, this.#head);
    this.#head = 0;
  }
}
