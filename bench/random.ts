/** Pseudo-random numbers that a seed determines (xorshift, 32 bits): for data that must be the same on every run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Zero is a fixed point of the generator; the multiplication spreads small seeds.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) || 1;
  }

  /** Uniform in [0, 1). */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 0x100000000;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.next() * values.length)] as T;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Lower-case hexadecimal digits. */
  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += Math.floor(this.next() * 0x100000000).toString(16).padStart(8, '0');
    return text.slice(0, digits);
  }

  uuid(): string {
    const digits = this.hex(32);
    return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-');
  }

  bytes(length: number): Buffer {
    return Buffer.from(this.hex(length * 2), 'hex');
  }

  words(count: number): string {
    let text = this.pick(vocabulary);
    for (let i = 1; i < count; i++) text += ` ${this.pick(vocabulary)}`;
    return text;
  }

  /** A private IPv4 address. */
  address(): string {
    return `10.${this.between(0, 31)}.${this.between(0, 255)}.${this.between(1, 254)}`;
  }
}

const vocabulary = (
  'failed started waiting for endpoint of service while reading answer from peer cannot open file socket closed by remote ' +
  'volume mount is ready pod scheduled on node after backoff limit reached image layer already present token expired renewing lease ' +
  'queue drained worker idle cache miss lookup slow query took longer than expected retrying request with new credentials ok'
).split(' ');
