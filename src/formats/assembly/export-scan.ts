/**
 * Finds the entries of the Journal Export Format that lie whole in a piece of text, 64 bytes at a time, in AssemblyScript.
 * Leaves all else (entries that are cut off, malformed or too large) to `PartialEntry`.
 */

/** A field: the length of its name with the first and the last byte of that; and, as offsets into the text, where it lies. */
@unmanaged
class Row {
  key: i32;
  nameFrom: i32;
  valueFrom: i32;
  valueTo: i32;

  @inline
  get next(): Row {
    return changetype<Row>(changetype<usize>(this) + offsetof<Row>());
  }
}

const maxRows: i32 = 64 * 1024;
export const rowsAt = memory.data(64 * 1024 * 16, 16);
const maxEntries: i32 = 16 * 1024;
/** Of each entry the number of the row after its last. */
export const endsAt = memory.data(16 * 1024 * 4, 16);
/** By the slot of a field's key, whether the field is kept: `FieldChoice`. */
export const choiceAt = memory.data(1024, 16);
const slotBits = 10;
/** By that slot, 1 where the last scan has met such a field. */
export const metAt = memory.data(1024, 16);
export const maxTextBytes: i32 = 1024 * 1024;
/** The text, and bytes behind it that may be read and written. */
export const textAt = memory.data(1024 * 1024 + 64, 16);

const lf: i8 = 0x0a;
const equals: i8 = 0x3d;
/** As in export-limits.ts. */
const maxNameBytes: usize = 64;

let entries: i32 = 0;
let reason: i32 = 0;
/** Why a scan has ended: the text has; it has found enough; or what follows is malformed or too large. */
const endOfText: i32 = 0;
const enough: i32 = 1;
const notScanned: i32 = 2;

/** How many entries the last scan has found. */
export function entryCount(): i32 {
  return entries;
}

/** Why it has ended. */
export function whyEnded(): i32 {
  return reason;
}

/**
 * Scans the text from `from`, where an entry begins, up to `to` for `most` entries, and returns where the entry begins that is
 * not among those it has found; `to` where there is none.
 */
export function scan(from: i32, to: i32, most: i32, maxEntryBytes: i32): i32 {
  const end = textAt + to;
  // The searches for the end of a line end here at the latest.
  v128.store(end, i8x16.splat(lf));
  const rowsEnd = rowsAt + <usize>maxRows * offsetof<Row>();
  let row = changetype<Row>(rowsAt);
  let entryFrom = textAt + from;
  let lineFrom = entryFrom;
  const maxFound = min(most, maxEntries);
  entries = 0;
  reason = notScanned;
  memory.fill(metAt, 0, 1 << slotBits);
  // Where lines end is looked up 64 bytes at a time, so that the search for one need not wait for what the line before is.
  let block = lineFrom;
  let ends = lineFeeds(block);
  while (true) {
    while (ends == 0) ends = lineFeeds((block += 64));
    let lineEnd = block + <usize>ctz(ends);
    ends &= ends - 1;
    if (lineEnd >= end) {
      reason = endOfText;
      break;
    }
    if (lineEnd == lineFrom) {
      lineFrom++;
      if (lineEnd > entryFrom) {
        if (lineFrom - entryFrom > <usize>maxEntryBytes) break;
        store<i32>(endsAt + (entries << 2), <i32>((changetype<usize>(row) - rowsAt) / offsetof<Row>()));
        entries++;
      }
      entryFrom = lineFrom;
      if (entries < maxFound) continue;
      reason = enough;
      break;
    }
    const nameEnd = endOfName(lineFrom);
    const nameBytes = nameEnd - lineFrom;
    if (nameBytes == 0 || nameBytes > maxNameBytes) break;
    let valueFrom = nameEnd + 1;
    if (nameEnd == lineEnd) {
      const length = load<u64>(valueFrom);
      valueFrom += 8;
      if (valueFrom >= end || length >= <u64>(end - valueFrom)) {
        reason = endOfText;
        break;
      }
      lineEnd = valueFrom + <usize>length;
      if (load<i8>(lineEnd) != lf) break;
      block = lineEnd + 1;
      ends = lineFeeds(block);
    } else if (load<i8>(nameEnd) != equals) {
      break;
    }
    const key = <i32>(nameBytes << 16) | (<i32>load<u8>(lineFrom) << 8) | <i32>load<u8>(nameEnd - 1);
    const slot = (<u32>key * 0x9e3779b1) >>> (32 - slotBits);
    if (load<u8>(choiceAt + slot) != 0) {
      store<u8>(metAt + slot, 1);
      if (changetype<usize>(row) == rowsEnd) {
        if (entries > 0) reason = enough;
        break;
      }
      row.key = key;
      row.nameFrom = <i32>(lineFrom - textAt);
      row.valueFrom = <i32>(valueFrom - textAt);
      row.valueTo = <i32>(lineEnd - textAt);
      row = row.next;
    }
    lineFrom = lineEnd + 1;
  }
  return <i32>(entryFrom - textAt);
}

/** The first byte from `from` on of which a name is not made: `[A-Z0-9_]`. */
@inline
function endOfName(from: usize): usize {
  let at = from;
  while (true) {
    const bytes = v128.load(at);
    const letters = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(0x41)), i8x16.splat(26));
    const digits = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(0x30)), i8x16.splat(10));
    const others = ~i8x16.bitmask(v128.or(v128.or(letters, digits), i8x16.eq(bytes, i8x16.splat(0x5f)))) & 0xffff;
    if (others != 0) return at + ctz(others);
    at += 16;
  }
}

/** Which of 64 bytes are line feeds: a bit for each, the lowest for the first. */
@inline
function lineFeeds(at: usize): u64 {
  return lineFeedsOf16(at) | (lineFeedsOf16(at + 16) << 16) | (lineFeedsOf16(at + 32) << 32) | (lineFeedsOf16(at + 48) << 48);
}

@inline
function lineFeedsOf16(at: usize): u64 {
  return <u64>i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(lf)));
}
