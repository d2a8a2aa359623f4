import type { ExportEntry } from './export-entry.js';
import { KeptFields } from './export-kept.js';
import { byteKind, maxNameLength, maxValueBytes } from './export-limits.js';
import type { FieldSlots } from './field-slots.js';

/**
 * One entry of the export format that is read piece by piece, because it spans chunks, is too large, or is
 * malformed. Its bytes are copied once, however many pieces it comes in, and no more of them than `KeptFields` keeps.
 */
export class PartialEntry {
  readonly #maxEntryBytes: number;
  readonly #choice: FieldSlots | undefined;
  readonly #onMalformed: (reason: string, bytes: Uint8Array) => void;

  #state: State = 'idle';
  #kept = nothing;
  #complete: ExportEntry | undefined;

  /** Of the field being read: how much of its name has come, and how much is still to come of its length or its value. */
  #nameLength = 0;
  #left = 0;

  #reason = '';
  #afterLf = false;

  /** `choice`: the fields that are kept; all where it is undefined. */
  constructor(maxEntryBytes: number, choice: FieldSlots | undefined, onMalformed: (reason: string, bytes: Uint8Array) => void) {
    this.#maxEntryBytes = maxEntryBytes;
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
    this.#kept.append(bytes, from, at);
    if (at === bytes.length) return at;
    const byte = bytes[at] as number;
    if (this.#nameLength === 0 && byte === lf) {
      this.#endEntry();
      return at + 1;
    }
    if (this.#nameLength === 0 || (byte !== equals && byte !== lf)) return this.#fail('a line that is not a field', at);
    this.#kept.append(bytes, at, at + 1);
    if (byte === equals) {
      this.#kept.beginValue(this.#nameLength);
      this.#state = 'text';
    } else {
      this.#left = 8;
      this.#state = 'length';
    }
    return at + 1;
  }

  #text(bytes: Buffer, from: number): number {
    const at = bytes.indexOf(lf, from);
    this.#kept.appendValue(bytes, from, at < 0 ? bytes.length : at);
    if (at < 0) return bytes.length;
    this.#endField();
    return at + 1;
  }

  #length(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.#kept.append(bytes, from, to);
    this.#left -= to - from;
    if (this.#left > 0) return to;
    const length = this.#kept.bytes.readBigUInt64LE(this.#kept.length - 8);
    if (length > maxValueBytes) return this.#fail(`a value of ${length} bytes`, to);
    this.#kept.beginValue(this.#nameLength);
    this.#left = Number(length);
    this.#state = this.#left === 0 ? 'valueEnd' : 'binary';
    return to;
  }

  #binary(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.#kept.appendValue(bytes, from, to);
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
    this.#kept.append(bytes, from, Math.min(to, from + Math.max(0, this.#maxEntryBytes - this.#kept.length)));
    this.#afterLf = at >= 0;
    if (first) this.#endMalformed();
    return to;
  }

  #begin(): void {
    this.#state = 'name';
    this.#kept = new KeptFields(this.#maxEntryBytes, this.#choice);
    this.#nameLength = 0;
  }

  #endField(): void {
    this.#kept.endField();
    this.#nameLength = 0;
    this.#state = 'name';
  }

  #endEntry(): void {
    this.#complete = this.#kept.entry;
    this.#end();
  }

  #fail(reason: string, at: number): number {
    this.#reason = reason;
    this.#afterLf = false;
    this.#state = 'skip';
    return at;
  }

  #endMalformed(): void {
    const { bytes } = this.#kept;
    const reason = this.#reason;
    this.#end();
    this.#onMalformed(reason, bytes);
  }

  #end(): void {
    this.#state = 'idle';
    this.#kept = nothing;
  }
}

type State = 'idle' | 'name' | 'text' | 'length' | 'binary' | 'valueEnd' | 'skip';

const lf = 0x0a;
const equals = 0x3d;
/** Of no entry: what was kept of the last one must not be held. */
const nothing = new KeptFields(0, undefined);
