/**
 * How many requests may be under way at a time: half as many after one was throttled, and slowly more again with each
 * that was not (additive increase, multiplicative decrease, as TCP does it).
 */
export class Pace {
  readonly #most: number;
  #window: number;

  constructor(most: number) {
    this.#most = most;
    this.#window = most;
  }

  /** From 1 to the most. */
  get requests(): number {
    return Math.floor(this.#window);
  }

  throttled(): void {
    this.#window = Math.max(1, this.#window / 2);
  }

  answered(): void {
    this.#window = Math.min(this.#most, this.#window + 1 / this.#window);
  }
}
