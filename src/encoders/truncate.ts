import type { ByteWriter } from '../core/byte-writer.js';

/** Stands at the end of whatever was cut. ASCII, so that no receiver can misread it. */
export const cutMark = '...[cut]';

/**
 * Cuts what was written since `start` down to `maxBytes`, mark included, and returns whether it was cut. Nothing before
 * `keepTo` goes; where that leaves no room for the mark, there is none. Neither a code point nor an escape
 * (`#012`, `#000`) is cut in half.
 */
export function cutTo(out: ByteWriter, start: number, maxBytes: number | undefined, keepTo = start): boolean {
  if (maxBytes === undefined || out.length - start <= maxBytes) return false;
  const room = start + maxBytes - cutMark.length - keepTo;
  if (room < 0) {
    out.truncate(keepTo);
    return true;
  }
  out.truncate(keepTo + boundaryBefore(out.view(keepTo), room));
  out.text(cutMark);
  return true;
}

/** The last offset not after `at` where a text can be cut. In invalid UTF-8, any offset outside a whole code point is one. */
export function boundaryBefore(text: Uint8Array, at: number): number {
  if (at >= text.length) return text.length;
  for (let start = at - 1; start >= 0 && start >= at - 3; start--) {
    const byte = text[start] as number;
    if (byte === hash && isEscape(text, start)) return start;
    if (byte >= 0xc0) return start + sequenceLength(byte) > at && continues(text, start + 1, at) ? start : at;
  }
  return at;
}

const hash = 0x23;

function isEscape(text: Uint8Array, at: number): boolean {
  if (text[at + 1] !== 0x30) return false;
  return (text[at + 2] === 0x31 && text[at + 3] === 0x32) || (text[at + 2] === 0x30 && text[at + 3] === 0x30);
}

function sequenceLength(lead: number): number {
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function continues(text: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i <= to; i++) {
    if (((text[i] as number) & 0xc0) !== 0x80) return false;
  }
  return true;
}
