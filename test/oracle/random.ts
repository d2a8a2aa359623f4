/**
 * A small generator of pseudo-random numbers (mulberry32). The same seed and purpose give the same numbers on every
 * machine; different purposes have streams of their own, so that a new one does not change what the others drew.
 */
export class Random {
  #state: number;

  constructor(seed: number, purpose: string) {
    // FNV-1a, 32 bits.
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(`${seed}/${purpose}`)) hash = Math.imul(hash ^ byte, 0x01000193);
    this.#state = hash >>> 0;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between([least, most]: readonly [number, number]): number {
    return least + this.next() * (most - least);
  }

  /** A pause between events that come independently of each other, with this mean. */
  pause(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** One of the keys, by weight. */
  pick(weights: Readonly<Record<string, number>>): string {
    const names = Object.keys(weights);
    let left = this.next() * names.reduce((sum, name) => sum + weights[name]!, 0);
    return names.find((name) => (left -= weights[name]!) < 0) ?? names.at(-1)!;
  }
}
