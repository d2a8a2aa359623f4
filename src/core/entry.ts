/** An opaque position in what a source reads; for the journal, the text of `__CURSOR`. */
export type Cursor = string & { readonly __brand: 'Cursor' };

/** A field's value: text; bytes that are not valid UTF-8; or both, where the field was set more than once. */
export type FieldValue = string | Uint8Array | readonly (string | Uint8Array)[];

/**
 * One journal entry. Nobody mutates it, and fields are decoded only when asked for.
 *
 * A field that was set more than once has its different values in ascending order of their bytes: the journal
 * itself keeps neither their order nor their repetitions, so no reader can promise more.
 */
export interface Entry {
  /** Where this entry stands in the source that yielded it. Unique there, also where two entries carry one `__CURSOR`. */
  readonly cursor: Cursor;
  /** `__REALTIME_TIMESTAMP`: when journald took the entry, in microseconds since the epoch. 0 if the input told none. */
  readonly timestamp: number;
  /** The value of a field, address fields such as `__CURSOR` included, or undefined where the entry has none. */
  get(name: string): FieldValue | undefined;
  /**
   * The bytes of a field, the first value if it was set more than once.
   * A view into memory that the entry shares with its neighbours: read it, do not keep it, do not write to it.
   */
  bytes(name: string): Uint8Array | undefined;
  /** Points `slice` at what `bytes` would give, and returns whether there is such a field. Absent where that would not be cheaper. */
  locate?(name: string, slice: FieldSlice): boolean;
  /** The names of all fields, address fields included, each once, in no particular order. */
  names(): Iterable<string>;
  /** Where its fields lie, of an entry that is a view on such bytes as the export format has; for encoders that copy them. */
  readonly table?: EntryTable;
  /** Which entry of the table it is. */
  readonly index?: number;
}

/** Entries that were read at once, one behind the other. */
export interface EntryTable {
  readonly bytes: Uint8Array;
  /**
   * Their fields as they were read, repetitions included: a row of `rowWidth` numbers for each. The first is the same where
   * two fields have one name, and its upper 16 bits are the length of that; then, as offsets into `bytes`, where the name
   * begins, where the value begins and where it ends. A name is made of `[A-Z0-9_]`.
   */
  readonly rows: Int32Array;
  /** Of each entry the number of the row after its last; the first one begins with row 0. */
  readonly ends: Int32Array;
  /** False where, for sure, none of the entries has the field. */
  mayHave(name: string): boolean;
}

/** Entries of a table that lie one behind the other, from the index `from` up to `to`. */
export interface EntryRun {
  readonly table: EntryTable;
  readonly from: number;
  readonly to: number;
}

/** The run of entries with which those between the indexes `from` and `to` begin; not all of a long one. Undefined where the first is in no table. */
export function runOf(entries: readonly Entry[], from: number, to: number): EntryRun | undefined {
  const { table, index } = entries[from]!;
  if (table === undefined || index === undefined) return undefined;
  const most = Math.min(to - from, LONGEST_RUN);
  let count = 1;
  while (count < most && entries[from + count]!.table === table && entries[from + count]!.index === index + count) count++;
  return { table, from: index, to: index + count };
}

/**
 * Where the bytes of a field lie. One that is pointed at one field after the other spares an object for each; it is
 * good until it is pointed elsewhere, and what it leads to is as short-lived as what `Entry.bytes` gives.
 */
export class FieldSlice {
  bytes: Uint8Array = none;
  from = 0;
  to = 0;

  /** One that stays where it is. */
  static of(bytes: Uint8Array): FieldSlice {
    const slice = new FieldSlice();
    slice.set(bytes, 0, bytes.length);
    return slice;
  }

  get length(): number {
    return this.to - this.from;
  }

  /** Points at the bytes that `Entry.bytes` would give; false, and at nothing, where the entry has no such field. */
  find(entry: Entry, name: string): boolean {
    if (entry.locate !== undefined) {
      if (entry.locate(name, this)) return true;
    } else {
      const bytes = entry.bytes(name);
      if (bytes !== undefined) {
        this.set(bytes, 0, bytes.length);
        return true;
      }
    }
    this.set(none, 0, 0);
    return false;
  }

  set(bytes: Uint8Array, from: number, to: number): void {
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }
}

/** The first value of a field as text, undecodable bytes as U+FFFD; undefined where the entry has none. */
export function textOf(entry: Entry, name: string): string | undefined {
  const value = entry.get(name);
  const first = Array.isArray(value) ? (value as readonly (string | Uint8Array)[])[0] : (value as string | Uint8Array | undefined);
  return first === undefined || typeof first === 'string' ? first : Buffer.from(first.buffer, first.byteOffset, first.byteLength).toString('utf8');
}

/** How many numbers a field takes in a table: its key, the start of its name, the start and end of its value. */
export const rowWidth = 4;

/** Who cannot use a run after all has not looked at many entries in vain. */
const LONGEST_RUN = 256;
const none = new Uint8Array(0);
