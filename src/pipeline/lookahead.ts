import { setImmediate as turn } from 'node:timers/promises';
import { Deadline } from '../core/deadline.js';

/** Pulls one value ahead of its consumer, who can thus tell whether there is more at hand. */
export class Lookahead<T> {
  readonly #values: AsyncIterator<T>;
  #next: Promise<IteratorResult<T>>;
  #ready = false;
  #pulledMs = 0;
  /** Ends the wait that is under way, which lasts until the deadline at most. */
  #wake: (() => void) | undefined;
  readonly #deadline = new Deadline(() => this.#wake?.());

  constructor(values: AsyncIterator<T>) {
    this.#values = values;
    this.#next = this.#pull();
  }

  /** For how many milliseconds the source has owed a value. */
  get waitedMs(): number {
    return this.#ready ? 0 : performance.now() - this.#pulledMs;
  }

  /** Waits for the next value, at most `ms` milliseconds (0: one turn of the event loop), and says whether it is there. */
  async readyWithin(ms: number): Promise<boolean> {
    if (this.#ready) return true;
    if (ms <= 0) await turn();
    else await this.#readyOrTimeout(ms);
    return this.#ready;
  }

  /** The next value, or undefined after the last. Begins to pull the one after it. */
  async next(): Promise<T | undefined> {
    const result = await this.#next;
    if (result.done === true) return undefined;
    this.#next = this.#pull();
    return result.value;
  }

  /** Nothing waits any more. */
  close(): void {
    this.#deadline.stop();
  }

  #readyOrTimeout(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        this.#deadline.drop();
        resolve();
      };
      this.#deadline.set(ms);
    });
  }

  #pull(): Promise<IteratorResult<T>> {
    this.#ready = false;
    this.#pulledMs = performance.now();
    const next = this.#values.next();
    const settle = (): void => {
      this.#ready = true;
      this.#wake?.();
    };
    // A failure is the consumer's to see, when it asks; until then it must not count as unhandled.
    next.then(settle, settle);
    return next;
  }
}
