import type { ByteWriter } from '../core/byte-writer.js';

/**
 * Appends the text of a syslog message. The bytes go out as they are, invalid UTF-8 included (MSG-ANY of RFC 5424
 * section 6.4; rsyslog and syslog-ng pass it on unchanged), except for NUL, at which receivers written in C truncate:
 * it becomes `#000`, as rsyslog writes it on reception. On a single line the one LF that may end the text is left out,
 * since the frame ends the line already, and any other becomes `#012`.
 */
export function appendMessage(out: ByteWriter, message: Uint8Array, singleLine: boolean, maxBytes: number | undefined): void {
  appendEscaped(out, atMost(withoutLastLineFeed(message, singleLine), maxBytes), singleLine, true);
}

/** The text without the LF that may end it, where it is to stand on a single line. */
export function withoutLastLineFeed(text: Uint8Array, singleLine: boolean): Uint8Array {
  return singleLine && text[text.length - 1] === lineFeed ? text.subarray(0, -1) : text;
}

/** Enough of a text to see that it is too long: escapes only make it longer. Spares the copy of 20 MB for 8 KB. */
export function atMost(text: Uint8Array, maxBytes: number | undefined): Uint8Array {
  return maxBytes === undefined || text.length <= maxBytes ? text : text.subarray(0, maxBytes + 1);
}

/** Appends bytes with `#012` for LF where `lineFeeds` is true, and `#000` for NUL where `nuls` is. */
export function appendEscaped(out: ByteWriter, text: Uint8Array, lineFeeds: boolean, nuls: boolean): void {
  if (!((lineFeeds && text.includes(lineFeed)) || (nuls && text.includes(0)))) {
    out.bytes(text);
    return;
  }
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    const escape = byte === lineFeed && lineFeeds ? '#012' : byte === 0 && nuls ? '#000' : undefined;
    if (escape === undefined) continue;
    out.bytes(text.subarray(from, i));
    out.text(escape);
    from = i + 1;
  }
  out.bytes(text.subarray(from));
}

/** Turns each LF that was written since `start` into `#012`. */
export function escapeLineFeeds(out: ByteWriter, start: number): void {
  if (!out.view(start).includes(lineFeed)) return;
  const copy = Buffer.from(out.view(start));
  out.truncate(start);
  appendEscaped(out, copy, true, false);
}

const lineFeed = 0x0a;
