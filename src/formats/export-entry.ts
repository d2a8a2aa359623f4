import { fieldWidth, FieldSlice, type Cursor, type Entry, type FieldTable, type FieldValue } from '../core/entry.js';
import { repeatedValue, textOrBytes } from './field-value.js';

/** What fields are first told apart by: the length of the name, its first and its last byte. */
export function fieldKey(length: number, first: number, last: number): number {
  return (length << 16) | (first << 8) | last;
}

/** An entry of the export format: a view on the bytes it was read from, with the places of its fields in a table. */
export class ExportEntry implements Entry {
  readonly #bytes: Buffer;
  readonly #table: Int32Array;
  readonly #from: number;
  readonly #to: number;
  /**
   * The names of the fields whose value was cut, or that were left out, because the entry was larger than the
   * reader's `maxEntryBytes`; at most 1,024 names. Undefined where the entry is complete.
   */
  readonly truncatedFields: readonly string[] | undefined;

  /** The fields are those of `table` between the indexes `from` and `to`. */
  constructor(bytes: Buffer, table: Int32Array, from: number, to: number, truncatedFields?: readonly string[]) {
    this.#bytes = bytes;
    this.#table = table;
    this.#from = from;
    this.#to = to;
    this.truncatedFields = truncatedFields;
  }

  get cursor(): Cursor {
    return (this.bytes('__CURSOR')?.toString('latin1') ?? '') as Cursor;
  }

  get fieldTable(): FieldTable {
    return { bytes: this.#bytes, table: this.#table, from: this.#from, to: this.#to };
  }

  get timestamp(): number {
    if (!this.locate('__REALTIME_TIMESTAMP', digits)) return 0;
    const { bytes, to } = digits;
    let value = 0;
    for (let i = digits.from; i < to; i++) {
      const digit = (bytes[i] as number) - 0x30;
      if (digit < 0 || digit > 9) return 0;
      value = value * 10 + digit;
    }
    return value;
  }

  get(name: string): FieldValue | undefined {
    const first = this.#find(name, this.#from);
    if (first < 0) return undefined;
    let next = this.#find(name, first + fieldWidth);
    if (next < 0) return textOrBytes(this.#value(first));
    const values = [this.#value(first)];
    for (; next >= 0; next = this.#find(name, next + fieldWidth)) values.push(this.#value(next));
    return repeatedValue(values);
  }

  bytes(name: string): Buffer | undefined {
    const at = this.#findLeast(name);
    return at < 0 ? undefined : this.#value(at);
  }

  locate(name: string, slice: FieldSlice): boolean {
    const at = this.#findLeast(name);
    if (at < 0) return false;
    slice.set(this.#bytes, this.#table[at + 2] as number, this.#table[at + 3] as number);
    return true;
  }

  names(): Iterable<string> {
    const names = new Set<string>();
    for (let at = this.#from; at < this.#to; at += fieldWidth) {
      const start = this.#table[at + 1] as number;
      names.add(this.#bytes.toString('latin1', start, start + ((this.#table[at] as number) >>> 16)));
    }
    return names;
  }

  #value(at: number): Buffer {
    return this.#bytes.subarray(this.#table[at + 2], this.#table[at + 3]);
  }

  /** The index of the field of that name, the least in the order of bytes where there are several, or -1. */
  #findLeast(name: string): number {
    let least = this.#find(name, this.#from);
    if (least < 0) return -1;
    for (let next = this.#find(name, least + fieldWidth); next >= 0; next = this.#find(name, next + fieldWidth)) {
      if (Buffer.compare(this.#value(next), this.#value(least)) < 0) least = next;
    }
    return least;
  }

  /** The index of the first field of that name at or after the index `from`, or -1. */
  #find(name: string, from: number): number {
    const table = this.#table;
    const to = this.#to;
    const key = fieldKey(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
    for (let at = from; at < to; at += fieldWidth) {
      if (table[at] === key && this.#named(name, table[at + 1] as number)) return at;
    }
    return -1;
  }

  #named(name: string, start: number): boolean {
    const bytes = this.#bytes;
    for (let i = name.length - 2; i > 0; i--) {
      if (bytes[start + i] !== name.charCodeAt(i)) return false;
    }
    return true;
  }
}

const digits = new FieldSlice();
