import type { ByteWriter } from '../core/byte-writer.js';

/**
 * Appends the text of a syslog message. The bytes go out as they are, invalid UTF-8 included (MSG-ANY of RFC 5424
 * section 6.4; rsyslog and syslog-ng pass it on unchanged), except for NUL, at which receivers written in C truncate:
 * it becomes `#000`, as rsyslog writes it on reception. On a single line the one LF that may end the text is left out,
 * since the frame ends the line already, and any other becomes `#012`.
 */
export function appendMessage(out: ByteWriter, message: Uint8Array, singleLine: boolean, maxBytes: number | undefined): void {
  appendEscaped(out, atMost(withoutLastLineFeed(message, singleLine), maxBytes), { lineFeed: singleLine ? LINE_FEED : undefined, nul: NUL });
}

/** The text without the LF that may end it, where it is to stand on a single line. */
export function withoutLastLineFeed(text: Uint8Array, singleLine: boolean): Uint8Array {
  return singleLine && text[text.length - 1] === lineFeed ? text.subarray(0, -1) : text;
}

/** Enough of a text to see that it is too long: escapes only make it longer. Spares the copy of 20 MB for 8 KB. */
export function atMost(text: Uint8Array, maxBytes: number | undefined): Uint8Array {
  return maxBytes === undefined || text.length <= maxBytes ? text : text.subarray(0, maxBytes + 1);
}

/** Appends bytes, with `lineFeed` in place of each LF and `nul` in place of each NUL, where these are given. */
export function appendEscaped(out: ByteWriter, text: Uint8Array, escapes: { readonly lineFeed?: string | undefined; readonly nul?: string | undefined }): void {
  if (!((escapes.lineFeed !== undefined && text.includes(lineFeed)) || (escapes.nul !== undefined && text.includes(0)))) {
    out.bytes(text);
    return;
  }
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    const escape = byte === lineFeed ? escapes.lineFeed : byte === 0 ? escapes.nul : undefined;
    if (escape === undefined) continue;
    out.bytes(text.subarray(from, i));
    out.text(escape);
    from = i + 1;
  }
  out.bytes(text.subarray(from));
}

/** Puts `escape` in place of each LF that was written since `start`. */
export function escapeLineFeeds(out: ByteWriter, start: number, escape: string): void {
  if (!out.view(start).includes(lineFeed)) return;
  const copy = Buffer.from(out.view(start));
  out.truncate(start);
  appendEscaped(out, copy, { lineFeed: escape });
}

const lineFeed = 0x0a;
/** As rsyslog writes them on reception. */
export const LINE_FEED = '#012';
const NUL = '#000';
