import type { ByteWriter } from '../core/byte-writer.js';

/** Which bytes a token may hold, indexed by byte. */
export type Alphabet = readonly boolean[];

/** PRINTUSASCII of RFC 5424 section 6: 33 to 126, without the excluded characters. */
export function printableAscii(excluded = ''): Alphabet {
  return alphabet((character) => character > ' ' && character <= '~' && !excluded.includes(character));
}

export function alphabet(holds: (character: string) => boolean): Alphabet {
  return Array.from({ length: 256 }, (_, byte) => holds(String.fromCharCode(byte)));
}

/**
 * Appends a value as a header token of at most `maxBytes`; each character that the alphabet lacks becomes `_`.
 * Appends nothing and returns false where the value is absent or empty.
 */
export function appendToken(out: ByteWriter, value: Uint8Array | undefined, maxBytes: number, allowed: Alphabet): boolean {
  if (value === undefined || value.length === 0) return false;
  let room = maxBytes;
  let inCharacter = false;
  for (let i = 0; i < value.length && room > 0; i++) {
    const byte = value[i] as number;
    if (allowed[byte] === true) {
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
  return true;
}

const underscore = 0x5f;
