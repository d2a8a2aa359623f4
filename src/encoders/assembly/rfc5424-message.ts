/**
 * What `Rfc5424Encoder` makes of nearly every entry, in AssemblyScript: fields that occur once, a usable time, names that are
 * tokens as they stand, no structured data, and nothing that is too long. Byte for byte the same.
 */
import { Row } from './fields';
import { framesOf, notOne } from './frames';
import { know, numberOf, unknown } from './known-fields';
export { entriesAt, maxEntries, maxRows, maxTextBytes, outAt, rowsAt, textAt } from './fields';
export { endsAt, startsAt } from './frames';

/** A longer MESSAGE is not copied. */
const maxMessageBytes: usize = 64 * 1024;
/** More than a header takes. */
const maxHeaderBytes: usize = 1024;

/** The fields that a message is made of, as numbers. */
const enum Field {
  priority,
  facility,
  transport,
  sourceTime,
  time,
  hostname,
  identifier,
  comm,
  syslogPid,
  pid,
  messageId,
  message,
}

/** For each of them, where its row is; 0 where the entry has none. */
const foundAt = memory.data(64, 16);

let fixedFacility: i32 = -1;
let isSingleLine: bool = false;
let maxBytes: i32 = -1;

/** Sets what holds for all messages: a facility for those of every entry, or -1; and the most bytes of one, or -1. Called once. */
export function configure(facility: i32, singleLine: bool, limit: i32): void {
  fixedFacility = facility;
  isSingleLine = singleLine;
  maxBytes = limit;
  know(Field.priority, 'PRIORITY');
  know(Field.facility, 'SYSLOG_FACILITY');
  know(Field.transport, '_TRANSPORT');
  know(Field.sourceTime, '_SOURCE_REALTIME_TIMESTAMP');
  know(Field.time, '__REALTIME_TIMESTAMP');
  know(Field.hostname, '_HOSTNAME');
  know(Field.identifier, 'SYSLOG_IDENTIFIER');
  know(Field.comm, '_COMM');
  know(Field.syslogPid, 'SYSLOG_PID');
  know(Field.pid, '_PID');
  know(Field.messageId, 'MESSAGE_ID');
  know(Field.message, 'MESSAGE');
}

/** As `framesOf` says. */
export function encode(first: i32, count: i32, framing: i32, maxFramesBytes: i32, base: i32): i32 {
  return framesOf(first, count, framing, maxFramesBytes, base, maxBytes, append);
}

function append(from: i32, to: i32, begin: usize, outEnd: usize): usize {
  if (!find(from, to)) return notOne;
  const message = found(Field.message);
  const messageBytes: usize = message === null ? 0 : message.valueEnd - message.value;
  // Of each byte, four may be made.
  if (messageBytes > maxMessageBytes || begin + maxHeaderBytes + messageBytes * 4 > outEnd) return notOne;
  const timeUs = displayTime();
  if (timeUs == 0) return notOne;
  let out = begin;
  store<u8>(out++, 0x3c);
  out = number(out, (fixedFacility < 0 ? facilityOf() : fixedFacility) * 8 + severityOf());
  // `>1 `
  store<u32>(out, 0x0020313e);
  out = stamp(out + 3, timeUs);
  out = token(out, found(Field.hostname), null, 255);
  if (out != 0) out = token(out, found(Field.identifier), found(Field.comm), 48);
  if (out != 0) out = token(out, found(Field.syslogPid), found(Field.pid), 128);
  if (out != 0) out = token(out, found(Field.messageId), null, 32);
  if (out == 0) return notOne;
  // ` - `
  store<u32>(out, 0x00202d20);
  out += 3;
  // With a limit, there must be room for the mark of what was cut even in an empty message.
  if (maxBytes >= 0 && <i32>(out - begin) + 8 > maxBytes) return notOne;
  if (message === null) return out;
  let end = message.valueEnd;
  if (isSingleLine && messageBytes > 0 && load<u8>(end - 1) == 0x0a) end--;
  return text(out, message.value, end);
}

