/**
 * What `JsonEncoder` makes of nearly every entry, in AssemblyScript: fields of which no two want one name, and whose values
 * are UTF-8. Byte for byte what JSON.stringify gives.
 */
import { outAt, Row } from './fields';
import { framesOf, notOne } from './frames';
export { entriesAt, maxEntries, maxRows, maxTextBytes, outAt, rowsAt, textAt } from './fields';
export { endsAt, startsAt } from './frames';

/** What a field becomes in the objects. */
@unmanaged
class Member {
  /** The next one whose field has the same slot. */
  next: Member | null;
  /** The field: its row's key, and its name. */
  key: i32;
  field: usize;
  /** `,"NAME":"`; of no length for a field that is left out. */
  opening: usize;
  openingBytes: usize;
  /** Its place among those that come first, or -1. */
  place: i32;
  /** The number of the name that it becomes, which other fields may become, too. */
  name: i32;
}

const slotBits = 10;
const slots = memory.data(1024 * 4);
export const maxNames: i32 = 4096;
/** By the number of a name, the object in which it was last. */
const lastIn = memory.data(4096 * 4);
export const maxPlaces: i32 = 256;
/** By place, the row that comes there; 0 for none. */
const placed = memory.data(256 * 4);
/** By row, its member. */
const members = memory.data(64 * 1024 * 4);
/** The members, and the texts that they need. */
const storeBytes: usize = 256 * 1024;
const store_ = memory.data(256 * 1024, 16);

let stored: usize = store_;
let places: i32 = 0;
/** What every object ends with, from a comma on, and how many names are in it: the first numbers. */
let tail: usize = 0;
let tailBytes: usize = 0;
let tailNames: i32 = 0;
let object: i32 = 0;
let limit: i32 = -1;
let isUnknown: bool = false;

/** Whether the entry behind those of which frames were made has a field that is to be learnt first. */
export function hasUnknown(): bool {
  return isUnknown;
}

/** Sets the most bytes of an object, or -1. */
export function configure(maxBytes: i32): void {
  limit = maxBytes;
}

/** Forgets all fields. Every object ends with `tailLength` bytes from `outAt` on, whose names have the first numbers. */
export function reset(placeCount: i32, tailLength: i32, tailNameCount: i32): void {
  memory.fill(slots, 0, 1024 * 4);
  memory.fill(lastIn, 0, 4096 * 4);
  stored = store_;
  places = placeCount;
  tail = keep(outAt, tailLength);
  tailBytes = tailLength;
  tailNames = tailNameCount;
  object = 0;
}

/** Learns what the field of a row becomes: `openingBytes` from `outAt` on. False where that has no room: all is to be forgotten. */
export function learn(index: i32, openingBytes: i32, place: i32, name: i32): bool {
  const row = Row.at(index);
  if (stored + row.nameBytes + openingBytes + offsetof<Member>() + 64 > store_ + storeBytes) return false;
  const field = keep(row.name, row.nameBytes);
  const opening = keep(outAt, openingBytes);
  const member = changetype<Member>(stored);
  stored += (offsetof<Member>() + 15) & ~15;
  const slot = slotOf(row);
  member.next = load<Member | null>(slot);
  member.key = row.key;
  member.field = field;
  member.opening = opening;
  member.openingBytes = openingBytes;
  member.place = place;
  member.name = name;
  store<Member>(slot, member);
  return true;
}

/** The first row from `from` on, before `to`, whose field is to be learnt; -1 where all are known. */
export function firstUnknown(from: i32, to: i32): i32 {
  for (let index = from; index < to; index++) if (find(Row.at(index)) === null) return index;
  return -1;
}

/** As `framesOf` says. */
export function encode(first: i32, count: i32, framing: i32, maxFramesBytes: i32, base: i32): i32 {
  isUnknown = false;
  return framesOf(first, count, framing, maxFramesBytes, base, limit, appendObject);
}

function appendObject(from: i32, to: i32, begin: usize, outEnd: usize): usize {
  if (!look(from, to, outEnd - begin)) return notOne;
  let out = begin;
  for (let place = 0; place < places; place++) {
    const row = load<Row | null>(placed + (place << 2));
    if (row === null) continue;
    out = append(out, row);
    if (out == notOne) return notOne;
  }
  const end = Row.at(to);
  for (let row = Row.at(from); row != end; row = row.next) {
    const member = memberOf(row);
    if (member.place >= 0 || member.openingBytes == 0) continue;
    out = append(out, row);
    if (out == notOne) return notOne;
  }
  memory.copy(out, tail, tailBytes);
  out += tailBytes;
  if (out == begin) return notOne;
  store<u8>(begin, 0x7b);
  store<u8>(out, 0x7d);
  return out + 1;
}

/** Finds out what the fields become; false where there can be no object, or none within so many bytes. */
function look(from: i32, to: i32, maxBytes: usize): bool {
  object++;
  for (let name = 0; name < tailNames; name++) store<i32>(lastIn + (name << 2), object);
  memory.fill(placed, 0, places << 2);
  let needed = tailBytes + 2;
  const end = Row.at(to);
  for (let index = from; index < to; index++) {
    const row = Row.at(index);
    const member = find(row);
    if (member === null) {
      isUnknown = true;
      return false;
    }
    store<Member>(members + (index << 2), member);
    if (member.openingBytes == 0) continue;
    const last = lastIn + (member.name << 2);
    if (load<i32>(last) == object) return false;
    store<i32>(last, object);
    if (member.place >= 0) store<Row>(placed + (member.place << 2), row);
    // An escape takes six bytes at most.
    needed += member.openingBytes + (row.valueEnd - row.value) * 6 + 1;
    if (needed > maxBytes) return false;
  }
  return true;
}

