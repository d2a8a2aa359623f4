import type { ByteWriter } from '../core/byte-writer.js';
import type { Encoder } from '../core/encoder.js';
import { FieldSlice, type Entry } from '../core/entry.js';
import { appendMessage } from './message-text.js';
import { priorityFields, priorityOf } from './priority.js';
import { LocalStamp, displayTime } from './timestamp.js';
import { alphabet, appendToken, printableAscii } from './token.js';
import { cutMark, cutTo } from './truncate.js';

export interface Rfc3164Options {
  readonly maxMessageBytes: number | undefined;
  readonly singleLine: boolean;
  readonly appName?: string | undefined;
  readonly hostname?: string | undefined;
  readonly facility?: number | undefined;
}

/**
 * `<PRI>Mmm dd hh:mm:ss HOST TAG[pid]: text`, RFC 3164 section 4.1, in local time.
 *
 * HOST is `-` where the entry has none; else letters, digits, `.`, `_` and `-`, as rsyslog's parser knows a host, any
 * other character as `_`. TAG is SYSLOG_IDENTIFIER, else _COMM, else `unknown`, at most 32 bytes; by the letter it
 * holds letters and digits only, but every receiver in use takes (and every sender in use sends) all printable
 * US-ASCII except what ends a tag: a colon, brackets, a space. Where the limit does not hold everything, these go in
 * turn: the end of the text, the pid, and what of HOST and TAG is longer than 16 bytes.
 */
export class Rfc3164Encoder implements Encoder {
  readonly fields = [...priorityFields, '_SOURCE_REALTIME_TIMESTAMP', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_COMM', 'SYSLOG_PID', '_PID', 'MESSAGE'];
  readonly #options: Rfc3164Options;
  readonly #clock: () => number;
  readonly #hostname: FieldSlice | undefined;
  readonly #appName: FieldSlice | undefined;
  readonly #stamp = new LocalStamp(' ');

  constructor(options: Rfc3164Options, clock: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#hostname = options.hostname === undefined ? undefined : FieldSlice.of(Buffer.from(options.hostname));
    this.#appName = options.appName === undefined ? undefined : FieldSlice.of(Buffer.from(options.appName));
  }

  encode(entry: Entry, out: ByteWriter): boolean {
    const start = out.length;
    const limit = this.#options.maxMessageBytes;
    this.#appendHeader(entry, out, 255, 32, true);
    if (limit !== undefined) this.#shortenHeader(entry, out, start, limit);
    const afterHeader = out.length;
    appendMessage(out, entry.bytes('MESSAGE') ?? noBytes, this.#options.singleLine, limit);
    cutTo(out, start, limit, afterHeader);
    return true;
  }

  #appendHeader(entry: Entry, out: ByteWriter, maxHostBytes: number, maxTagBytes: number, hasPid: boolean): void {
    out.text(`<${priorityOf(entry, this.#options.facility)}>`);
    this.#stamp.append(out, displayTime(entry, this.#clock));
    out.byte(space);
    if (!appendToken(out, this.#hostname ?? fieldOf(entry, '_HOSTNAME'), maxHostBytes, hostAlphabet)) out.text('-');
    out.byte(space);
    const isNamed =
      appendToken(out, this.#appName ?? fieldOf(entry, 'SYSLOG_IDENTIFIER'), maxTagBytes, tagAlphabet) ||
      appendToken(out, fieldOf(entry, '_COMM'), maxTagBytes, tagAlphabet);
    if (!isNamed) out.text('unknown');
    if (hasPid) this.#appendPid(entry, out);
    out.text(': ');
  }

  #appendPid(entry: Entry, out: ByteWriter): void {
    const before = out.length;
    out.byte(openingBracket);
    const hasPid = appendToken(out, fieldOf(entry, 'SYSLOG_PID'), 32, tagAlphabet) || appendToken(out, fieldOf(entry, '_PID'), 32, tagAlphabet);
    if (hasPid) out.byte(closingBracket);
    else out.truncate(before);
  }

  #shortenHeader(entry: Entry, out: ByteWriter, start: number, limit: number): void {
    for (const [maxHostBytes, maxTagBytes] of [[255, 32], [16, 16]] as const) {
      if (out.length - start + cutMark.length <= limit) return;
      out.truncate(start);
      this.#appendHeader(entry, out, maxHostBytes, maxTagBytes, false);
    }
  }
}

const found = new FieldSlice();
const noBytes = new Uint8Array(0);
const hostAlphabet = alphabet((character) => /[A-Za-z0-9._-]/.test(character));
const tagAlphabet = printableAscii('[]:');
const space = 0x20;
const openingBracket = 0x5b;
const closingBracket = 0x5d;

/** Empty where the entry has no such field; good until the next call. */
function fieldOf(entry: Entry, name: string): FieldSlice {
  found.find(entry, name);
  return found;
}
