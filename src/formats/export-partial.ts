import { ByteWriter } from '../core/byte-writer.js';
import { fieldWidth } from '../core/entry.js';
import { ExportEntry, fieldKey } from './export-entry.js';
import { byteKind, maxFields, maxNameLength, maxValueBytes } from './export-limits.js';
import type { FieldChoice } from './field-choice.js';

/**
 * One entry of the export format that is read piece by piece, because it spans chunks, is too large, or is
 * malformed. Its bytes are copied once, however many pieces it comes in, and no more of them than `maxEntryBytes`
 * and an eighth of that, at most 1 MiB, for the fields that follow a value which was cut.
 */
export class PartialEntry {
  readonly #maxEntryBytes: number;
  readonly #reserveBytes: number;
  readonly #choice: FieldChoice | undefined;
  readonly #onMalformed: (reason: string, bytes: Uint8Array) => void;

  #state: State = 'idle';
  #store = nothing;
  #table: number[] = [];
  #truncated: string[] = [];
  #remaining = 0;
  #complete: ExportEntry | undefined;

  /** The field being read: where it starts in the store, what may be kept of its value, what is still to come. */
  #fieldAt = 0;
  #nameLength = 0;
  #valueAt = 0;
  #keep = 0;
  #left = 0;
  #cut = false;
  #omitted = false;
  #isAsked = true;
  #key = 0;

  #hasFields = false;

  #reason = '';
  #afterLf = false;

  /** `choice`: the fields that are kept; all where it is undefined. */
  constructor(maxEntryBytes: number, choice: FieldChoice | undefined, onMalformed: (reason: string, bytes: Uint8Array) => void) {
    this.#maxEntryBytes = maxEntryBytes;
    this.#reserveBytes = Math.min(1024 * 1024, maxEntryBytes >>> 3);
    this.#choice = choice;
    this.#onMalformed = onMalformed;
  }

  /** Whether an entry has begun that has not ended. */
  get begun(): boolean {
    return this.#state !== 'idle';
  }

