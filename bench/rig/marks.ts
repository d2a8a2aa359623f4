/** What begins a mark; nine digits and another `~` follow. */
const begin = Buffer.from('~Q');
const markBytes = 12;
const tilde = 0x7e;

/** What has arrived of the numbers from 0 to `expected` - 1. */
export class Tally implements Counter {
  readonly expected: number;
  unique = 0;
  duplicates = 0;
  /** Numbers that nobody sent. */
  unexpected = 0;
  readonly #seen: Uint8Array;

  constructor(expected: number) {
    this.expected = expected;
    this.#seen = new Uint8Array(expected);
  }

  get missing(): number {
    return this.expected - this.unique;
  }

  get complete(): boolean {
    return this.unique === this.expected;
  }

  count(number: number): void {
    if (number >= this.expected) this.unexpected++;
    else if (this.#seen[number] === 1) this.duplicates++;
    else {
      this.#seen[number] = 1;
      this.unique++;
    }
  }
}

/** What is told of each mark. */
export interface Counter {
  count(number: number): void;
}

/** Finds the marks in what one connection brings, wherever it is cut into chunks. A truncated message has lost its mark. */
export class MarkScanner {
  readonly #tally: Counter;
  /** The end of what came before: too short to hold a mark. */
  #carry: Buffer = Buffer.alloc(0);

  constructor(tally: Counter) {
    this.#tally = tally;
  }

  push(chunk: Buffer): void {
    // Neither part of the seam can hold a mark alone, so none is counted twice.
    const seam = Buffer.concat([this.#carry, chunk.subarray(0, markBytes - 1)]);
    this.#scan(seam);
    this.#scan(chunk);
    const end = chunk.length < markBytes ? seam : chunk;
    // A copy: a part of the chunk would keep all of it.
    this.#carry = Buffer.from(end.subarray(Math.max(0, end.length - markBytes + 1)));
  }

  #scan(bytes: Buffer): void {
    for (let at = bytes.indexOf(begin); at !== -1 && at + markBytes <= bytes.length; at = bytes.indexOf(begin, at)) {
      const number = numberAt(bytes, at + begin.length);
      if (number !== undefined) this.#tally.count(number);
      at += number === undefined ? begin.length : markBytes;
    }
  }
}

function numberAt(bytes: Buffer, start: number): number | undefined {
  const end = start + markBytes - begin.length - 1;
  if (bytes[end] !== tilde) return undefined;
  let number = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}
