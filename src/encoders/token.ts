import type { ByteWriter } from '../core/byte-writer.js';
import type { FieldSlice } from '../core/entry.js';

/** Which bytes a token may hold: 1 at their indexes, 0 at all others. */
export type Alphabet = Uint8Array;

/** PRINTUSASCII of RFC 5424 section 6: 33 to 126, without the excluded characters. */
export function printableAscii(excluded = ''): Alphabet {
  return alphabet((character) => character > ' ' && character <= '~' && !excluded.includes(character));
}

export function alphabet(holds: (character: string) => boolean): Alphabet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (holds(String.fromCharCode(byte)) ? 1 : 0));
}

/**
 * Appends a value as a header token of at most `maxBytes`; each character that the alphabet lacks becomes `_`.
 * Appends nothing and returns false where the value is empty.
 */
export function appendToken(out: ByteWriter, { bytes, from, to }: FieldSlice, maxBytes: number, allowed: Alphabet): boolean {
  if (from === to) return false;
  if (to - from > maxBytes || !out.sliceOf(allowed, bytes, from, to)) appendReplaced(out, bytes.subarray(from, to), maxBytes, allowed);
  return true;
}

function appendReplaced(out: ByteWriter, value: Uint8Array, maxBytes: number, allowed: Alphabet): void {
  let room = maxBytes;
  let inCharacter = false;
  for (let i = 0; i < value.length && room > 0; i++) {
    const byte = value[i] as number;
    if (allowed[byte] === 1) {
      out.byte(byte);
      inCharacter = false;
    } else {
      // One `_` for a whole character of several bytes.
      if (inCharacter && (byte & 0xc0) === 0x80) continue;
      out.byte(underscore);
      inCharacter = byte >= 0xc0;
    }
    room--;
  }
}

const underscore = 0x5f;
