import type { Cursor } from '../../core/entry.js';
import type { Logger } from '../../core/logger.js';
import type { Position } from '../../core/position.js';
import type { Gap } from '../../core/reader-events.js';
import { parseCursor, sameEntry } from '../../formats/cursor.js';
import { cursorFault, isFromTheFuture, Place } from './place.js';
import { vacuumGap } from './sift.js';

/** What a reading asks of a journal before it begins. Each resolves also when the reading is aborted, to whatever is known then. */
export interface Questions {
  /** The newest entry of those that `matches` select; of all, whatever is forwarded of them, where there are none. */
  newest(matches?: readonly string[]): Promise<Position | undefined>;
  /** The newest entry that is not from the future; undefined also where that cannot be asked. */
  newestUntilNow(): Promise<Position | undefined>;
  /** The entry that the journal takes a cursor for; `isSure` tells whether it could look everywhere. */
  entryAt(cursor: Cursor): Promise<{ readonly entry: Position | undefined; readonly isSure: boolean }>;
  /** The oldest entry of a boot, of whatever is read. Asked only where `isOneMachine`. */
  oldestOfBoot(bootId: string): Promise<Position | undefined>;
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
  /** Where to follow when all has been read that leads up to entries from the future. */
  readonly then?: { readonly boot: string; readonly position: Position | undefined };
}

/**
 * Where a reading begins: after the saved position, or where a first run does. A saved cursor that cannot be used is
 * found here, since journalctl would say nothing, and is replaced by the time of its entry; what is missing is told.
 */
export async function findPlace(after: Position | undefined, options: StartOptions): Promise<Start> {
  const { anchor, start, since, logger, nowUs } = options;
  const isAfterFuture = after !== undefined && (isFuture(after, nowUs()) || cursorFault(after.cursor, nowUs()) === 'from the future');
  if (isAfterFuture || isFuture(anchor, nowUs())) {
    const boot = await runningBoot(options);
    if (isAfterFuture || (anchor !== undefined && parseCursor(anchor.cursor)?.bootId !== boot)) {
      const who = isAfterFuture ? 'The saved cursor is' : 'The journal holds entries of another boot that are';
      logger.warn(`${who} from the future, since the clock was set back or the machine is a clone: following the running boot only`);
      if (boot !== undefined) return placeBeforeTheFuture(after, boot, isAfterFuture || (after === undefined && start !== 'head' && since === undefined), options);
    }
  }
  if (after === undefined) return { place: await firstPlace(options) };
  return (await placeBeforeAnEarlierBoot(after, options)) ?? placeAfter(after, options);
}

/**
 * Where the running boot began at an earlier time than the one before it ended (no battery keeps the time, and the
 * network's came later), journalctl leaves out what the running boot logged by other users until the time had caught up:
 * files of different sequences are compared by the time of day. So the one is read to its end, and then the other,
 * each by its own clock. Undefined where all is as usual; and for other machines' journals, which mix boots by nature.
 */
async function placeBeforeAnEarlierBoot(after: Position, options: StartOptions): Promise<Start | undefined> {
  const { isOneMachine, questions, logger } = options;
  const last = parseCursor(after.cursor)?.bootId;
  if (!isOneMachine || last === undefined || last === (await questions.bootId())) return undefined;
  const boot = await runningBoot(options);
  if (boot === undefined || boot === last) return undefined;
  const [end, begin] = [await newestOf(last, options), await questions.oldestOfBoot(boot)];
  // Without an end, the cursor is of another machine. The end may itself be earlier than the cursor.
  if (end === undefined || begin === undefined || begin.timestamp >= Math.max(after.timestamp, end.timestamp)) return undefined;
  logger.warn('The clock was set back when the machine was started: reading the boot before to its end, and then following the running boot only');
  return { place: Place.inBoot(last, after), then: { boot, position: undefined } };
}

/**
 * journalctl puts what is logged now before entries of other boots that are from the future: whoever has read these
 * is never given anything again. So only the running boot is read, by its own clock; first, what is left of the boot
 * that was read last, where that is the one from the future, or else, unless it `isUrgent`, all that leads up to the future.
 */
async function placeBeforeTheFuture(after: Position | undefined, boot: string, isUrgent: boolean, options: StartOptions): Promise<Start> {
  const last = parseCursor(after?.cursor ?? '')?.bootId;
  if (isUrgent && after !== undefined && last !== undefined && last !== boot) return { place: Place.inBoot(last, after), then: { boot, position: undefined } };
  if (isUrgent || last === boot) {
    return { place: Place.inBoot(boot, after ?? (options.start === 'now' ? await newestOf(boot, options) : undefined)) };
  }
  const then = { boot, position: await newestOf(boot, options) };
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
