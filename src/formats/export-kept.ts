import { ByteWriter } from '../core/byte-writer.js';
import { rowWidth } from '../core/entry.js';
import { ExportEntry } from './export-entry.js';
import { maxFields } from './export-limits.js';
import { fieldKey, type FieldSlots } from './field-slots.js';

/**
 * What is kept of one entry whose bytes come piece by piece: a copy of the fields that are asked for, and no more of it
 * than `maxEntryBytes` and an eighth of that, at most 1 MiB, for the fields that follow a value which was cut.
 */
export class KeptFields {
  readonly #choice: FieldSlots | undefined;
  readonly #reserveBytes: number;
  readonly #store = new ByteWriter(2048);
  readonly #rows: number[] = [];
  readonly #truncated: string[] = [];
  #remaining: number;
  #hasFields = false;

  /** The field being read: where its name and its value start in the store, and what may yet be kept of its value. */
  #fieldAt = 0;
  #nameLength = 0;
  #valueAt = 0;
  #keep = 0;
  #cut = false;
  #omitted = false;
  #isAsked = true;
  #key = 0;

  /** `choice`: the fields that are kept; all where it is undefined. */
  constructor(maxEntryBytes: number, choice: FieldSlots | undefined) {
    this.#choice = choice;
    this.#reserveBytes = Math.min(1024 * 1024, maxEntryBytes >>> 3);
    this.#remaining = maxEntryBytes + this.#reserveBytes;
  }

  /** All that is kept, as bytes of the format. */
  get bytes(): Buffer {
    return this.#store.view();
  }

  get length(): number {
    return this.#store.length;
  }

  /** The entry, once all its fields have ended; undefined where it had none. */
  get entry(): ExportEntry | undefined {
    if (!this.#hasFields) return undefined;
    const truncated = this.#truncated.length > 0 ? this.#truncated : undefined;
    const table = { bytes: this.#store.view(), rows: Int32Array.from(this.#rows), ends: Int32Array.of(this.#rows.length / rowWidth), mayHave: () => true };
    return new ExportEntry(table, 0, truncated);
  }

  /** Keeps bytes that are no value's: of a name, of the length of a value, or what is malformed. */
  append(bytes: Buffer, from: number, to: number): void {
    this.#store.bytes(bytes.subarray(from, to));
  }

  /** Notes that a value follows, and how much of what was appended is its name. */
  beginValue(nameLength: number): void {
    this.#nameLength = nameLength;
    this.#valueAt = this.#store.length;
    this.#cut = false;
    this.#keep = 0;
    this.#hasFields = true;
    const name = this.#store.view(this.#fieldAt, this.#fieldAt + nameLength);
    this.#key = fieldKey(nameLength, name[0] as number, name[nameLength - 1] as number);
    this.#isAsked = this.#choice?.has(this.#key) ?? true;
    if (!this.#isAsked) return;
    // One byte is for the line feed after the value.
    this.#remaining -= this.#store.length - this.#fieldAt + 1;
    this.#omitted = this.#remaining < 0 || this.#rows.length >= maxFields * rowWidth;
    if (!this.#omitted) this.#keep = Math.max(0, this.#remaining - this.#reserveBytes, this.#remaining >> 1);
  }

  /** Keeps what may be kept of a value, or of a part of it. */
  appendValue(bytes: Buffer, from: number, to: number): void {
    const kept = Math.min(to - from, this.#keep);
    this.append(bytes, from, from + kept);
    this.#keep -= kept;
    if (kept < to - from) this.#cut = true;
  }

  /** Notes that the value has ended. */
  endField(): void {
    if (this.#isAsked) this.#endAskedField();
    else this.#store.truncate(this.#fieldAt);
    this.#fieldAt = this.#store.length;
  }

  #endAskedField(): void {
    const { length: at } = this.#rows;
    const nameAt = this.#fieldAt;
    if ((this.#cut || this.#omitted) && this.#truncated.length < maxTruncatedNames) {
      this.#truncated.push(this.#store.view(nameAt, nameAt + this.#nameLength).toString('latin1'));
    }
    if (this.#omitted) {
      this.#remaining = Math.max(0, this.#remaining);
      this.#store.truncate(nameAt);
      return;
    }
    if (this.#cut) this.#store.truncate(wholeCodePoints(this.#store.view(), this.#valueAt));
    this.#rows[at] = this.#key;
    this.#rows[at + 1] = nameAt;
    this.#rows[at + 2] = this.#valueAt;
    this.#rows[at + 3] = this.#store.length;
    this.#remaining -= this.#store.length - this.#valueAt;
    this.#store.byte(lf);
  }
}

const lf = 0x0a;
const maxTruncatedNames = 1024;

/** Where text that begins at `from` and was cut at the end has to end: before a code point that the cut went through. */
function wholeCodePoints(bytes: Buffer, from: number): number {
  const to = bytes.length;
  for (let at = to - 1; at >= Math.max(from, to - 4); at--) {
    const byte = bytes[at] as number;
    if (byte < 0x80) return to;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return at + length > to ? at : to;
    }
  }
  return to;
}
