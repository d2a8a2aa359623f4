/**
 * What `JsonEncoder` makes of nearly every entry, in AssemblyScript: fields of which no two want one name, and whose values
 * are UTF-8. Byte for byte what JSON.stringify gives.
 */
import { maxOutBytes, outAt, Row } from './fields';
export { maxRows, maxTextBytes, outAt, rowsAt, textAt } from './fields';

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
const members = memory.data(24 * 1024 * 4);
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
let seen: v128 = i8x16.splat(0);

/** Whether the last object is ASCII throughout, for sure; whether another one is UTF-8, others have to tell. */
export function isAscii(): bool {
  return i8x16.bitmask(seen) == 0;
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

/**
 * Makes the object of the rows from `from` up to `to`, and returns its length. -1: it is left to JsonEncoder. -2: it has a
 * field that is to be learnt first.
 */
export function encode(from: i32, to: i32): i32 {
  const reason = look(from, to);
  if (reason < 0) return reason;
  seen = i8x16.splat(0);
  let out = outAt;
  for (let place = 0; place < places; place++) {
    const row = load<Row | null>(placed + (place << 2));
    if (row !== null) out = append(out, row);
  }
  const end = Row.at(to);
  for (let row = Row.at(from); row != end; row = row.next) {
    const member = memberOf(row);
    if (member.place < 0 && member.openingBytes > 0) out = append(out, row);
  }
  memory.copy(out, tail, tailBytes);
  out += tailBytes;
  if (out == outAt) return -1;
  store<u8>(outAt, 0x7b);
  store<u8>(out, 0x7d);
  return <i32>(out - outAt) + 1;
}

/** Finds out what the fields become; less than 0 where there can be no object, as `encode` says. */
function look(from: i32, to: i32): i32 {
  object++;
  for (let name = 0; name < tailNames; name++) store<i32>(lastIn + (name << 2), object);
  memory.fill(placed, 0, places << 2);
  let room = tailBytes + 2;
  const end = Row.at(to);
  for (let index = from; index < to; index++) {
    const row = Row.at(index);
    const member = find(row);
    if (member === null) return -2;
    store<Member>(members + (index << 2), member);
    if (member.openingBytes == 0) continue;
    const last = lastIn + (member.name << 2);
    if (load<i32>(last) == object) return -1;
    store<i32>(last, object);
    if (member.place >= 0) store<Row>(placed + (member.place << 2), row);
    // An escape takes six bytes at most.
    room += member.openingBytes + (row.valueEnd - row.value) * 6 + 1;
    if (room > maxOutBytes) return -1;
  }
  return 0;
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

function append(at: usize, row: Row): usize {
  const member = memberOf(row);
  let out = at;
  for (let from: usize = 0; from < member.openingBytes; from += 16) v128.store(out + from, v128.load(member.opening + from));
  out = escaped(out + member.openingBytes, row.value, row.valueEnd);
  store<u8>(out, 0x22);
  return out + 1;
}

/** Copies a text, with what JSON escapes. */
function escaped(begin: usize, from: usize, to: usize): usize {
  let out = begin;
  let at = from;
  while (at < to) {
    const bytes = v128.load(at);
    v128.store(out, bytes);
    // Below U+0020, a quote or a backslash.
    const special = i8x16.bitmask(v128.or(v128.or(i8x16.lt_u(bytes, i8x16.splat(0x20)), i8x16.eq(bytes, i8x16.splat(0x22))), i8x16.eq(bytes, i8x16.splat(0x5c))));
    seen = v128.or(seen, bytes);
    const plain = min<usize>(special == 0 ? 16 : ctz(special), to - at);
    out += plain;
    at += plain;
    if (plain < 16 && at < to) out = escape(out, load<u8>(at++));
  }
  return out;
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

/** Keeps a copy of a text, with bytes behind it that may be read. */
function keep(from: usize, bytes: usize): usize {
  const at = stored;
  memory.copy(at, from, bytes);
  stored += (bytes + 31) & ~15;
  return at;
}
