/** The frames of entries that lie one after the other, byte for byte as `FramedBatch` makes them one by one. */
import { entriesAt, maxOutBytes, outAt } from './fields';

/** How many are made at a time. */
const maxMessages: i32 = 256;
/** Of each message, where it begins and where it ends: offsets that count from `base`. */
export const startsAt = memory.data(256 * 4, 16);
export const endsAt = memory.data(256 * 4, 16);

/** How messages are told apart, numbered as in entry-memory.ts. */
const enum Framing {
  none,
  lf,
  octetCounting,
}

/** Three digits, which most lengths have, and the space behind them. */
const usualBytes: usize = 4;
/** So much of what is kept for messages is for the rest of a frame. */
const frameBytes: usize = 32;
/** What `make` returns for an entry that is left to the encoder. */
export const notOne: usize = 0;

/**
 * Makes the frames of `count` entries from the entry `first` on until one is left to the encoder, is longer than `limit`
 * (which may be -1), or would make all frames together longer than `maxBytes`; returns how many it has made. `make` writes
 * the message of the rows from one up to another, from `out` to `end` at most, and returns where it ends, or `notOne`.
 * `base`: the offset at which what is made begins.
 */
export function framesOf(first: i32, count: i32, framing: i32, maxBytes: i32, base: i32, limit: i32, make: (from: i32, to: i32, out: usize, end: usize) => usize): i32 {
  const most = min(count, maxMessages);
  const end = outAt + maxOutBytes - frameBytes;
  const lead: usize = framing == Framing.octetCounting ? usualBytes : 0;
  let row = first == 0 ? 0 : endRow(first - 1);
  let out = outAt;
  let made = 0;
  while (made < most && out + lead < end) {
    const nextRow = endRow(first + made);
    let start = out + lead;
    let messageEnd = make(row, nextRow, start, end);
    if (messageEnd == notOne) break;
    const length = <i32>(messageEnd - start);
    if (limit >= 0 && length > limit) break;
    let next = messageEnd;
    if (framing == Framing.lf) {
      store<u8>(next++, 0x0a);
    } else if (framing == Framing.octetCounting) {
      // A length does not begin with 0, so that an empty message has no frame.
      if (length == 0) break;
      const digits = digitsOf(length);
      const messageStart = out + digits + 1;
      if (messageStart != start) memory.copy(messageStart, start, length);
      writeLength(out, length, digits);
      start = messageStart;
      messageEnd = next = start + length;
    }
    if (<i32>(next - outAt) > maxBytes) break;
    store<i32>(startsAt + (made << 2), base + <i32>(start - outAt));
    store<i32>(endsAt + (made << 2), base + <i32>(messageEnd - outAt));
    made++;
    out = next;
    row = nextRow;
  }
  return made;
}

@inline
function endRow(entry: i32): i32 {
  return load<i32>(entriesAt + (entry << 2));
}

/** Of a whole number from 1 on. */
function digitsOf(value: i32): usize {
  let digits: usize = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) digits++;
  return digits;
}

/** RFC 6587 section 3.4.1: the length, and a space. */
function writeLength(out: usize, length: i32, digits: usize): void {
  store<u8>(out + digits, 0x20);
  let rest = length;
  for (let at = out + digits; at > out; at--) {
    store<u8>(at - 1, 0x30 + (rest % 10));
    rest /= 10;
  }
}