  /** Reads on from `from` to the entry's end or to that of `bytes`, and returns how far it came. */
  push(bytes: Buffer, from: number): number {
    if (this.#state === 'idle') this.#begin();
    let at = from;
    while (at < bytes.length && this.begun) at = this.#step(bytes, at);
    return at;
  }

  /** Ends the entry where the stream ends. */
  end(): void {
    if (this.#state === 'text' || this.#state === 'valueEnd') {
      this.#endField();
      this.#endEntry();
    } else if (this.#state === 'name' && this.#nameLength === 0) {
      this.#endEntry();
    } else if (this.#state !== 'idle') {
      if (this.#state !== 'skip') this.#reason = 'the input ends within a field';
      this.#endMalformed();
    }
  }

  /** The entry that has ended since it was last asked for. */
  take(): ExportEntry | undefined {
    const entry = this.#complete;
    this.#complete = undefined;
    return entry;
  }

  /** Lets the current state take bytes from `at` on, and returns where the next one goes on. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'name':
        return this.#name(bytes, at);
      case 'text':
        return this.#text(bytes, at);
      case 'length':
        return this.#length(bytes, at);
      case 'binary':
        return this.#binary(bytes, at);
      case 'valueEnd':
        return this.#valueEnd(bytes, at);
      case 'skip':
        return this.#skip(bytes, at);
      case 'idle':
        return bytes.length;
    }
  }

  #name(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && byteKind[bytes[at] as number] === 1) at++;
    this.#nameLength += at - from;
    if (this.#nameLength > maxNameLength) return this.#fail('a field name longer than 64 bytes', from);
    this.#append(bytes, from, at);
    if (at === bytes.length) return at;
    const byte = bytes[at] as number;
    if (this.#nameLength === 0 && byte === lf) {
      this.#endEntry();
      return at + 1;
    }
    if (this.#nameLength === 0 || (byte !== equals && byte !== lf)) return this.#fail('a line that is not a field', at);
    this.#append(bytes, at, at + 1);
    if (byte === equals) {
      this.#beginValue();
      this.#state = 'text';
    } else {
      this.#left = 8;
      this.#state = 'length';
    }
    return at + 1;
  }

  #text(bytes: Buffer, from: number): number {
    const at = bytes.indexOf(lf, from);
    this.#keepValue(bytes, from, at < 0 ? bytes.length : at);
    if (at < 0) return bytes.length;
    this.#endField();
    return at + 1;
  }

  #length(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.#append(bytes, from, to);
    this.#left -= to - from;
    if (this.#left > 0) return to;
    const length = this.#store.view(this.#store.length - 8).readBigUInt64LE();
    if (length > maxValueBytes) return this.#fail(`a value of ${length} bytes`, to);
    this.#beginValue();
    this.#left = Number(length);
    this.#state = this.#left === 0 ? 'valueEnd' : 'binary';
    return to;
  }

  #binary(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.#keepValue(bytes, from, to);
    this.#left -= to - from;
    if (this.#left === 0) this.#state = 'valueEnd';
    return to;
  }

  #valueEnd(bytes: Buffer, at: number): number {
    if (bytes[at] !== lf) return this.#fail('a value that is not followed by a line feed', at);
    this.#endField();
    return at + 1;
  }

  #skip(bytes: Buffer, from: number): number {
    const first = bytes[from] === lf && this.#afterLf;
    const at = first ? from : bytes.indexOf(lf, from);
    const to = at < 0 ? bytes.length : at + 1;
    this.#append(bytes, from, Math.min(to, from + Math.max(0, this.#maxEntryBytes - this.#store.length)));
    this.#afterLf = at >= 0;
    if (first) this.#endMalformed();
    return to;
  }

  #begin(): void {
    this.#state = 'name';
    this.#store = new ByteWriter(2048);
    this.#table = [];
    this.#truncated = [];
    this.#remaining = this.#maxEntryBytes + this.#reserveBytes;
    this.#hasFields = false;
    this.#fieldAt = 0;
    this.#nameLength = 0;
  }

  #beginValue(): void {
    this.#valueAt = this.#store.length;
    this.#cut = false;
    this.#keep = 0;
    this.#hasFields = true;
    const name = this.#store.view(this.#fieldAt, this.#fieldAt + this.#nameLength);
    this.#key = fieldKey(this.#nameLength, name[0] as number, name[this.#nameLength - 1] as number);
    this.#isAsked = this.#choice?.has(this.#key) ?? true;
    if (!this.#isAsked) return;
    // One byte is for the line feed after the value.
    this.#remaining -= this.#store.length - this.#fieldAt + 1;
    this.#omitted = this.#remaining < 0 || this.#table.length >= maxFields * fieldWidth;
    if (!this.#omitted) this.#keep = Math.max(0, this.#remaining - this.#reserveBytes, this.#remaining >> 1);
  }

  #keepValue(bytes: Buffer, from: number, to: number): void {
    const kept = Math.min(to - from, this.#keep);
    this.#append(bytes, from, from + kept);
    this.#keep -= kept;
    if (kept < to - from) this.#cut = true;
  }

  #endField(): void {
    if (this.#isAsked) this.#endAskedField();
    else this.#store.truncate(this.#fieldAt);
    this.#fieldAt = this.#store.length;
    this.#nameLength = 0;
    this.#state = 'name';
  }

  #endAskedField(): void {
    const { length: tableLength } = this.#table;
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
    this.#table[tableLength] = this.#key;
    this.#table[tableLength + 1] = nameAt;
    this.#table[tableLength + 2] = this.#valueAt;
    this.#table[tableLength + 3] = this.#store.length;
    this.#remaining -= this.#store.length - this.#valueAt;
    this.#store.byte(lf);
  }

  #endEntry(): void {
    if (this.#hasFields) {
      const truncated = this.#truncated.length > 0 ? this.#truncated : undefined;
      this.#complete = new ExportEntry(this.#store.view(), Int32Array.from(this.#table), 0, this.#table.length, truncated);
    }
    this.#end();
  }

  #fail(reason: string, at: number): number {
    this.#reason = reason;
    this.#afterLf = false;
    this.#state = 'skip';
    return at;
  }

  #endMalformed(): void {
    const bytes = this.#store.view();
    const reason = this.#reason;
    this.#end();
    this.#onMalformed(reason, bytes);
  }

  #end(): void {
    this.#state = 'idle';
    this.#store = nothing;
    this.#table = [];
    this.#truncated = [];
  }

  #append(bytes: Buffer, from: number, to: number): void {
    this.#store.bytes(bytes.subarray(from, to));
  }
}

type State = 'idle' | 'name' | 'text' | 'length' | 'binary' | 'valueEnd' | 'skip';

const lf = 0x0a;
const equals = 0x3d;
const nothing = new ByteWriter(0);
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
