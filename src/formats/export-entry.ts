import { rowWidth, type Cursor, type Entry, type EntryTable, type FieldSlice, type FieldValue } from '../core/entry.js';
import { keyOfName } from './field-slots.js';
import { repeatedValue, textOrBytes } from './field-value.js';

/** Of entries of the export format. */
export interface ExportTable extends EntryTable {
  readonly bytes: Buffer;
}

/** An entry of the export format: a view on the bytes it was read from, with the places of its fields in a table. */
export class ExportEntry implements Entry {
  readonly table: ExportTable;
  readonly index: number;
  /**
   * The names of the fields whose value was cut, or that were left out, because the entry was larger than the
   * reader's `maxEntryBytes`; at most 1,024 names. Undefined where the entry is complete.
   */
  readonly truncatedFields: readonly string[] | undefined;

  constructor(table: ExportTable, index: number, truncatedFields?: readonly string[]) {
    this.table = table;
    this.index = index;
    this.truncatedFields = truncatedFields;
  }

  get cursor(): Cursor {
    return (this.#text('__CURSOR') ?? '') as Cursor;
  }

  get timestamp(): number {
    const digits = this.#text('__REALTIME_TIMESTAMP');
    return digits !== undefined && /^\d+$/.test(digits) ? Number(digits) : 0;
  }

  get(name: string): FieldValue | undefined {
    const first = this.#find(name, this.#from);
    if (first < 0) return undefined;
    let next = this.#find(name, first + rowWidth);
    if (next < 0) return textOrBytes(this.#value(first));
    const values = [this.#value(first)];
    for (; next >= 0; next = this.#find(name, next + rowWidth)) values.push(this.#value(next));
    return repeatedValue(values);
  }

  bytes(name: string): Buffer | undefined {
    const at = this.#findLeast(name);
    return at < 0 ? undefined : this.#value(at);
  }

  locate(name: string, slice: FieldSlice): boolean {
    const at = this.#findLeast(name);
    if (at < 0) return false;
    const { bytes, rows } = this.table;
    slice.set(bytes, rows[at + 2] as number, rows[at + 3] as number);
    return true;
  }

  names(): Iterable<string> {
    const { bytes, rows } = this.table;
    const names = new Set<string>();
    for (let at = this.#from; at < this.#to; at += rowWidth) {
      const start = rows[at + 1] as number;
      names.add(bytes.toString('latin1', start, start + ((rows[at] as number) >>> 16)));
    }
    return names;
  }

  /** Of an address field: an entry has each of them once. */
  #text(name: string): string | undefined {
    const at = this.#find(name, this.#from);
    const { bytes, rows } = this.table;
    return at < 0 ? undefined : bytes.toString('latin1', rows[at + 2], rows[at + 3]);
  }

  #value(at: number): Buffer {
    const { bytes, rows } = this.table;
    return bytes.subarray(rows[at + 2], rows[at + 3]);
  }

  /** The index of its first field, among the numbers of the rows. */
  get #from(): number {
    return this.index === 0 ? 0 : (this.table.ends[this.index - 1] as number) * rowWidth;
  }

  /** The index after its last field. */
  get #to(): number {
    return (this.table.ends[this.index] as number) * rowWidth;
  }

  /** The index of the field of that name, the least in the order of bytes where there are several, or -1. */
  #findLeast(name: string): number {
    let least = this.#find(name, this.#from);
    if (least < 0) return -1;
    for (let next = this.#find(name, least + rowWidth); next >= 0; next = this.#find(name, next + rowWidth)) {
      if (Buffer.compare(this.#value(next), this.#value(least)) < 0) least = next;
    }
    return least;
  }

  /** The index of the first field of that name at or after the index `from`, or -1. */
  #find(name: string, from: number): number {
    const { rows } = this.table;
    const to = this.#to;
    const key = keyOfName(name);
    for (let at = from; at < to; at += rowWidth) {
      if (rows[at] === key && this.#named(name, rows[at + 1] as number)) return at;
    }
    return -1;
  }

  #named(name: string, start: number): boolean {
    const { bytes } = this.table;
    for (let i = name.length - 2; i > 0; i--) {
      if (bytes[start + i] !== name.charCodeAt(i)) return false;
    }
    return true;
  }
}
