import type { Entry } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import type { Gap } from '../../core/reader-events.js';
import { isCursor, parseCursor, sameEntry } from '../../formats/cursor.js';
import type { Place } from './place.js';
import type { Exit } from './process.js';

/** An entry whose data is damaged, so that journalctl dies of it each time. */
export interface Poison extends Position {
  readonly seqnum: number;
  readonly reason: string;
  /** What journalctl had printed of it, in the export format. */
  readonly content: Uint8Array;
}

/** What passes again does not make an entry poison. */
const PASSING = /memory|open files|No space|could not be started/i;
/** From this death without a printed entry on, reading leaps ahead in time. */
const PATIENCE = 3;
const FIRST_LEAP_US = 1000;

/**
 * Finds out which entry ends journalctl. In the export format it prints an entry's cursor first, and what it could
 * read of it: at the second death within one entry, that is the one to step over, and no other.
 */
export class PoisonWatch {
  #suspect: string | undefined;

  /** Called after each failing exit. Where there is nothing to step over but reading is stuck for good, moves the place on in time. */
  look({ exit, partial, place }: { exit: Exit; partial: Entry | undefined; place: Place }): { readonly poison: Poison; readonly isKnown: boolean; readonly gap: Gap } | undefined {
    if (exit.code === undefined || PASSING.test(exit.stderr)) return undefined;
    const deaths = place.noteFailure();
    if (partial === undefined || !isCursor(partial.cursor)) {
      if (deaths >= PATIENCE && /Bad message|Invalid|Input\/output error/.test(exit.stderr)) place.leap(FIRST_LEAP_US * 10 ** (deaths - PATIENCE));
      return undefined;
    }
    // A checkpoint that was saved just behind a poison entry leads back to it.
    const isKnown = place.last !== undefined && sameEntry(partial.cursor, place.last.cursor);
    if (!isKnown && this.#suspect !== partial.cursor) {
      this.#suspect = partial.cursor;
      return undefined;
    }
    this.#suspect = undefined;
    return { poison: poisonOf(partial, exit.stderr), isKnown, gap: gapOf(partial, place.last) };
  }

  /** Whatever was suspected was printed after all. */
  forget(): void {
    this.#suspect = undefined;
  }
}

function poisonOf(partial: Entry, stderr: string): Poison {
  return {
    cursor: partial.cursor,
    timestamp: partial.timestamp,
    seqnum: parseCursor(partial.cursor)!.seqnum,
    reason: `journalctl cannot print it: ${stderr === '' ? 'it dies without a word' : stderr}`,
    content: exportOf(partial),
  };
}

function gapOf(partial: Entry, last: Position | undefined): Gap {
  const { seqnum } = parseCursor(partial.cursor)!;
  return {
    kind: 'poison',
    count: 1,
    afterUs: last?.timestamp,
    explanation: `Stepping over the entry with sequence number ${seqnum}: the journal holds it damaged, and journalctl cannot print it`,
  };
}

/** What could be read, as lines `NAME=value`. */
function exportOf(entry: Entry): Uint8Array {
  const lines: Uint8Array[] = [];
  for (const name of entry.names()) lines.push(Buffer.from(`${name}=`), entry.bytes(name)!, Buffer.from('\n'));
  return Buffer.concat(lines);
}
