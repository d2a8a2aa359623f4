import type { Cursor } from '../../core/entry.js';
import type { Logger } from '../../core/logger.js';
import type { Position } from '../../core/position.js';
import type { Gap } from '../../core/reader-events.js';
import { isNewer, parseCursor, sameEntry } from '../../formats/cursor.js';
import { cursorFault, isFromTheFuture, momentOf, Place } from './place.js';
import type { Boot, Found } from './queries.js';
import { vacuumGap } from './sift.js';

/** What a reading asks of a journal before it begins. Each resolves also when the reading is aborted, to whatever is known then. */
export interface Questions {
  /** The newest entry of those that `matches` select; of all, whatever is forwarded of them, where there are none. */
  newest(matches?: readonly string[]): Promise<Position | undefined>;
  /** The newest entry that is not from the future; undefined also where that cannot be asked. */
  newestUntilNow(): Promise<Position | undefined>;
  /** The entry that the journal takes a cursor for; `isSure` tells whether it could look everywhere. `matches` are given only where `isOneMachine`. */
  entryAt(cursor: Cursor, matches?: readonly string[]): Promise<Found>;
  /** The oldest entry of a boot, of whatever is read. Asked only where `isOneMachine`. */
  oldestOfBoot(bootId: string): Promise<Position | undefined>;
  /** The boots whose beginning the journal has, in their order. Asked only where `isOneMachine`. */
  boots(): Promise<readonly Boot[]>;
  /** The id of the boot that runs where the journal is written. */
  bootId(): Promise<string | undefined>;
}

export interface StartOptions {
  readonly start: 'head' | 'boot' | 'now';
  readonly since?: string | undefined;
  readonly logger: Logger;
  /** Whether sequence numbers count all that is read. */
  readonly isContiguous: boolean;
  /** Whether less is read than all that the journal has. */
  readonly isConditional: boolean;
  /** Whether all that is read is known to be of one machine. */
  readonly isOneMachine: boolean;
  readonly questions: Questions;
  /** The time by the clock of those who write the journal, in microseconds since the epoch. */
  readonly nowUs: () => number;
  /** The newest entry of the journal when the first reading began. */
  readonly anchor: Position | undefined;
}

export interface Start {
  readonly place: Place;
  /** What is missing before it. */
  readonly gap?: Gap;
  /** The boots to read after that, one by one, each alone; the last one is to be followed. */
  readonly then?: readonly Leg[];
}

/** A boot that is read alone, after a position of it, or else from its beginning. */
export interface Leg {
  readonly boot: string;
  readonly position: Position | undefined;
}

/**
 * Where a reading begins: after the saved position, or where a first run does. A saved cursor that cannot be used is
 * found here, since journalctl would say nothing, and is replaced by the time of its entry; what is missing is told.
 */
export async function findPlace(after: Position | undefined, options: StartOptions): Promise<Start> {
  const { anchor, start, since, logger, nowUs } = options;
  const byBoots = after === undefined || !options.isOneMachine ? undefined : await placeByBoots(after, options);
  if (byBoots !== undefined) return byBoots;
  const isAfterFuture = after !== undefined && (isFuture(after, nowUs()) || cursorFault(after.cursor, nowUs()) === 'from the future');
  if (isAfterFuture || isFuture(anchor, nowUs())) {
    const boot = await runningBoot(options);
    if (isAfterFuture || (anchor !== undefined && parseCursor(anchor.cursor)?.bootId !== boot)) {
      const who = isAfterFuture ? 'The saved cursor is' : 'The journal holds entries of another boot that are';
      logger.warn(`${who} from the future, since the clock was set back or the machine is a clone: following the running boot only`);
      if (boot !== undefined) return placeBeforeTheFuture(after, boot, isAfterFuture || (after === undefined && start !== 'head' && since === undefined), options);
    }
  }
  return after === undefined ? { place: await firstPlace(options) } : placeAfter(after, options);
}

/**
 * A place in one boot, for the journal of one machine. Files of different sequences journalctl compares by the time of
 * day, save within a boot. Where a boot began at an earlier time than one before it ended (no battery keeps the time,
 * and the network's came later), it repeats what other users logged in the one, and leaves out what they logged in the
 * other, until the time has caught up. So nothing but the running boot is read once it is reached, and from an earlier
 * boot on, one after the other. Undefined where boots follow each other in time; and where the cursor's boot is not
 * there: it is of another machine.
 */
async function placeByBoots(after: Position, options: StartOptions): Promise<Start | undefined> {
  const { questions, logger, nowUs } = options;
  const last = parseCursor(after.cursor)?.bootId;
  if (last === undefined) return undefined;
  if (last === (await questions.bootId())) return placeInBoot(last, after, options);
  const [running, end] = [await runningBoot(options), await newestOf(last, options)];
  if (running === undefined || running === last || end === undefined) return undefined;
  const boots = await questions.boots();
  const at = boots.findIndex(({ id }) => id === last);
  const others = boots.filter(({ id }) => id !== last && id !== running);
  // Where the beginning of its boot was vacuumed, the cursor's number tells which boots came later.
  const unread = others.filter((boot) => (at < 0 ? isNewer(boot.begin.cursor, after.cursor) : boots.indexOf(boot) > at));
  const read = others.filter((boot) => !unread.includes(boot));
  const latestUs = Math.max(after.timestamp, end.timestamp, ...read.map(({ begin }) => begin.timestamp));
  if (await areInOrder(latestUs, unread, running, options)) return undefined;
  const what = cursorFault(after.cursor, nowUs()) === 'from the future' ? 'The saved cursor is from the future, since the clock was set back' : 'The clock was set back when the machine was started';
  logger.warn(`${what}: reading the boot before to its end, and then the running boot only`, unread.length === 0 ? {} : { bootsBetween: unread.length });
  return { ...(await placeInBoot(last, after, options)), then: [...unread.map(({ id }) => id), running].map((boot) => ({ boot, position: undefined })) };
}

