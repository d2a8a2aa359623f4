import type { ByteWriter } from '../core/byte-writer.js';
import { FieldSlice, type Entry } from '../core/entry.js';

/**
 * When what an entry tells of happened, in microseconds since the epoch, by journalctl's own rule:
 * `_SOURCE_REALTIME_TIMESTAMP` where it is a usable number, else when journald took the entry. An entry that tells no
 * time at all (a plain line from stdin) is given the clock's.
 */
export function displayTime(entry: Entry, clock: () => number): number {
  const time = source.find(entry, '_SOURCE_REALTIME_TIMESTAMP') ? parseTime(source) : 0;
  if (isRealtime(time)) return time;
  const { timestamp } = entry;
  return isRealtime(timestamp) ? Math.trunc(timestamp) : Math.trunc(clock() * 1000);
}

/** RFC 3339 in UTC with six fraction digits, the most that RFC 5424 section 6.2.3 allows. */
export class UtcStamp {
  readonly #bytes = Buffer.from('1970-01-01T00:00:00.000000Z');
  #day = 0;
  #second = 0;

  append(out: ByteWriter, timeUs: number): void {
    const second = Math.floor(timeUs / 1e6);
    if (second !== this.#second) this.#setSecond(second);
    let fraction = timeUs - second * 1e6;
    for (let i = 25; i > 19; i--) {
      const rest = Math.trunc(fraction / 10);
      this.#bytes[i] = 0x30 + fraction - rest * 10;
      fraction = rest;
    }
    out.bytes(this.#bytes);
  }

  #setSecond(second: number): void {
    const day = Math.floor(second / 86_400);
    if (day !== this.#day) {
      this.#bytes.write(new Date(day * 86_400_000).toISOString(), 0, 10, 'latin1');
      this.#day = day;
    }
    setTimeOfDay(this.#bytes, 11, second - day * 86_400);
    this.#second = second;
  }
}

/** `Mmm dd hh:mm:ss` in local time: RFC 3164 pads the day with a space, `journalctl -o short` with a zero. */
export class LocalStamp {
  readonly #bytes = Buffer.from('Jan 00 00:00:00');
  readonly #dayPad: number;
  #second = NaN;
  #minute = NaN;
  #offset = 0;
  #day = NaN;

  constructor(dayPad: ' ' | '0') {
    this.#dayPad = dayPad.charCodeAt(0);
  }

  append(out: ByteWriter, timeUs: number): void {
    const second = Math.floor(timeUs / 1e6);
    if (second !== this.#second) this.#setSecond(second);
    out.bytes(this.#bytes);
  }

  #setSecond(second: number): void {
    const minute = Math.floor(second / 60);
    // Since 1972 no zone has changed its offset from UTC within a minute of UTC.
    if (minute !== this.#minute) {
      this.#offset = new Date(minute * 60_000).getTimezoneOffset() * 60;
      this.#minute = minute;
    }
    const local = second - this.#offset;
    const day = Math.floor(local / 86_400);
    if (day !== this.#day) this.#setDay(day);
    setTimeOfDay(this.#bytes, 7, local - day * 86_400);
    this.#second = second;
  }

  #setDay(day: number): void {
    const date = new Date(day * 86_400_000);
    this.#bytes.write(months[date.getUTCMonth()] as string, 0, 'latin1');
    twoDigits(this.#bytes, 4, date.getUTCDate());
    if (date.getUTCDate() < 10) this.#bytes[4] = this.#dayPad;
    this.#day = day;
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** systemd's VALID_REALTIME: neither 0 nor past the year 3111. */
function isRealtime(timeUs: number): boolean {
  return timeUs > 0 && timeUs < firstInvalidTime;
}

const firstInvalidTime = 2 ** 55;

const source = new FieldSlice();

function parseTime({ bytes, from, to }: FieldSlice): number {
  if (bytes[from] === 0x30) return parseOddTime(bytes.subarray(from, to));
  let time = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x30 || byte > 0x39) return parseOddTime(bytes.subarray(from, to));
    time = time * 10 + (byte - 0x30);
  }
  return time <= Number.MAX_SAFE_INTEGER ? time : parseOddTime(bytes.subarray(from, to));
}

/** What strtoull with base 0 takes besides plain decimals, as journalctl reads this field with it; NaN for the rest. */
function parseOddTime(value: Uint8Array): number {
  if (value.length > 128) return NaN;
  const text = Buffer.from(value).toString('latin1').split('\0', 1)[0] as string;
  const match = /^[ \t\n\r\v\f]*\+?(0x[\da-f]+|0b[01]+|0o[0-7]+|0[0-7]+|[1-9]\d*)$/i.exec(text);
  const number = match?.[1];
  if (number === undefined) return NaN;
  const time = BigInt(/^0\d/.test(number) ? `0o${number}` : number);
  if (time >= BigInt(firstInvalidTime)) return NaN;
  // Past 2^53 not every integer is a double: rounded down, at least the second is right.
  return Number(time < BigInt(Number.MAX_SAFE_INTEGER) ? time : time & ~3n);
}

/** `hh:mm:ss`, where the colons stand already. */
function setTimeOfDay(bytes: Buffer, at: number, second: number): void {
  twoDigits(bytes, at, Math.trunc(second / 3600));
  twoDigits(bytes, at + 3, Math.trunc(second / 60) % 60);
  twoDigits(bytes, at + 6, second % 60);
}

function twoDigits(bytes: Buffer, at: number, value: number): void {
  const tens = Math.trunc(value / 10);
  bytes[at] = 0x30 + tens;
  bytes[at + 1] = 0x30 + value - tens * 10;
}
