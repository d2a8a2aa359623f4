import type { ByteWriter } from '../core/byte-writer.js';

/** A longer value is written in pieces of this size, in UTF-16 units or bytes; a multiple of 3, for base64. */
const PIECE = 96 * 1024;

/** Appends a JSON string: text, or bytes with U+FFFD for what is not UTF-8. Takes little memory beyond what it appends. */
export function writeText(value: string | Uint8Array, out: ByteWriter): void {
  if (value.length <= PIECE) {
    out.text(JSON.stringify(asText(value)));
    return;
  }
  out.byte(QUOTE);
  for (let from = 0; from < value.length; ) {
    const to = Math.min(from + PIECE, value.length);
    const end = typeof value === 'string' ? endOfText(value, to) : endOfBytes(value, to);
    const text = typeof value === 'string' ? value.slice(from, end) : viewOf(value).toString('utf8', from, end);
    out.text(JSON.stringify(text).slice(1, -1));
    from = end;
  }
  out.byte(QUOTE);
}

/** Appends a JSON string with the bytes in base64, those of text as UTF-8. */
export function writeBase64(value: string | Uint8Array, out: ByteWriter): void {
  const bytes = typeof value === 'string' ? Buffer.from(value) : viewOf(value);
  out.byte(QUOTE);
  for (let from = 0; from < bytes.length; from += PIECE) out.text(bytes.toString('base64', from, from + PIECE));
  out.byte(QUOTE);
}

const QUOTE = 0x22;

function asText(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : viewOf(value).toString('utf8');
}

/** Not between the two halves of a surrogate pair. */
function endOfText(text: string, at: number): number {
  const last = text.charCodeAt(at - 1);
  return at < text.length && last >= 0xd800 && last <= 0xdbff ? at - 1 : at;
}

/** Not within a character: before a byte that begins one, or before a fourth continuation byte, which belongs to none. */
function endOfBytes(bytes: Uint8Array, at: number): number {
  for (let end = at; end > at - 4; end--) if ((bytes[end]! & 0xc0) !== 0x80) return end;
  return at;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
