import type { Cursor, Entry, FieldValue } from '../../core/entry.js';

/** The entries of an input that cannot be read twice, numbered from 1, from the oldest that is still needed on. */
export class Window {
  #segments: Segment[] = [];
  /** The segments before this index are dropped; the array is shortened now and then. */
  #dropped = 0;
  #last = 0;
  #byteCount = 0;

  /** The number of the entry that was appended last, 0 before any. */
  get last(): number {
    return this.#last;
  }

  /** What the entries took in the input. Whole reads are dropped, so part of one counts as all of it. */
  get byteCount(): number {
    return this.#byteCount;
  }

  append(entries: readonly Entry[], byteCount: number): void {
    const first = this.#last + 1;
    const numbered = entries.map((entry, index) => new NumberedEntry(entry, first + index));
    this.#segments.push({ first, entries: numbered, byteCount });
    this.#last += entries.length;
    this.#byteCount += byteCount;
  }

  /** The entries after number `after` that one read held; undefined where there are none yet. */
  after(after: number): readonly Entry[] | undefined {
    let low = this.#dropped;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastOf(this.#segments[middle] as Segment) > after) high = middle;
      else low = middle + 1;
    }
    const segment = this.#segments[low];
    return segment === undefined || after < segment.first ? segment?.entries : segment.entries.slice(after - segment.first + 1);
  }

  /** Lets go of the reads that hold nothing after number `through`. */
  drop(through: number): void {
    for (let segment = this.#segments[this.#dropped]; segment !== undefined && lastOf(segment) <= through; segment = this.#segments[this.#dropped]) {
      this.#byteCount -= segment.byteCount;
      this.#segments[this.#dropped++] = nothing;
    }
    if (this.#dropped * 2 > this.#segments.length) {
      this.#segments = this.#segments.slice(this.#dropped);
      this.#dropped = 0;
    }
  }
}

/** The cursor of an entry that has none of its own that is unique: its number in the input. */
export function numberedCursor(number: number): Cursor {
  return `stdin;n=${number}` as Cursor;
}

/** The number in such a cursor, undefined for any other. */
export function numberOf(cursor: Cursor): number | undefined {
  const digits = /^stdin;n=([0-9]{1,15})$/.exec(cursor)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

interface Segment {
  readonly first: number;
  readonly entries: readonly Entry[];
  readonly byteCount: number;
}

const nothing: Segment = { first: 0, entries: [], byteCount: 0 };

function lastOf(segment: Segment): number {
  return segment.first + segment.entries.length - 1;
}

/** An entry with its place in the input as its cursor; what it recorded as `__CURSOR` stays a field. */
class NumberedEntry implements Entry {
  readonly #entry: Entry;
  readonly #number: number;

  constructor(entry: Entry, number: number) {
    this.#entry = entry;
    this.#number = number;
  }

  get cursor(): Cursor {
    return numberedCursor(this.#number);
  }

  get timestamp(): number {
    return this.#entry.timestamp;
  }

  get(name: string): FieldValue | undefined {
    return this.#entry.get(name);
  }

  bytes(name: string): Uint8Array | undefined {
    return this.#entry.bytes(name);
  }

  names(): Iterable<string> {
    return this.#entry.names();
  }
}
