import { isUtf8 } from 'node:buffer';
import type { ByteWriter } from '../core/byte-writer.js';
import type { Encoder } from '../core/encoder.js';
import { FieldSlice, type Entry } from '../core/entry.js';
import { appendCopy } from './copier.js';
import { appendMessage } from './message-text.js';
import { priorityFields, priorityOf } from './priority.js';
import { Rfc5424Copier } from './rfc5424-copy.js';
import { StructuredData } from './structured-data.js';
import { UtcStamp, displayTime } from './timestamp.js';
import { appendToken, printableAscii } from './token.js';
import { cutMark, cutTo } from './truncate.js';

export interface Rfc5424Options {
  readonly maxMessageBytes: number | undefined;
  readonly singleLine: boolean;
  readonly structuredData: readonly string[];
  readonly appName?: string | undefined;
  readonly hostname?: string | undefined;
  readonly facility?: number | undefined;
  readonly bom: boolean;
}

/**
 * `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD MSG`, RFC 5424 section 6.
 *
 * MSG is MESSAGE as message-text.ts says, empty where there is none; the BOM stands only before valid UTF-8, as section
 * 6.4 demands. Where the limit does not hold everything, these go in turn: structured data (once MSG would be cut and
 * keep less than 128 bytes), the end of MSG, PROCID and MSGID, HOSTNAME and APP-NAME.
 */
export class Rfc5424Encoder implements Encoder {
  readonly fields: readonly string[];
  readonly encodeRun: Encoder['encodeRun'];
  readonly #options: Rfc5424Options;
  readonly #clock: () => number;
  readonly #hostname: FieldSlice | undefined;
  readonly #appName: FieldSlice | undefined;
  readonly #structuredData: StructuredData;
  readonly #stamp = new UtcStamp();
  readonly #copier: Rfc5424Copier | undefined;

  constructor(options: Rfc5424Options, clock: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#hostname = options.hostname === undefined ? undefined : FieldSlice.of(Buffer.from(options.hostname));
    this.#appName = options.appName === undefined ? undefined : FieldSlice.of(Buffer.from(options.appName));
    this.#structuredData = new StructuredData(options.structuredData, options.singleLine);
    const copier = (this.#copier = Rfc5424Copier.for(options));
    this.encodeRun = copier && ((run, framing, room) => copier.frames(run, framing, room));
    this.fields = [...new Set([...headerFields, ...this.#structuredData.fields])];
  }

  encode(entry: Entry, out: ByteWriter): boolean {
    if (this.#copier !== undefined && appendCopy(this.#copier, entry, out)) return true;
    const start = out.length;
    const limit = this.#options.maxMessageBytes;
    this.#appendHeader(entry, out);
    if (limit !== undefined) this.#shortenHeader(entry, out, start, limit);
    const message = entry.bytes('MESSAGE') ?? noBytes;
    if (this.#structuredData.isEmpty) {
      out.bytes(noStructuredData);
      this.#appendMessage(message, out, start);
      return true;
    }
    const afterHeader = out.length;
    this.#structuredData.append(entry, out);
    out.byte(space);
    const afterData = out.length;
    const isCut = this.#appendMessage(message, out, start);
    if (isCut && out.length - afterData < leastMessageBytes) {
      out.truncate(afterHeader);
      out.bytes(noStructuredData);
      this.#appendMessage(message, out, start);
    }
    return true;
  }

  #appendHeader(entry: Entry, out: ByteWriter, keep: 'all' | 'names' | 'none' = 'all'): void {
    out.byte(lessThan);
    appendNumber(out, priorityOf(entry, this.#options.facility));
    out.bytes(afterPriority);
    this.#stamp.append(out, displayTime(entry, this.#clock));
    if (keep === 'none') {
      out.bytes(noNames);
    } else {
      // RFC 5424 section 6: HOSTNAME 255, APP-NAME 48, PROCID 128, MSGID 32.
      appendField(out, this.#hostname ?? fieldOf(entry, '_HOSTNAME'), 255);
      appendField(out, this.#appName ?? fieldOf(entry, 'SYSLOG_IDENTIFIER', '_COMM'), 48);
    }
    if (keep !== 'all') {
      out.bytes(noIds);
    } else {
      appendField(out, fieldOf(entry, 'SYSLOG_PID', '_PID'), 128);
      appendField(out, fieldOf(entry, 'MESSAGE_ID'), 32);
    }
    out.byte(space);
  }

  #shortenHeader(entry: Entry, out: ByteWriter, start: number, limit: number): void {
    for (const keep of ['names', 'none'] as const) {
      if (out.length - start + noStructuredData.length + cutMark.length <= limit) return;
      out.truncate(start);
      this.#appendHeader(entry, out, keep);
    }
  }

  /** Returns whether the message was cut. */
  #appendMessage(message: Uint8Array, out: ByteWriter, start: number): boolean {
    const { bom, singleLine, maxMessageBytes } = this.#options;
    const from = out.length;
    if (bom && message.length > 0 && isUtf8(message)) out.bytes(byteOrderMark);
    appendMessage(out, message, singleLine, maxMessageBytes);
    return cutTo(out, start, maxMessageBytes, from);
  }
}

const headerFields = [
  ...priorityFields,
  '_SOURCE_REALTIME_TIMESTAMP',
  '_HOSTNAME',
  'SYSLOG_IDENTIFIER',
  '_COMM',
  'SYSLOG_PID',
  '_PID',
  'MESSAGE_ID',
  'MESSAGE',
];

const token = printableAscii();
const found = new FieldSlice();
const noBytes = new Uint8Array(0);
const noNames = Buffer.from(' - -');
const noIds = Buffer.from(' - -');
const noStructuredData = Buffer.from('- ');
const afterPriority = Buffer.from('>1 ');
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const leastMessageBytes = 128;
const lessThan = 0x3c;
const space = 0x20;
const hyphen = 0x2d;

/** The first of the fields that the entry has and that is not empty; good until the next call. */
function fieldOf(entry: Entry, name: string, other?: string): FieldSlice {
  if ((!found.find(entry, name) || found.length === 0) && other !== undefined) found.find(entry, other);
  return found;
}

function appendField(out: ByteWriter, value: FieldSlice, maxBytes: number): void {
  out.byte(space);
  if (!appendToken(out, value, maxBytes, token)) out.byte(hyphen);
}

/** 0 to 191, without leading zeros. */
function appendNumber(out: ByteWriter, value: number): void {
  if (value >= 100) out.byte(0x30 + Math.trunc(value / 100));
  if (value >= 10) out.byte(0x30 + (Math.trunc(value / 10) % 10));
  out.byte(0x30 + (value % 10));
}