/** What was found for a row. */
@inline
function memberOf(row: Row): Member {
  return load<Member>(members + ((changetype<usize>(row) - changetype<usize>(Row.at(0))) >>> 2));
}

@inline
function slotOf(row: Row): usize {
  const key = <u32>row.key + (<u32>load<u8>(row.name + (row.nameBytes >>> 1)) << 8);
  return slots + (((key * 0x9e3779b1) >>> (32 - slotBits)) << 2);
}

@inline
function find(row: Row): Member | null {
  let member = load<Member | null>(slotOf(row));
  while (member !== null && !(member.key == row.key && isSame(member.field, row.name, row.nameBytes))) member = member.next;
  return member;
}

/** Bytes behind both texts are read, too. */
@inline
function isSame(one: usize, other: usize, bytes: usize): bool {
  for (let at: usize = 0; at < bytes; at += 16) {
    const differ = ~i8x16.bitmask(i8x16.eq(v128.load(one + at), v128.load(other + at)));
    if ((bytes - at >= 16 ? differ & 0xffff : differ & ((1 << <i32>(bytes - at)) - 1)) != 0) return false;
  }
  return true;
}

/** Appends a member, and returns where it ends; or `notOne` where its value is not UTF-8. */
@inline
function append(at: usize, row: Row): usize {
  const member = memberOf(row);
  // Hardly one is longer; what is too much is written over.
  v128.store(at, v128.load(member.opening));
  v128.store(at, v128.load(member.opening, 16), 16);
  for (let from: usize = 32; from < member.openingBytes; from += 16) v128.store(at + from, v128.load(member.opening + from));
  const out = escaped(at + member.openingBytes, row.value, row.valueEnd);
  if (!isAscii && !isUtf8(row.value, row.valueEnd)) return notOne;
  store<u8>(out, 0x22);
  return out + 1;
}

/** Whether the text that was copied last is ASCII; false also where only bytes that follow it are not. */
let isAscii: bool = true;

/** Copies a text, with what JSON escapes. */
function escaped(begin: usize, from: usize, to: usize): usize {
  // All bytes in one: where that is not above 0x7f, none is.
  let seen = i8x16.splat(0);
  let out = begin;
  let at = from;
  while (at < to) {
    for (; at + 32 <= to; at += 32, out += 32) {
      const first = v128.load(at);
      const second = v128.load(at, 16);
      v128.store(out, first);
      v128.store(out, second, 16);
      if (v128.any_true(v128.or(special(first), special(second)))) break;
      seen = v128.or(seen, v128.or(first, second));
    }
    if (at == to) break;
    const bytes = v128.load(at);
    v128.store(out, bytes);
    seen = v128.or(seen, bytes);
    const found = i8x16.bitmask(special(bytes));
    const plain = min<usize>(found == 0 ? 16 : ctz(found), to - at);
    out += plain;
    at += plain;
    if (plain < 16 && at < to) out = escape(out, load<u8>(at++));
  }
  isAscii = i8x16.bitmask(seen) == 0;
  return out;
}

/** The bytes in whose place others come: those below U+0020, quotes and backslashes. */
@inline
function special(bytes: v128): v128 {
  return v128.or(v128.or(i8x16.lt_u(bytes, i8x16.splat(0x20)), i8x16.eq(bytes, i8x16.splat(0x22))), i8x16.eq(bytes, i8x16.splat(0x5c)));
}

function escape(out: usize, byte: u8): usize {
  let letter: u32 = 0;
  switch (byte) {
    case 0x22:
    case 0x5c:
      letter = byte;
      break;
    case 0x08:
      letter = 0x62;
      break;
    case 0x09:
      letter = 0x74;
      break;
    case 0x0a:
      letter = 0x6e;
      break;
    case 0x0c:
      letter = 0x66;
      break;
    case 0x0d:
      letter = 0x72;
      break;
    default:
      // `\u00`, and two hexadecimal digits.
      store<u32>(out, 0x3030755c);
      store<u8>(out, 0x30 + (byte >> 4), 4);
      store<u8>(out, (byte & 15) < 10 ? 0x30 + (byte & 15) : 0x57 + (byte & 15), 5);
      return out + 6;
  }
  store<u16>(out, <u16>(0x5c | (letter << 8)));
  return out + 2;
}

/** Table 3-7 of the Unicode Standard, chapter 3: which sequences of bytes are well formed. */
function isUtf8(from: usize, to: usize): bool {
  let at = from;
  while (at < to) {
    const lead = load<u8>(at++);
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const more: usize = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (at + more > to) return false;
    const second = load<u8>(at);
    if (second < (lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80)) return false;
    if (second > (lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf)) return false;
    for (const end = at++ + more; at < end; at++) if ((load<u8>(at) & 0xc0) != 0x80) return false;
  }
  return true;
}

/** Keeps a copy of a text, with bytes behind it that may be read. */
function keep(from: usize, bytes: usize): usize {
  const at = stored;
  memory.copy(at, from, bytes);
  stored += (bytes + 31) & ~15;
  return at;
}
