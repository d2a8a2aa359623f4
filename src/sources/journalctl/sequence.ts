import type { Entry } from '../../core/entry.js';
import { parseCursor, type CursorParts } from '../../formats/cursor.js';

/** Where numbers are absent from a run of entries that should be complete. */
export interface Jump {
  /** The first entry of the run that must not be taken before the jump is explained. */
  readonly index: number;
  /** How many numbers are absent. */
  readonly missing: number;
  /** The same for the same jump, whenever it is read again. */
  readonly key: string;
  /** When the entry after the jump was logged, in microseconds since the epoch. */
  readonly timestamp: number;
  /** The index after the entries of that moment. */
  readonly end: number;
}

/**
 * The sequence numbers of a machine's entries: journald counts over all its files, whatever sequence id (`s=`) these
 * have, so an entry that was skipped shows as a jump. A step back is journald beginning anew, and no jump.
 *
 * Costs two cursors a run of entries as long as the numbers agree with the count of the entries.
 */
export class Sequence {
  #next: number | undefined;
  /** The highest number before journald began anew: up to it, a file may go on with numbers of its own. */
  #ceiling = 0;
  #seqnumId = '';
  #afterJump: { readonly next: number | undefined; readonly seqnumId: string } = { next: undefined, seqnumId: '' };
  /** The sequence ids that have gone on with numbers of their own since then. */
  readonly #resumed = new Set<string>();

  /** Goes on after this entry, or anywhere where there is none. */
  reset(cursor: string | undefined): void {
    const parts = cursor === undefined ? undefined : parseCursor(cursor);
    this.#next = parts === undefined ? undefined : parts.seqnum + 1;
    this.#seqnumId = parts?.seqnumId ?? '';
  }

  /** Takes the entries up to the first jump, which is returned, to be accepted or read again; all of them where there is none. */
  take(entries: readonly Entry[]): Jump | undefined {
    if (entries.length === 0 || this.#takeWhole(entries)) return undefined;
    for (let from = 0; from < entries.length; ) {
      const to = endOfMoment(entries, from);
      const missing = this.#takeMoment(entries.slice(from, to));
      if (missing > 0) {
        const { cursor, timestamp } = entries[from]!;
        const { seqnumId, seqnum } = parseCursor(cursor)!;
        return { index: from, end: to, missing, key: `${seqnumId}:${seqnum}`, timestamp };
      }
      from = to;
    }
    return undefined;
  }

  /** Goes on behind the entries of the jump that was found last. */
  accept(): void {
    this.#next = this.#afterJump.next;
    this.#seqnumId = this.#afterJump.seqnumId;
  }

  #takeWhole(entries: readonly Entry[]): boolean {
    if (this.#next === undefined) return false;
    const first = parseCursor(entries[0]!.cursor);
    const last = entries.length === 1 ? first : parseCursor(entries.at(-1)!.cursor);
    if (first?.seqnum !== this.#next || last?.seqnum !== this.#next + entries.length - 1) return false;
    this.#next = last.seqnum + 1;
    this.#seqnumId = last.seqnumId;
    return true;
  }

  /**
   * Takes the entries of one moment, whose order over several files journalctl chooses by a hash; returns how many
   * numbers are absent before and within them, and takes none of them if there are any.
   */
  #takeMoment(entries: readonly Entry[]): number {
    const all = entries.map(({ cursor }) => parseCursor(cursor)).filter((parts) => parts !== undefined);
    if (all.length > 1) all.sort((a, b) => a.seqnum - b.seqnum);
    const begin = { next: this.#next, seqnumId: this.#seqnumId };
    let missing = 0;
    for (const parts of all) {
      if (this.#next !== undefined && parts.seqnum > this.#next && !this.#resumes(parts)) missing += parts.seqnum - this.#next;
      else if (this.#next !== undefined && parts.seqnum < this.#next) this.#beginAnew();
      this.#next = parts.seqnum + 1;
      this.#seqnumId = parts.seqnumId;
    }
    if (missing > 0) {
      this.#afterJump = { next: this.#next, seqnumId: this.#seqnumId };
      this.#next = begin.next;
      this.#seqnumId = begin.seqnumId;
    }
    return missing;
  }

  #beginAnew(): void {
    this.#ceiling = Math.max(this.#ceiling, this.#next! - 1);
    this.#resumed.clear();
  }

  /** After journald was killed, a file that was not being written goes on where it stood, once. */
  #resumes({ seqnumId, seqnum }: CursorParts): boolean {
    if (seqnum > this.#ceiling + 1 || seqnumId === this.#seqnumId || this.#resumed.has(seqnumId)) return false;
    this.#resumed.add(seqnumId);
    return true;
  }
}

/** The index after the entries that were logged in the same moment as the one at `from`. */
function endOfMoment(entries: readonly Entry[], from: number): number {
  const { timestamp } = entries[from]!;
  let to = from + 1;
  while (to < entries.length && entries[to]!.timestamp === timestamp) to++;
  return to;
}
