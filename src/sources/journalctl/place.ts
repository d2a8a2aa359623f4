import type { Cursor, Entry } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import { isCursor, parseCursor, precedes, sameEntry } from '../../formats/cursor.js';
import type { From } from './arguments.js';

/** A cursor that lies this far ahead of the clock comes from a clock that was wrong, and nothing would ever follow it. */
const FUTURE_TOLERANCE_US = 5 * 60 * 1_000_000;

/** How far one reading of the journal has come, and so where the next journalctl has to begin. */
export class Place {
  #last: Position | undefined;
  #from: From;
  #matches: readonly string[];
  #isPinned: boolean;
  /** Whether `#last` is an entry that the selection has: then it comes first when reading goes on from it. */
  #isEntry: boolean;
  #isFirst = true;
  #failures = 0;

  private constructor(options: { last?: Position | undefined; from: From; matches?: readonly string[]; isPinned?: boolean; isEntry?: boolean }) {
    this.#last = options.last;
    this.#from = options.from;
    this.#matches = options.matches ?? [];
    this.#isPinned = options.isPinned ?? false;
    this.#isEntry = options.isEntry ?? false;
  }

  /** At the head, at a time, or at the head of what `matches` select. */
  static atStart(from: From, matches: readonly string[] = []): Place {
    return new Place({ from, matches });
  }

  /** Just after a position; `isEntry` tells that the selection has that very entry, unless it was vacuumed. */
  static after(position: Position, isEntry: boolean): Place {
    return new Place({ last: position, from: { cursor: position.cursor }, isEntry });
  }

  /** At the time of an entry whose cursor leads nowhere: the entries of that microsecond come once more. */
  static atTimeOf(position: Position): Place {
    return new Place({ last: position, from: { since: sinceOf(position.timestamp) } });
  }

  /**
   * In one boot only, and by its own clock: just after a position of it, or else from its start. Where entries of
   * another boot come from the future, every later entry lies before them, and would never be printed.
   */
  static inBoot(bootId: string, position: Position | undefined): Place {
    const place = new Place({ from: undefined });
    place.pinTo(bootId, position);
    return place;
  }

  /** What the next journalctl is to begin with. */
  get from(): From {
    return this.#from;
  }

  /** Matches that hold until the first entry was read, or for good. */
  get matches(): readonly string[] {
    return this.#matches;
  }

  /** Matches that hold for good. */
  get pins(): readonly string[] {
    return this.#isPinned ? this.#matches : [];
  }

  /** The last entry that was read, or the one to read after. */
  get last(): Position | undefined {
    return this.#last;
  }

  /** Moves into one boot, as `inBoot` says. */
  pinTo(bootId: string, position: Position | undefined): void {
    const parts = position === undefined ? undefined : parseCursor(position.cursor);
    const isThere = parts?.bootId === bootId;
    this.#last = isThere ? position : undefined;
    this.#from = isThere ? { cursor: `b=${bootId};m=${parts.monotonic.toString(16)}` as Cursor } : undefined;
    this.#matches = [`_BOOT_ID=${bootId}`];
    this.#isPinned = true;
    this.#isEntry = false;
  }

  /** Notes that a new journalctl begins, which prints the last entry once more. */
  begin(): void {
    this.#isFirst = true;
  }

  /**
   * What of a run of entries was not read before; the place stays. `last` is the last entry as it was printed once
   * more: its `s` and `i` may have changed. Where the clock was set back in between, journalctl prints what it holds in
   * files of before once more ahead of it.
   */
  fresh(entries: readonly Entry[]): { readonly entries: readonly Entry[]; readonly last?: Entry | undefined; readonly lastIsMissing: boolean } {
    if (!this.#isFirst || entries.length === 0) return { entries, lastIsMissing: false };
    const last = this.#last;
    const from = last === undefined ? 0 : entries.findIndex(({ cursor }) => !precedes(cursor, last.cursor));
    if (from < 0) return { entries: [], lastIsMissing: false };
    this.#isFirst = false;
    if (last === undefined) return { entries, lastIsMissing: false };
    // Read by time, what was logged in the same microsecond may come before it.
    for (let i = from; i < entries.length && (i === from || entries[i]!.timestamp <= last.timestamp); i++) {
      if (sameEntry(entries[i]!.cursor, last.cursor)) return { entries: entries.slice(i + 1), last: entries[i], lastIsMissing: false };
    }
    return { entries: from === 0 ? entries : entries.slice(from), lastIsMissing: this.#isEntry };
  }

  /** Moves behind an entry that the selection has. */
  moveTo({ cursor, timestamp }: Position): void {
    this.#moveTo({ cursor, timestamp }, { cursor }, true);
  }

  /** Moves on to a position that is known to have nothing new before it. */
  skipTo(position: Position): void {
    this.#moveTo(position, { cursor: position.cursor }, false);
  }

  /** Moves behind an entry that journalctl cannot print, so that it must not begin with it. */
  stepOver(position: Position): void {
    this.#moveTo(position, { afterCursor: position.cursor }, false);
  }

  /** Notes that nothing matched where the journal is empty: all that comes is new. */
  dropMatches(): void {
    if (!this.#isPinned) this.#matches = [];
  }

  /** Goes on by the time of the last entry, since journalctl cannot use its cursor. */
  distrustCursor(): void {
    if (this.#last !== undefined) this.#from = { since: sinceOf(this.#last.timestamp) };
    this.#isEntry = false;
  }

  /** Notes that reading on from here failed, and returns how often it has. */
  noteFailure(): number {
    return ++this.#failures;
  }

  /** Goes on so much later than the last entry, where journalctl gets no further at all. */
  leap(us: number): void {
    if (this.#last === undefined) return;
    this.#from = { since: sinceOf(this.#last.timestamp + us) };
    this.#isEntry = false;
  }

  #moveTo(position: Position, from: From, isEntry: boolean): void {
    this.#last = position;
    this.#from = from;
    if (!this.#isPinned) this.#matches = [];
    this.#isEntry = isEntry;
    this.#failures = 0;
  }
}

/** What is wrong with a saved cursor, or undefined where journalctl can be asked for it. */
export function cursorFault(cursor: Cursor, nowUs: number): 'not a cursor' | 'from the future' | undefined {
  if (!isCursor(cursor)) return 'not a cursor';
  return isFromTheFuture(parseCursor(cursor)!.realtime, nowUs) ? 'from the future' : undefined;
}

/** Whether a time lies further ahead than clocks differ. */
export function isFromTheFuture(timestampUs: number, nowUs: number): boolean {
  return timestampUs > nowUs + FUTURE_TOLERANCE_US;
}

/** systemd.time(7): `@SECONDS.FRACTION`, exact to the microsecond. */
function sinceOf(timestampUs: number): string {
  const seconds = Math.floor(timestampUs / 1_000_000);
  return `@${seconds}.${String(timestampUs % 1_000_000).padStart(6, '0')}`;
}
