import type { Entry } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import type { Gap } from '../../core/reader-events.js';
import type { Chunk } from '../../core/source.js';
import { parseCursor } from '../../formats/cursor.js';
import type { Gaps } from './gaps.js';
import type { Place } from './place.js';
import { ReadAgain } from './read-again.js';
import { Sequence } from './sequence.js';

/** SD_MESSAGE_JOURNAL_DROPPED, sd-messages.h: journald's rate limit has dropped `N_DROPPED` messages of a service. */
const DROPPED_MESSAGE_ID = 'a596d6fe7bfa4994828e72309e95d61e';
/** In a journal of which much was vacuumed, jumps are so many that the uncertain ones are no longer looked at twice. */
const MAX_UNCERTAIN = 20;
/** A jump among entries as young as this may be an entry that is still on its way, and is looked at twice. */
const YOUNG_US = 60 * 1_000_000;

/** The fields that a sift reads, beside the address fields. */
export const SIFTED_FIELDS: readonly string[] = ['MESSAGE_ID', 'N_DROPPED', '_TRANSPORT'];

/** What a chunk has to give, and why reading must begin again after it, if it must. */
export interface Sifted {
  readonly chunk: Chunk | undefined;
  readonly again?: ReadAgain | undefined;
}

/**
 * Takes what journalctl prints, entry by entry in its order, and lets through what was not read before and follows
 * without a break. Where entries may be missing, reading has to begin again; where they are missing then, too, that
 * is a gap, which is told, and reading goes on behind it.
 */
export class Sift {
  readonly #place: Place;
  readonly #gaps: Gaps;
  readonly #isContiguous: boolean;
  readonly #sequence = new Sequence();
  /** The break because of which reading has begun again. */
  #suspect: string | undefined;
  /** Entries of gaps, to be put before the next entries. */
  #queued: Entry[] = [];
  #accepted = 0;

  /** `isContiguous`: the sequence numbers count every entry that journalctl is asked for. */
  constructor(place: Place, gaps: Gaps, isContiguous: boolean) {
    this.#place = place;
    this.#gaps = gaps;
    this.#isContiguous = isContiguous;
  }

