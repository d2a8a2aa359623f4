import { isUtf8 } from 'node:buffer';
import type { ByteWriter } from '../core/byte-writer.js';
import type { FieldTable } from '../core/entry.js';

/** A larger entry is not copied: room for it would have to be six times as large. */
const MAX_BYTES = 64 * 1024;
/** What an escape takes at most (`\u001b`), for a byte. */
const ESCAPE_BYTES = 6;
/** Numbers of a field in a field table, and what is written around its name and value: `,"":""`. */
const FIELD_WIDTH = 4;
const FRAME_BYTES = 6;

/**
 * The object of an entry whose values are valid UTF-8 and no field of which was set more than once, made without
 * making a string of anything: UTF-8 is what JSON is sent in, so that nothing but a few ASCII characters is to be
 * escaped. Byte for byte what JSON.stringify gives.
 */
export class JsonCopier {
  /** By a hash of its key, the number of the entry that had such a field last. */
  readonly #seen = new Int32Array(SEEN_SIZE);
  #entry = 0;

  /** Appends the object and returns true; or appends nothing and returns false, where the entry is another one. */
  append(fields: FieldTable, out: ByteWriter): boolean {
    const { bytes, table, from, to } = fields;
    if (to === from || this.#repeats(fields)) return false;
    const size = table[to - 1]! - table[from + 1]!;
    if (size > MAX_BYTES) return false;
    const start = out.length;
    const target = out.room(size * ESCAPE_BYTES + ((to - from) / FIELD_WIDTH) * FRAME_BYTES + 2);
    let at = start;
    let all = 0;
    for (let field = from; field < to; field += FIELD_WIDTH) {
      target[at++] = COMMA;
      target[at++] = QUOTE;
      const nameFrom = table[field + 1]!;
      const nameTo = nameFrom + (table[field]! >>> 16);
      for (let i = nameFrom; i < nameTo; i++) target[at++] = bytes[i]!;
      target[at++] = QUOTE;
      target[at++] = COLON;
      target[at++] = QUOTE;
      const valueTo = table[field + 3]!;
      for (let i = table[field + 2]!; i < valueTo; i++) {
        const byte = bytes[i]!;
        if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) {
          const escape = ESCAPES[byte]!;
          for (let j = 0; j < escape.length; j++) target[at++] = escape[j]!;
        } else {
          all |= byte;
          target[at++] = byte;
        }
      }
      target[at++] = QUOTE;
    }
    target[start] = OPENING_BRACE;
    target[at++] = CLOSING_BRACE;
    // What stands between the values is ASCII, so that it all is UTF-8 if each of them is.
    if (all > 0x7f && !isUtf8(target.subarray(start, at))) return false;
    out.advance(at - start);
    return true;
  }

  /** Whether two fields have one name. */
  #repeats({ bytes, table, from, to }: FieldTable): boolean {
    const seen = this.#seen;
    this.#entry = (this.#entry + 1) | 0;
    const entry = this.#entry;
    for (let field = from; field < to; field += FIELD_WIDTH) {
      const key = table[field]!;
      const hash = Math.imul(key, 0x9e3779b1) >>> (32 - SEEN_BITS);
      if (seen[hash] === entry) {
        for (let other = from; other < field; other += FIELD_WIDTH) {
          if (table[other] === key && isSame(bytes, table[other + 1]!, table[field + 1]!, key >>> 16)) return true;
        }
      }
      seen[hash] = entry;
    }
    return false;
  }
}

function isSame(bytes: Uint8Array, one: number, other: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[one + i] !== bytes[other + i]) return false;
  return true;
}

const SEEN_BITS = 9;
const SEEN_SIZE = 1 << SEEN_BITS;

const COMMA = 0x2c;
const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** What stands for a byte between the quotes. */
const ESCAPES: readonly Uint8Array[] = Array.from({ length: 0x60 }, (_, byte) => Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)));
