import type { Cursor } from '../core/entry.js';

/** The parts of a journal cursor; see sd_journal_get_cursor(3), and journal-def.h for what they count. */
export interface CursorParts {
  /** `s`: the sequence that `seqnum` counts in; changes when journald starts a new one. */
  readonly seqnumId: string;
  /** `i`: the sequence number, exact below 2^53. */
  readonly seqnum: number;
  /** `b`: the boot in which the entry was logged. */
  readonly bootId: string;
  /** `m`: microseconds since that boot. */
  readonly monotonic: number;
  /** `t`: microseconds since the epoch. */
  readonly realtime: number;
  /** `x`: a hash over the entry's fields, as hexadecimal digits. */
  readonly xor: string;
}

/** Takes a complete cursor apart, with or without a final LF; undefined for anything else. */
export function parseCursor(text: string): CursorParts | undefined {
  const match = complete.exec(text);
  if (match === null) return undefined;
  const [, seqnumId, seqnum, bootId, monotonic, realtime, xor] = match as unknown as Parts;
  return {
    seqnumId,
    seqnum: Number.parseInt(seqnum, 16),
    bootId,
    monotonic: Number.parseInt(monotonic, 16),
    realtime: Number.parseInt(realtime, 16),
    xor,
  };
}

/** Whether this is a complete cursor. journalctl also takes partial ones (`s=…;i=…`), which no entry ever has. */
export function isCursor(text: string): text is Cursor {
  return complete.test(text);
}

/**
 * Whether two cursors name one entry: boot, both clocks and the hash agree. `s` and `i` may differ, because they
 * change when journald flushes the entry from /run to /var. False where either is not a cursor.
 */
export function sameEntry(a: string, b: string): boolean {
  const one = complete.exec(a);
  const other = complete.exec(b);
  if (one === null || other === null) return false;
  return one[3] === other[3] && one[4] === other[4] && one[5] === other[5] && one[6] === other[6];
}

/**
 * Whether the entry of `a` was logged after that of `b`: by sequence number where both count in one sequence, else by
 * the clock that counts from their boot, or where the boots differ, by the time of day. False where either is not a cursor.
 */
export function isNewer(a: string, b: string): boolean {
  const one = parseCursor(a);
  const other = parseCursor(b);
  if (one === undefined || other === undefined || sameEntry(a, b)) return false;
  if (one.seqnumId === other.seqnumId) return one.seqnum > other.seqnum;
  return one.bootId === other.bootId ? one.monotonic > other.monotonic : one.realtime > other.realtime;
}

/** Whether the entry of `a` was certainly logged before that of `b`: in the same boot, by the clock that nobody sets. False where either is not a cursor. */
export function precedes(a: string, b: string): boolean {
  const one = parseCursor(a);
  const other = parseCursor(b);
  return one !== undefined && other !== undefined && one.bootId === other.bootId && one.monotonic < other.monotonic;
}

type Parts = readonly [string, string, string, string, string, string, string];

const complete =
  /^s=([0-9a-f]{32});i=([0-9a-f]{1,16});b=([0-9a-f]{32});m=([0-9a-f]{1,16});t=([0-9a-f]{1,16});x=([0-9a-f]{1,16})\n?$/;
