import { setTimeout as delay } from 'node:timers/promises';
import { SettingError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { Position } from '../../core/position.js';
import type { JournalReaderOptions } from '../../core/reader-options.js';
import type { Chunk, Source } from '../../core/source.js';
import { isNewer } from '../../formats/cursor.js';
import { ExportReader } from '../../formats/export.js';
import { bulkArguments, isConditional, liveArguments, withoutConditions, type JournalSelection } from './arguments.js';
import { buffered } from './buffered.js';
import { JournalFiles } from './files.js';
import { Gaps } from './gaps.js';
import { Inquiry } from './inquiry.js';
import { followedEntries, liveChunks, type Watch } from './live.js';
import { bootId } from './machine.js';
import { howItEnded, passOf, type End } from './pass.js';
import type { Place } from './place.js';
import { PoisonWatch, type Poison } from './poison.js';
import type { JournalctlProgram } from './process.js';
import { newestEntry, noRight } from './queries.js';
import { ReadAgain, type Restart } from './read-again.js';
import { Sift, SIFTED_FIELDS } from './sift.js';
import { findPlace, type Leg, type Questions } from './start.js';
import { Trouble } from './trouble.js';

export type { JournalSelection } from './arguments.js';
export type { JournalctlProgram } from './process.js';
export type { Poison } from './poison.js';
export { findAccessFault, type Identity } from './access.js';
export { GAP_MESSAGE_ID, isGap } from './gap-entry.js';
export { machineId } from './machine.js';
export { describeJournal } from './queries.js';

export interface JournalSourceOptions extends JournalReaderOptions {
  readonly selection: JournalSelection;
  readonly program: JournalctlProgram;
  /** Told of an entry that journalctl cannot print, and awaited before reading goes on behind it. */
  readonly onPoison?: ((poison: Poison, signal: AbortSignal) => Promise<void>) | undefined;
  readonly timing?: Partial<JournalTiming>;
}

export interface JournalTiming extends Pick<Watch, 'silentMs' | 'graceMs' | 'pollMs'> {
  /** A journalctl that nobody pulled for so long is stopped: one that stalls while a vacuum runs loses entries in silence. */
  readonly stalledMs: number;
  /** The longest pause before journalctl is started again after it failed. */
  readonly longestPauseMs: number;
}

const TIMING: JournalTiming = { stalledMs: 30_000, silentMs: 30_000, graceMs: 2000, pollMs: 2000, longestPauseMs: 30_000 };
const FIRST_PAUSE_MS = 100;

/** What lasts over the journalctls of one reading. */
interface Reading {
  readonly place: Place;
  readonly sift: Sift;
  readonly poison: PoisonWatch;
  readonly signal: AbortSignal;
  /** Where a first run begins, until the consumer knows of it. */
  unsaved: Position | undefined;
  /** The boots that are still to be read, each alone, when what is read now is complete. */
  readonly then: Leg[];
}

/**
 * The systemd journal, read through journalctl: in bulk to its end, then live. Whatever happens to the live reader,
 * the cure is one: read in bulk from the last entry, then follow again. So nothing outlives a journalctl but its place.
 */
export class JournalSource implements Source {
  readonly #options: JournalSourceOptions;
  readonly #selection: JournalSelection;
  readonly #timing: JournalTiming;
  readonly #logger: Logger;
  readonly #gaps: Gaps;
  readonly #files: JournalFiles;
  readonly #inquiry: Inquiry;
  readonly #trouble: Trouble;
  /** Sequence numbers count all that is read, so that every loss shows; else a rotation is reason enough to read again. */
  readonly #isContiguous: boolean;
  /** The poison entries that were handed on. */
  readonly #recorded = new Set<string>();
  /** The newest entry when the first reading began. Kept: `--start now` begins here also when it has to begin again. */
  #anchor: { readonly position: Position | undefined } | undefined;
  /** That entry, where it was asked for ahead of the reading. */
  #prepared: Promise<Position | undefined> | undefined;
  #buffered: Promise<JournalctlProgram> | undefined;
  /** Some builds of systemd 250–253 may refuse `--follow` with `--merge`. */
  #canMerge = true;

  constructor(options: JournalSourceOptions) {
    this.#options = options;
    const { selection, logger, events, reportGapsAs: hostname, timing } = options;
    this.#selection = { ...selection, fields: selection.fields === undefined ? undefined : [...new Set([...selection.fields, ...SIFTED_FIELDS])] };
    this.#timing = { ...TIMING, ...timing };
    this.#logger = logger;
    this.#trouble = new Trouble({ path: options.program.path, isForEver: options.follow, logger });
    this.#inquiry = new Inquiry(options.program, (seconds) => {
      this.#notice('silent', `it did not answer in ${seconds} s`);
      this.#trouble.failed('it does not answer');
    });
    this.#gaps = new Gaps({ events, logger, hostname });
    this.#isContiguous = !isConditional(selection) && selection.machineId !== undefined;
    this.#files = new JournalFiles(selection, this.#isContiguous);
  }

  /** Why nothing can be read at present, where journalctl fails each time. */
  get trouble(): string | undefined {
    return this.#trouble.why;
  }

  /**
   * Asks ahead what the first reading has to know before it begins, while its caller is busy with something else.
   * `signal`: aborts before, or with, that of the reading.
   */
  prepare(signal: AbortSignal): void {
    this.#prepared ??= this.#newestOfAll(signal);
    this.#buffered ??= buffered(this.#options.program);
    // Who reads is told.
    for (const asked of [this.#prepared, this.#buffered]) asked.catch(() => undefined);
  }

  async *read(after: Position | undefined, signal: AbortSignal): AsyncGenerator<Chunk, void> {
    if (signal.aborted) return;
    const reading = await this.#begin(after, signal);
    if (signal.aborted) return;
    const { place } = reading;
    let pauseMs = 0;
    while (!signal.aborted) {
      const before = place.last;
      let end = yield* this.#bulk(reading);
      if (end.kind === 'complete') {
        this.#gaps.flush();
        const next = reading.then.shift();
        if (next !== undefined) {
          place.pinTo(next.boot, next.position);
          // Not behind the future, which the next run would have to leave again.
          if (place.last !== undefined) yield { entries: [], through: place.last };
          continue;
        }
        if (!this.#options.follow || signal.aborted) return;
        end = yield* this.#live(reading);
      }
      if (signal.aborted || end.kind === 'complete') return;
      const stepped = end.kind === 'again' ? this.#notice(end.why.why, end.why.message, end.why.isOrdinary) : await this.#reactToFailure(end, reading);
      if (stepped !== undefined) yield stepped;
      const hasMoved = place.last !== before;
      const isOrdinary = end.kind === 'again' && end.why.isOrdinary;
      if (hasMoved) this.#trouble.passed();
      else if (!isOrdinary) this.#trouble.failed(end.kind === 'again' ? end.why.message : howItEnded(end.exit), place.hasLeapt(Date.now() * 1000));
      pauseMs = nextPauseMs(pauseMs, hasMoved, isOrdinary, this.#timing.longestPauseMs);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #begin(after: Position | undefined, signal: AbortSignal): Promise<Reading> {
    // Asked before the first bulk reading: where that finds nothing, the live one begins here and misses nothing.
    this.#anchor ??= { position: await (this.#prepared ?? this.#newestOfAll(signal)) };
    const anchor = this.#anchor.position;
    const { place, gap, then = [] } = await findPlace(after, {
      ...this.#options,
      isConditional: isConditional(this.#selection),
      isOneMachine: this.#selection.machineId !== undefined,
      isContiguous: this.#isContiguous,
      anchor,
      questions: this.#questions(signal),
      nowUs: () => Date.now() * 1000,
    });
    const sift = new Sift(place, this.#gaps, this.#isContiguous);
    if (gap !== undefined) sift.report(`vacuum:${after!.cursor}`, gap);
    return { place, sift, poison: new PoisonWatch(), signal, unsaved: after === undefined ? place.last : undefined, then: [...then] };
  }

  #newestOfAll(signal: AbortSignal): Promise<Position | undefined> {
    return this.#inquiry.newest(withoutConditions(this.#selection), signal);
  }

  #questions(signal: AbortSignal): Questions {
    const whole = withoutConditions(this.#selection);
    return {
      newest: (matches) => this.#inquiry.newest(whole, signal, matches),
      newestUntilNow: () => this.#inquiry.newest({ ...whole, until: 'now' }, signal),
      entryAt: (cursor, matches) => this.#inquiry.entryAt(cursor, whole, signal, matches),
      oldestOfBoot: (boot) => this.#inquiry.oldestOfBoot(boot, this.#selection, signal),
      boots: () => this.#inquiry.boots(whole, signal),
      bootId: () => Promise.resolve(bootId()),
    };
  }

  async *#bulk(reading: Reading): AsyncGenerator<Chunk, End> {
    const { place, poison } = reading;
    const logger = this.#logger;
    await this.#files.note();
    this.#noteBoot(place);
    const through = await this.#endOfBulk(reading);
    const reader = new ExportReader({
      fields: this.#selection.fields,
      onMalformed: (reason) => {
        logger.error(`journalctl printed what is not in the export format: ${reason}`);
      },
    });
    const args = bulkArguments(this.#selection, place.from, place.matches);
    const end = yield* this.#pass(args, reading, true, async function* (stdout) {
      for await (const bytes of stdout) yield { entries: reader.push(bytes) };
    });
    // An entry without its empty line is one within which journalctl died: it is not given, but read again.
    if (end.kind === 'failed') return { ...end, partial: reader.end()[0] };
    if (end.kind !== 'complete') return end;
    poison.forget();
    if (through !== undefined && (place.last === undefined || isNewer(through.cursor, place.last.cursor))) {
      place.skipTo(through);
      yield { entries: [], through };
    } else if (place.last !== undefined && place.last === reading.unsaved) {
      // A first run from now on that finds nothing would leave no checkpoint, and the next one would be a first run again.
      yield { entries: [], through: place.last };
    }
    reading.unsaved = undefined;
    const rest = reading.sift.takeRest();
    if (rest.length > 0) yield { entries: rest };
    if (place.last === undefined) place.dropMatches();
    return end;
  }

  /**
   * An entry that a complete reading, begun after this, has passed: a checkpoint moves there over a backlog in which
   * nothing matches, and a first run that finds nothing leaves one. Undefined where the reading gives an entry of its
   * own as its last, or is bounded and may not come so far.
   */
  async #endOfBulk({ place, signal }: Reading): Promise<Position | undefined> {
    const isFirst = place.last === undefined;
    if (this.#selection.until !== undefined || (isFirst && this.#options.since !== undefined)) return undefined;
    if (!isFirst && !isConditional(this.#selection)) return undefined;
    // Asked when the reading began: the first byte need not wait for the same answer again.
    if (isFirst && place.pins.length === 0 && this.#anchor?.position !== undefined) return this.#anchor.position;
    return this.#inquiry.newest(withoutConditions(this.#selection), signal, place.pins);
  }

  async *#live(reading: Reading): AsyncGenerator<Chunk, End> {
    const { place, signal } = reading;
    const selection = this.#selection;
    this.#noteBoot(place);
    // Not those of a start: where the first bulk reading found nothing, all that comes is new.
    const matches = place.pins;
    const watch: Watch = {
      ...this.#timing,
      newest: () => this.#inquiry.newestIfKnown(selection, signal, matches),
      newestOfAll: async () => (isConditional(selection) ? this.#inquiry.newestIfKnown(withoutConditions(selection), signal, matches) : undefined),
      filesHaveChanged: async () => {
        const running = this.#bootId();
        if (running !== undefined && place.hasLeft(running)) throw new ReadAgain('rotated', 'another boot runs now', true);
        return this.#files.haveChanged();
      },
      written: () => this.#files.written(),
    };
    const args = liveArguments(selection, place.from, matches, { merge: this.#canMerge });
    const end = yield* this.#pass(args, reading, false, (stdout) => liveChunks(followedEntries(stdout, selection.fields), place.last, watch, signal));
    return end.kind === 'complete' ? { kind: 'again', why: new ReadAgain('exited', 'it stopped following') } : end;
  }

  /** Once the running boot is reached, it is read alone; see `placeByBoots`. */
  #noteBoot(place: Place): void {
    const running = this.#bootId();
    if (running !== undefined) place.noteRunning(running);
  }

  /** The boot that runs, where the journal is that of one machine. Journals of several mix boots by nature. */
  #bootId(): string | undefined {
    return this.#selection.machineId === undefined ? undefined : bootId();
  }

  async *#pass(args: readonly string[], { place, sift, signal }: Reading, isBulk: boolean, decode: (stdout: AsyncIterable<Buffer>) => AsyncIterable<Chunk>): AsyncGenerator<Chunk, End> {
    const { stalledMs, silentMs } = this.#timing;
    const program = await (this.#buffered ??= buffered(this.#options.program));
    return yield* passOf({ args, isBulk, decode, place, sift, signal, stalledMs, silentMs, program, files: this.#files, trouble: this.#trouble, logger: this.#logger });
  }

  /** Says why journalctl is started again, prepares the place for what made it fail, and tells of what was stepped over. */
  async #reactToFailure({ exit, partial }: End & { kind: 'failed' }, { place, sift, poison, signal }: Reading): Promise<Chunk | undefined> {
    const { stderr, signal: killer } = exit;
    if (stderr.includes('insufficient permissions')) throw noRight(stderr);
    if (/Failed to parse timestamp|Failed to add match/.test(stderr)) throw refused(stderr);
    if (stderr.includes('--merge is not supported')) {
      this.#canMerge = false;
      return this.#notice('exited', 'it refuses --follow with --merge: following without, which is complete since the backlog is read first', true);
    }
    if (stderr.includes('Failed to seek to cursor')) {
      place.distrustCursor();
      return this.#notice('exited', 'it refuses the cursor: reading on from the time of its entry');
    }
    if (killer !== undefined) return this.#notice('killed', howItEnded(exit));
    this.#notice('exited', howItEnded(exit));
    const found = poison.look({ exit, partial, place });
    if (found === undefined) return undefined;
    // Also where a break of the connection made the reading begin again before it.
    const isRecorded = found.isKnown || this.#recorded.has(found.poison.cursor);
    if (!isRecorded) {
      await this.#options.onPoison?.(found.poison, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      if (signal.aborted) return undefined;
      this.#recorded.add(found.poison.cursor);
    }
    return sift.stepOver(found.poison, found.isKnown ? undefined : found.gap);
  }

  #notice(why: Restart, what: string, isOrdinary = false): undefined {
    this.#options.events?.restarted(why);
    const line = `Starting journalctl again from the last entry: ${what}`;
    if (isOrdinary) this.#logger.info(line, { why });
    else this.#logger.warn(line, { why });
  }

  /** The newest entry that there is to read, asked from a journalctl of its own; undefined where there is none. Rejects when `signal` aborts before it is known. */
  newest(signal: AbortSignal): Promise<Position | undefined> {
    return newestEntry(this.#options.selection, this.#options.program, [], signal);
  }
}

/** What no later attempt mends: a time or a match that only journalctl itself could judge. */
function refused(stderr: string): SettingError {
  const [setting, example] = stderr.includes('timestamp') ? ['--since', '"2026-11-20 08:00"'] : ['--match', '_SYSTEMD_UNIT=ssh.service'];
  return new SettingError(setting, `journalctl refuses the settings (${stderr}); correct ${setting === '--since' ? '--since or --until' : '--match'}, for example ${example}.`);
}

function nextPauseMs(pauseMs: number, hasMoved: boolean, isOrdinary: boolean, longestMs: number): number {
  if (hasMoved) return 0;
  if (isOrdinary) return Math.min(longestMs, FIRST_PAUSE_MS);
  return Math.min(longestMs, Math.max(FIRST_PAUSE_MS, pauseMs * 2));
}
