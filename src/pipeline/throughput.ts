/** Each bucket counts a second. */
const BUCKETS = 60;

/** How much came through each second, over the last minute; over the time since it was made, while that is less. Costs nothing while nothing comes. */
export class Throughput {
  readonly #buckets = new Float64Array(BUCKETS);
  readonly #startedSecond: number;
  /** The second of the newest bucket. */
  #second: number;

  constructor(nowMs = performance.now()) {
    this.#startedSecond = Math.floor(nowMs / 1000);
    this.#second = this.#startedSecond;
  }

  add(count: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#buckets[this.#second % BUCKETS]! += count;
  }

  perSecond(nowMs: number): number {
    this.#turn(nowMs);
    const sum = this.#buckets.reduce((all, count) => all + count, 0);
    return sum / Math.min(BUCKETS, this.#second - this.#startedSecond + 1);
  }

  /** Empties the buckets of the seconds that have passed. */
  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    for (let next = Math.max(this.#second + 1, second - BUCKETS + 1); next <= second; next++) this.#buckets[next % BUCKETS] = 0;
    this.#second = Math.max(this.#second, second);
  }
}