  /** `isBulk`: a reading from the last entry on, which has what following may skip. */
  take(chunk: Chunk, isBulk: boolean): Sifted {
    const { entries, last, lastIsMissing } = this.#place.fresh(chunk.entries);
    if (last !== undefined) this.#sequence.reset(last.cursor);
    const given: Entry[] = [];
    if (lastIsMissing) {
      const again = this.#lookAtMissingLast(entries[0]!, isBulk);
      if (again !== undefined) return { chunk: undefined, again };
    }
    if (entries.length > 0 && this.#queued.length > 0) given.push(...this.#queued.splice(0));
    const again = this.#isContiguous ? this.#follow(entries, given, isBulk) : undefined;
    if (!this.#isContiguous) this.#give(entries, given);
    if (chunk.through !== undefined && again === undefined) this.#place.skipTo(chunk.through);
    const through = again === undefined ? chunk.through : undefined;
    if (given.length === 0 && through === undefined) return { chunk: undefined, again };
    return { chunk: through === undefined ? { entries: given } : { entries: given, through }, again };
  }

  /** Tells of a gap that lies just before the next entry. */
  report(key: string, gap: Gap): void {
    const entry = this.#gaps.report(key, gap, this.#place.last);
    if (entry !== undefined) this.#queued.push(entry);
  }

  /** The entries of gaps behind which nothing came. */
  takeRest(): Entry[] {
    const { last } = this.#place;
    return [...(last === undefined ? [] : this.#gaps.takeWaiting(last)), ...this.#queued.splice(0)];
  }

  /** Moves over an entry that journalctl cannot print, and returns what tells of it. */
  stepOver(poison: Position, gap: Gap | undefined): Chunk {
    this.#place.stepOver(poison);
    this.#sequence.reset(poison.cursor);
    const entry = gap === undefined ? undefined : this.#gaps.report(`poison:${poison.cursor}`, gap, poison);
    return { entries: entry === undefined ? [] : [entry], through: poison };
  }

  /** The entries up to a jump that has to be looked at again. */
  #follow(entries: readonly Entry[], given: Entry[], isBulk: boolean): ReadAgain | undefined {
    let rest = entries;
    for (let jump = this.#sequence.take(rest); jump !== undefined; jump = this.#sequence.take(rest)) {
      this.#give(rest.slice(0, jump.index), given);
      const isYoung = Math.abs(Date.now() * 1000 - jump.timestamp) < YOUNG_US;
      // Entries of one moment may come in any order, and the rest of that moment with the next chunk.
      const isOpen = jump.end === rest.length && this.#accepted < MAX_UNCERTAIN;
      if (this.#suspect !== jump.key && (!isBulk || isYoung || isOpen)) {
        this.#suspect = jump.key;
        return new ReadAgain('jump', `the sequence numbers jump over ${countOf(jump.missing)}`);
      }
      this.#suspect = undefined;
      this.#accepted += 1;
      const afterUs = this.#place.last?.timestamp;
      this.report(jump.key, {
        kind: 'sequence',
        count: jump.missing,
        afterUs,
        explanation: `The journal does not have ${countOf(jump.missing)} ${whenOf(afterUs)}: the sequence numbers jump, and reading again found nothing between`,
      });
      given.push(...this.#queued.splice(0));
      this.#give(rest.slice(jump.index, jump.end), given);
      this.#sequence.accept();
      rest = rest.slice(jump.end);
    }
    this.#give(rest, given);
    return undefined;
  }

  #lookAtMissingLast(first: Entry, isBulk: boolean): ReadAgain | undefined {
    const last = this.#place.last!;
    const key = `vacuum:${last.cursor}`;
    if (!isBulk || this.#suspect !== key) {
      this.#suspect = key;
      return new ReadAgain('jump', 'it does not begin with the entry that was read last');
    }
    this.#suspect = undefined;
    this.report(key, vacuumGap(last, first, this.#isContiguous));
    this.#sequence.reset(undefined);
    return undefined;
  }

  #give(entries: readonly Entry[], given: Entry[]): void {
    const newest = entries.at(-1);
    if (newest === undefined) return;
    const isFirst = this.#place.last === undefined;
    this.#place.moveTo(newest);
    for (let from = 0; from < entries.length; ) {
      const { table } = entries[from]!;
      const to = table?.mayHave('N_DROPPED') === false ? endOfTable(entries, from) : from + 1;
      given.push(...entries.slice(from, to));
      if (to === from + 1 && entries[from]!.bytes('N_DROPPED') !== undefined) this.#lookAtDropped(entries[from]!, given);
      from = to;
    }
    if (isFirst && this.#gaps.hasWaiting) given.splice(1, 0, ...this.#gaps.takeWaiting(entries[0]!));
  }

  #lookAtDropped(entry: Entry, given: Entry[]): void {
    // Anybody can write the other two fields.
    if (entry.get('MESSAGE_ID') !== DROPPED_MESSAGE_ID || entry.get('_TRANSPORT') !== 'driver') return;
    const count = Number(entry.get('N_DROPPED'));
    const gap = this.#gaps.report(
      `rate-limit:${entry.cursor}`,
      {
        kind: 'rate-limit',
        count: Number.isSafeInteger(count) ? count : undefined,
        afterUs: undefined,
        explanation: `journald has dropped ${Number.isSafeInteger(count) ? countOf(count) : 'entries'} before ${isoOf(entry.timestamp)}, since a service exceeded its rate limit: raise RateLimitBurst= in journald.conf, or LogRateLimitBurst= in the service's unit`,
      },
      { cursor: entry.cursor, timestamp: entry.timestamp },
    );
    if (gap !== undefined) given.push(gap);
  }
}

/** The index behind the entries that are in the same table as the one at `from`: they all lie one behind the other. */
function endOfTable(entries: readonly Entry[], from: number): number {
  const { table } = entries[from]!;
  if (entries.at(-1)!.table === table) return entries.length;
  let to = from + 1;
  while (to < entries.length && entries[to]!.table === table) to++;
  return to;
}

/** What is missing between an entry that is gone and the first that is there. */
export function vacuumGap(last: Position, first: Position | undefined, isContiguous: boolean): Gap {
  const from = parseCursor(last.cursor);
  const to = first === undefined ? undefined : parseCursor(first.cursor);
  const between = from !== undefined && to !== undefined && from.seqnumId === to.seqnumId ? to.seqnum - from.seqnum - 1 : -1;
  const count = isContiguous && between >= 0 ? between : undefined;
  const what = count === undefined ? (between > 0 ? `at most ${countOf(between)}` : 'entries') : countOf(count);
  return {
    kind: 'vacuum',
    count,
    afterUs: last.timestamp,
    explanation: `The journal no longer holds the entry that was read last, of ${isoOf(last.timestamp)}: it was vacuumed, or this is another journal; ${what} after it may be missing`,
  };
}

function countOf(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`;
}

function whenOf(afterUs: number | undefined): string {
  return afterUs === undefined ? 'before its first' : `after ${isoOf(afterUs)}`;
}

function isoOf(timestampUs: number): string {
  return new Date(timestampUs / 1000).toISOString();
}
