import type { ByteWriter } from '../core/byte-writer.js';
import type { Encoder } from '../core/encoder.js';
import type { Entry } from '../core/entry.js';
import { escapeLineFeeds, LINE_FEED } from './message-text.js';
import { formatBytes, isPrintable, isPrintableAscii, withoutFormatting } from './printable.js';
import { LocalStamp, displayTime } from './timestamp.js';
import { cutTo } from './truncate.js';

export interface ShortOptions {
  readonly maxMessageBytes: number | undefined;
  readonly singleLine: boolean;
  readonly lineFeed?: string | undefined;
  readonly appName?: string | undefined;
  readonly hostname?: string | undefined;
}

/**
 * The line, or lines, that `journalctl -o short` of systemd 247 to 252 prints into a pipe, byte for byte, without the
 * LF at the end. systemd 257 differs twice: it also removes an operating system command that ends with `ESC \`, and it
 * prints `[2K blob data]` for `[2.0K blob data]`. (Of a field that was set more than once journalctl takes the value
 * which the journal file holds last, which no reader can know; here it is the first in the order of bytes.)
 */
export class ShortEncoder implements Encoder {
  readonly fields = ['MESSAGE', '_SOURCE_REALTIME_TIMESTAMP', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_COMM', '_PID', 'SYSLOG_PID'];
  readonly #maxBytes: number | undefined;
  readonly #singleLine: boolean;
  readonly #lineFeed: string;
  readonly #clock: () => number;
  readonly #hostname: Uint8Array | undefined;
  readonly #appName: Uint8Array | undefined;
  readonly #stamp = new LocalStamp('0');

  constructor(options: ShortOptions, clock: () => number) {
    this.#maxBytes = options.maxMessageBytes;
    this.#singleLine = options.singleLine;
    this.#lineFeed = options.lineFeed ?? LINE_FEED;
    this.#clock = clock;
    this.#hostname = options.hostname === undefined ? undefined : Buffer.from(options.hostname);
    this.#appName = options.appName === undefined ? undefined : Buffer.from(options.appName);
  }

  encode(entry: Entry, out: ByteWriter): boolean {
    const message = entry.bytes('MESSAGE');
    if (message === undefined) return false;
    const start = out.length;
    const indent = this.#appendPrefix(entry, out);
    appendText(out, message, indent);
    if (this.#singleLine) escapeLineFeeds(out, start, this.#lineFeed);
    cutTo(out, start, this.#maxBytes);
    return true;
  }

  /** Appends everything up to the text, and returns by how much journalctl indents a second line. */
  #appendPrefix(entry: Entry, out: ByteWriter): number {
    const start = out.length;
    this.#stamp.append(out, displayTime(entry, this.#clock));
    const hostname = shown(this.#hostname ?? entry.bytes('_HOSTNAME'));
    if (hostname !== undefined) {
      out.byte(space);
      out.bytes(hostname);
    }
    const name = shown(this.#appName ?? entry.bytes('SYSLOG_IDENTIFIER')) ?? shown(entry.bytes('_COMM'));
    out.byte(space);
    if (name === undefined) out.text(unknown);
    else out.bytes(name);
    const pid = shown(entry.bytes('_PID')) ?? shown(entry.bytes('SYSLOG_PID'));
    if (pid !== undefined) {
      out.byte(openingBracket);
      out.bytes(pid);
      out.byte(closingBracket);
    }
    out.text(': ');
    // journalctl forgets to count the word that it puts for a missing name.
    return out.length - start - (name === undefined ? unknown.length + 1 : 0);
  }
}

const unknown = 'unknown';
const space = 0x20;
const lineFeed = 0x0a;
const openingBracket = 0x5b;
const closingBracket = 0x5d;

/** A header's value, where journalctl shows it: only below 300 bytes, and only printable. */
function shown(value: Uint8Array | undefined): Uint8Array | undefined {
  if (value === undefined || value.length >= 300) return undefined;
  return isPrintableAscii(value) || isPrintable(value) ? value : undefined;
}

function appendText(out: ByteWriter, message: Uint8Array, indent: number): void {
  if (isPrintableAscii(message)) {
    appendLines(out, message, indent);
    return;
  }
  const text = withoutFormatting(message);
  if (isPrintable(text)) appendLines(out, text, indent);
  else out.text(`[${formatBytes(text.length)} blob data]`);
}

/** The text's lines, each after the first indented; the LF that may end the text is left out. */
function appendLines(out: ByteWriter, text: Uint8Array, indent: number): void {
  let from = 0;
  for (;;) {
    const end = text.indexOf(lineFeed, from);
    if (end === -1 || end === text.length - 1) break;
    out.bytes(text.subarray(from, end + 1));
    for (let i = 0; i < indent; i++) out.byte(space);
    from = end + 1;
  }
  out.bytes(text[text.length - 1] === lineFeed ? text.subarray(from, -1) : text.subarray(from));
}