/** Whether each boot begins after all that was logged before, by the time of day. */
async function areInOrder(latestUs: number, unread: readonly Boot[], running: string, options: StartOptions): Promise<boolean> {
  const { anchor, questions } = options;
  // What journalctl takes for the newest entry is then of an earlier boot.
  if (anchor !== undefined && parseCursor(anchor.cursor)?.bootId !== running) return false;
  for (const { id, begin } of unread) {
    if (begin.timestamp < latestUs) return false;
    latestUs = Math.max(begin.timestamp, (await newestOf(id, options))?.timestamp ?? 0);
  }
  const begin = await questions.oldestOfBoot(running);
  return begin === undefined || begin.timestamp >= latestUs;
}

/** After an entry of a boot that is read alone; what is missing where journald has deleted it is told. */
async function placeInBoot(boot: string, after: Position, { isConditional, isContiguous, questions }: StartOptions): Promise<Start> {
  const cursor = momentOf(after.cursor, boot)!;
  const matches = [`_BOOT_ID=${boot}`];
  const isThere = ({ entry }: Found): boolean => entry !== undefined && momentOf(entry.cursor, boot) === cursor;
  let found = await questions.entryAt(cursor, matches);
  // Opened while journald rotates, journalctl may miss a file: one look is not enough to call an entry gone.
  if (found.isSure && !isThere(found)) found = await questions.entryAt(cursor, matches);
  // Of another time of day, it is still the same entry.
  const isIt = isThere(found) && parseCursor(found.entry!.cursor)?.xor === parseCursor(after.cursor)?.xor;
  if (!found.isSure || isThere(found)) return { place: Place.inBoot(boot, isIt ? { ...after, ...found.entry! } : after, !isConditional) };
  return { place: Place.inBoot(boot, after), gap: vacuumGap(after, found.entry, isContiguous) };
}

/**
 * journalctl puts what is logged now before entries of other boots that are from the future: whoever has read these
 * is never given anything again. So only the running boot is read, by its own clock; first, what is left of the boot
 * that was read last, where that is the one from the future, or else, unless it `isUrgent`, all that leads up to the future.
 */
async function placeBeforeTheFuture(after: Position | undefined, boot: string, isUrgent: boolean, options: StartOptions): Promise<Start> {
  const last = parseCursor(after?.cursor ?? '')?.bootId;
  if (isUrgent && after !== undefined && last !== undefined && last !== boot) return { place: Place.inBoot(last, after), then: [{ boot, position: undefined }] };
  if (isUrgent || last === boot) {
    return { place: Place.inBoot(boot, after ?? (options.start === 'now' ? await newestOf(boot, options) : undefined)) };
  }
  const then = [{ boot, position: await newestOf(boot, options) }];
  return after === undefined ? { place: await firstPlace(options), then } : { ...(await placeAfter(after, options)), then };
}

async function firstPlace(options: StartOptions): Promise<Place> {
  const { start, since, anchor, isConditional } = options;
  if (since !== undefined) return Place.atStart({ since });
  if (start === 'now' && anchor !== undefined) return Place.after(anchor, !isConditional);
  if (start === 'boot') {
    const boot = await runningBoot(options);
    if (boot !== undefined) return Place.atStart(undefined, [`_BOOT_ID=${boot}`]);
  }
  return Place.atStart(undefined);
}

async function placeAfter(after: Position, { isConditional, logger, isContiguous, questions, nowUs }: StartOptions): Promise<Start> {
  if (cursorFault(after.cursor, nowUs()) !== undefined) {
    logger.warn('The saved cursor is not a cursor: reading on from the time of its entry, which may repeat a few');
    return { place: Place.atTimeOf(after) };
  }
  let found = await questions.entryAt(after.cursor);
  // Opened while journald rotates, journalctl may miss a file: one look is not enough to call an entry gone.
  if (found.isSure && !isSame(found.entry, after)) found = await questions.entryAt(after.cursor);
  if (!found.isSure || isSame(found.entry, after)) return { place: Place.after(after, !isConditional) };
  const [from, to] = [parseCursor(after.cursor)!, found.entry === undefined ? undefined : parseCursor(found.entry.cursor)];
  // A clone of a machine counts on in the same sequence: there the number leads to another entry, of another time.
  const isClone = to !== undefined && to.seqnumId === from.seqnumId && to.seqnum === from.seqnum;
  return { place: isClone ? Place.atTimeOf(after) : Place.after(after, false), gap: vacuumGap(after, found.entry, isContiguous) };
}

/**
 * The boot that runs as this journal knows it. That of the newest entry where the journal has none of the kernel's:
 * a folder of another machine, or a container, which may see its host's boot id.
 */
async function runningBoot({ anchor, questions, nowUs }: StartOptions): Promise<string | undefined> {
  const newest = isFuture(anchor, nowUs()) ? await questions.newestUntilNow() : anchor;
  const last = newest === undefined ? undefined : parseCursor(newest.cursor)?.bootId;
  const running = await questions.bootId();
  if (running === undefined || running === last) return last;
  return (await questions.newest([`_BOOT_ID=${running}`])) === undefined ? (last ?? running) : running;
}

function newestOf(boot: string, { questions }: StartOptions): Promise<Position | undefined> {
  return questions.newest([`_BOOT_ID=${boot}`]);
}

function isFuture(position: Position | undefined, nowUs: number): boolean {
  return position !== undefined && isFromTheFuture(position.timestamp, nowUs);
}

function isSame(entry: Position | undefined, after: Position): boolean {
  return entry !== undefined && sameEntry(entry.cursor, after.cursor);
}
