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
  /** Matches of a start, which hold until the first entry was read. */
  #matches: readonly string[];
  /** The boot that is read alone. */
  #boot: string | undefined;
  /** Whether that is the boot that runs. */
  #isRunning = false;
  /** Whether `#last` itself is still to be read: a first run began with it. */
  #isBefore: boolean;
  /** Whether `#last` is an entry that the selection has: then it comes first when reading goes on from it. */
  #isEntry: boolean;
  #isFirst = true;
  #failures = 0;
  /** Where a leap has led. */
  #leaptUs: number | undefined;

  private constructor(options: { last?: Position | undefined; from: From; matches?: readonly string[]; isEntry?: boolean }) {
    this.#last = options.last;
    this.#isBefore = options.last?.before === true;
    this.#from = options.from;
    this.#matches = options.matches ?? [];
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
   * another boot have later times, journalctl takes them for newer, and may print them again, or nothing else any more.
   */
  static inBoot(bootId: string, position: Position | undefined, isEntry = false): Place {
    const place = new Place({ from: undefined });
    place.pinTo(bootId, position, isEntry);
    return place;
  }

  /** What the next journalctl is to begin with. */
  get from(): From {
    return this.#from;
  }

  /** Matches that hold until the first entry was read, or for good. */
  get matches(): readonly string[] {
    return this.#boot === undefined ? this.#matches : this.pins;
  }

  /** Matches that hold for good. */
  get pins(): readonly string[] {
    return this.#boot === undefined ? [] : [`_BOOT_ID=${this.#boot}`];
  }

  /** The last entry that was read, or the one to read after, or with which a first run began. */
  get last(): Position | undefined {
    return this.#last;
  }

  /** Moves into one boot, as `inBoot` says. */
  pinTo(bootId: string, position: Position | undefined, isEntry = false): void {
    const cursor = position === undefined ? undefined : momentOf(position.cursor, bootId);
    this.#last = cursor === undefined ? undefined : position;
    this.#isBefore = this.#last?.before === true;
    this.#from = cursor === undefined ? undefined : { cursor };
    this.#boot = bootId;
    this.#isRunning = false;
    this.#isEntry = cursor !== undefined && isEntry;
  }

  /**
   * Notes which boot runs. A place that has come into it stays in it: whatever the clock is set to, nothing of another
   * boot comes between. One that stayed in another boot goes on from there.
   */
  noteRunning(bootId: string): void {
    if (this.hasLeft(bootId)) this.#leaveBoot(bootId);
    const cursor = this.#last === undefined ? undefined : momentOf(this.#last.cursor, bootId);
    if (this.#boot === undefined && cursor !== undefined) {
      this.#boot = bootId;
      if (this.#from !== undefined && 'cursor' in this.#from) this.#from = { cursor };
    }
    this.#isRunning = this.#boot === bootId;
  }

  /** Whether the place stays in a boot that ran, and another one runs now. */
  hasLeft(bootId: string): boolean {
    return this.#isRunning && this.#boot !== bootId;
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
      if (!sameEntry(entries[i]!.cursor, last.cursor)) continue;
      if (this.#isBefore) return { entries: entries.slice(i), lastIsMissing: false };
      return { entries: entries.slice(i + 1), last: entries[i], lastIsMissing: false };
    }
    return { entries: from === 0 ? entries : entries.slice(from), lastIsMissing: this.#isEntry };
  }

  /** Moves behind an entry that the selection has. */
  moveTo({ cursor, timestamp }: Position): void {
    this.#moveTo({ cursor, timestamp }, { cursor: this.#inBoot(cursor) }, true);
  }

  /** Moves on to a position that is known to have nothing new before it. */
  skipTo(position: Position): void {
    this.#moveTo(position, { cursor: this.#inBoot(position.cursor) }, false);
  }

  /** Moves behind an entry that journalctl cannot print, so that it must not begin with it. */
  stepOver(position: Position): void {
    this.#moveTo(position, { afterCursor: position.cursor }, false);
  }

  /** Notes that nothing matched where the journal is empty: all that comes is new. */
  dropMatches(): void {
    this.#matches = [];
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
    this.#leaptUs = this.#last.timestamp + us;
    this.#from = { since: sinceOf(this.#leaptUs) };
    this.#isEntry = false;
  }

  /** Whether it has leapt, and not beyond `nowUs`: there may yet be entries behind. */
  hasLeapt(nowUs: number): boolean {
    return this.#leaptUs !== undefined && this.#leaptUs <= nowUs;
  }

  /** By the boot's own clock where that boot is read alone: journalctl may look for the other parts of a cursor elsewhere. */
  #inBoot(cursor: Cursor): Cursor {
    return (this.#boot === undefined ? undefined : momentOf(cursor, this.#boot)) ?? cursor;
  }

  #leaveBoot(next: string): void {
    if (this.#last === undefined) return this.pinTo(next, undefined);
    this.#boot = undefined;
    this.#matches = [];
    if (this.#from !== undefined && 'cursor' in this.#from) this.#from = { cursor: this.#last.cursor };
  }

  #moveTo(position: Position, from: From, isEntry: boolean): void {
    this.#last = position;
    this.#isBefore = position.before === true;
    this.#from = from;
    this.#matches = [];
    this.#isEntry = isEntry;
    this.#failures = 0;
    this.#leaptUs = undefined;
  }
}

/**
 * A cursor that leads to where another one does in a boot, by that boot's own clock alone; undefined where that is not
 * of this boot. In a file that has nothing more of the boot, journalctl (252) goes by the time of day, or without one
 * begins at the file's head: so it is given a time at which there is nothing.
 */
export function momentOf(cursor: Cursor, bootId: string): Cursor | undefined {
  const parts = parseCursor(cursor);
  return parts?.bootId === bootId ? (`b=${bootId};m=${parts.monotonic.toString(16)};t=7fffffffffffffff` as Cursor) : undefined;
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