/** Looks for the fields; false where one occurs twice. */
function find(from: i32, to: i32): bool {
  for (let at = foundAt; at < foundAt + 64; at += 16) v128.store(at, i64x2.splat(0));
  const end = Row.at(to);
  for (let row = Row.at(from); row != end; row = row.next) {
    const field = numberOf(row);
    if (field == unknown) continue;
    if (found(field) !== null) return false;
    store<Row>(foundAt + (<usize>field << 2), row);
  }
  return true;
}

@inline
function found(field: Field): Row | null {
  return load<Row | null>(foundAt + (<usize>field << 2));
}

/** In microseconds; 0 where a number is none that is written plainly, or the entry tells no time. */
function displayTime(): i64 {
  const sourceTime = found(Field.sourceTime);
  const time = found(Field.time);
  if (sourceTime !== null) {
    const timeUs = plainNumber(sourceTime.value, sourceTime.valueEnd);
    if (timeUs <= 0 || timeUs >= ((<i64>1) << 53)) return 0;
    return timeUs;
  }
  if (time === null) return 0;
  const timeUs = plainNumber(time.value, time.valueEnd);
  return timeUs < 0 || timeUs >= ((<i64>1) << 53) ? 0 : timeUs;
}

/** -1 for anything but up to 16 digits of which the first is not 0. */
function plainNumber(from: usize, to: usize): i64 {
  if (to == from || to - from > 16 || load<u8>(from) == 0x30) return -1;
  // Microseconds since the epoch have as many from the year 2001 to 2286.
  if (to - from == 16) {
    const upper = load<u64>(from);
    const lower = load<u64>(from, 8);
    return areDigits(upper) && areDigits(lower) ? <i64>(ofDigits(upper) * 100000000 + ofDigits(lower)) : -1;
  }
  let value: i64 = 0;
  for (let at = from; at < to; at++) {
    const digit = <i64>load<u8>(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether each of eight bytes is a digit: 3 in its upper half, and still so with 6 added. */
@inline
function areDigits(bytes: u64): bool {
  return ((bytes & 0xf0f0f0f0f0f0f0f0) | (((bytes + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >>> 4)) == 0x3333333333333333;
}

/** The number that eight digits are, of which the first is the lowest byte: two make one number, then two of these, then those. */
@inline
function ofDigits(bytes: u64): u64 {
  const pairs = ((bytes & 0x0f0f0f0f0f0f0f0f) * ((10 << 8) + 1)) >>> 8;
  const fours = ((pairs & 0x00ff00ff00ff00ff) * ((100 << 16) + 1)) >>> 16;
  return ((fours & 0x0000ffff0000ffff) * (((<u64>10000) << 32) + 1)) >>> 32;
}

function severityOf(): i32 {
  const priority = found(Field.priority);
  if (priority === null || priority.valueEnd - priority.value != 1) return 6;
  const severity = <i32>load<u8>(priority.value) - 0x30;
  return severity >= 0 && severity <= 7 ? severity : 6;
}

function facilityOf(): i32 {
  const transport = found(Field.transport);
  const facility = found(Field.facility);
  // `kern` and `el`
  if (transport !== null) {
    const at = transport.value;
    if (transport.valueEnd - at == 6 && load<u32>(at) == 0x6e72656b && load<u16>(at + 4) == 0x6c65) return 0;
  }
  if (facility === null) return 1;
  const from = facility.value;
  const to = facility.valueEnd;
  if (to == from || to - from > 2) return 1;
  let value: i32 = 0;
  for (let at = from; at < to; at++) {
    const digit = <i32>load<u8>(at) - 0x30;
    if (digit < 0 || digit > 9) return 1;
    value = value * 10 + digit;
  }
  return value <= 23 ? value : 1;
}

/** 0 to 191. */
function number(out: usize, value: i32): usize {
  if (value >= 100) store<u8>(out++, 0x31);
  if (value >= 10) store<u8>(out++, 0x30 + ((value / 10) % 10));
  store<u8>(out, 0x30 + (value % 10));
  return out + 1;
}

/** A space, and the value of the first of both fields that has one, or a hyphen; 0 where that is no token as it stands. */
function token(out: usize, field: Row | null, other: Row | null, maxBytes: usize): usize {
  store<u8>(out++, 0x20);
  let from: usize = field === null ? 0 : field.value;
  let to: usize = field === null ? 0 : field.valueEnd;
  if (from == to && other !== null) {
    from = other.value;
    to = other.valueEnd;
  }
  if (from == to) {
    store<u8>(out, 0x2d);
    return out + 1;
  }
  if (to - from > maxBytes) return 0;
  for (let at = from; at < to; at += 16) {
    const bytes = v128.load(at);
    v128.store(out + (at - from), bytes);
    // PRINTUSASCII, 33 to 126.
    let others = ~i8x16.bitmask(i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(33)), i8x16.splat(94))) & 0xffff;
    if (to - at < 16) others &= (1 << <i32>(to - at)) - 1;
    if (others != 0) return 0;
  }
  return out + (to - from);
}

/** The second that was written last, in seconds since the epoch, and its text. */
let second: i64 = -1;
const stampAt = memory.data(32, 16);

/** RFC 3339 in UTC, with six digits of the second. */
function stamp(out: usize, timeUs: i64): usize {
  const whole = timeUs / 1000000;
  if (whole != second) setSecond(whole);
  v128.store(out, v128.load(stampAt));
  store<u32>(out, load<u32>(stampAt, 16), 16);
  let fraction = <i32>(timeUs - whole * 1000000);
  for (let at = out + 25; at > out + 19; at--) {
    const rest = fraction / 10;
    store<u8>(at, 0x30 + fraction - rest * 10);
    fraction = rest;
  }
  store<u8>(out, 0x5a, 26);
  return out + 27;
}

/** `1970-01-01T00:00:00.` */
function setSecond(whole: i64): void {
  second = whole;
  const days = <i32>(whole / 86400);
  const ofDay = <i32>(whole - <i64>days * 86400);
  // Days are counted from 1 March of year 0, so that the leap day is a year's last; 146,097 of them in 400 years.
  const shifted = days + 719468;
  const era = shifted / 146097;
  const ofEra = shifted - era * 146097;
  const yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146096) / 365;
  const ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const marchMonth = (5 * ofYear + 2) / 153;
  const day = ofYear - (153 * marchMonth + 2) / 5 + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  twoDigits(stampAt, year / 100);
  twoDigits(stampAt + 2, year % 100);
  store<u8>(stampAt, 0x2d, 4);
  twoDigits(stampAt + 5, month);
  store<u8>(stampAt, 0x2d, 7);
  twoDigits(stampAt + 8, day);
  store<u8>(stampAt, 0x54, 10);
  twoDigits(stampAt + 11, ofDay / 3600);
  store<u8>(stampAt, 0x3a, 13);
  twoDigits(stampAt + 14, (ofDay / 60) % 60);
  store<u8>(stampAt, 0x3a, 16);
  twoDigits(stampAt + 17, ofDay % 60);
  store<u8>(stampAt, 0x2e, 19);
}

function twoDigits(at: usize, value: i32): void {
  store<u8>(at, 0x30 + value / 10);
  store<u8>(at, 0x30 + (value % 10), 1);
}

/** With `#000` for each NUL, and on a single line `#012` for each LF. */
function text(out: usize, from: usize, to: usize): usize {
  let at = from;
  while (true) {
    for (; at + 32 <= to; at += 32, out += 32) {
      const first = v128.load(at);
      const second = v128.load(at, 16);
      v128.store(out, first);
      v128.store(out, second, 16);
      if (v128.any_true(v128.or(special(first), special(second)))) break;
    }
    if (at == to) return out;
    const bytes = v128.load(at);
    v128.store(out, bytes);
    const found = i8x16.bitmask(special(bytes));
    const plain = min<usize>(found == 0 ? 16 : ctz(found), to - at);
    out += plain;
    at += plain;
    if (at == to) return out;
    if (plain == 16) continue;
    // `#000` and `#012`
    store<u32>(out, load<u8>(at) == 0 ? 0x30303023 : 0x32313023);
    out += 4;
    at++;
  }
}

/** The bytes in whose place others come. */
@inline
function special(bytes: v128): v128 {
  const isNul = i8x16.eq(bytes, i8x16.splat(0));
  return isSingleLine ? v128.or(isNul, i8x16.eq(bytes, i8x16.splat(0x0a))) : isNul;
}
