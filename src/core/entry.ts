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
  /** Where the fields lie, of an entry that is a view on such bytes as the export format has; for encoders that copy them. */
  readonly fieldTable?: FieldTable;
}

/**
 * The fields of an entry as they were read, repetitions included: from index `from` up to `to` of `table`, `fieldWidth`
 * numbers for each. The first is the same where two fields have one name, and its upper 16 bits are the length of that;
 * then, as offsets into `bytes`, where the name begins, where the value begins and where it ends. A name is made of
 * `[A-Z0-9_]`.
 */
export interface FieldTable {
  readonly bytes: Uint8Array;
  readonly table: Int32Array;
  readonly from: number;
  readonly to: number;
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

/** How many numbers a field takes in a field table: its key, the start of its name, the start and end of its value. */
export const fieldWidth = 4;

const none = new Uint8Array(0);
