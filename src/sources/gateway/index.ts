import { setTimeout as delay } from 'node:timers/promises';
import type { Entry } from '../../core/entry.js';
import type { Logger } from '../../core/logger.js';
import type { Position } from '../../core/position.js';
import type { ReaderEvents } from '../../core/reader-events.js';
import type { Chunk, Source } from '../../core/source.js';
import type { TlsIdentity } from '../../core/tls.js';
import { isNewer, sameEntry } from '../../formats/cursor.js';
import { Gaps } from '../journalctl/gaps.js';
import { liveChunks, type Watch } from '../journalctl/live.js';
import type { Place } from '../journalctl/place.js';
import { ReadAgain } from '../journalctl/read-again.js';
import { Sift } from '../journalctl/sift.js';
import { findPlace, type Leg, type Questions } from '../journalctl/start.js';
import { runsOf, type Malformed } from './answer-entries.js';
import { GatewayClient, GatewayFault, type GatewayAddress, type GatewayAnswer } from './client.js';
import { Inquiry } from './inquiry.js';
import { Outage } from './outage.js';
import { queryFor, rangeFor } from './query.js';

export type { GatewayAddress } from './client.js';
export type { Malformed } from './answer-entries.js';
export { matchesFor, type GatewayConditions } from './query.js';
export { describeGateway } from './describe.js';

export interface GatewaySourceOptions {
  /** The gateway as it may be shown. */
  readonly label: string;
  readonly address: GatewayAddress;
  /** Present for TLS. */
  readonly tls?: TlsIdentity | undefined;
  /** `FIELD=VALUE` as the gateway joins them (`matchesFor`): entries that they leave out are not given. */
  readonly matches: readonly string[];
  /** Where a first run begins: at the oldest entry, at the head of the running boot, or with what is logged from now on. */
  readonly start: 'head' | 'boot' | 'now';
  /** `@SECONDS.FRACTION`; wins over `start`. */
  readonly since?: string | undefined;
  /** False: stop at the end of the journal. */
  readonly follow: boolean;
  readonly logger: Logger;
  /** Told of every time the gateway is asked again and of every gap, which are logged too. */
  readonly events?: ReaderEvents | undefined;
  /** The host's name, where each gap is to become an entry of the stream. */
  readonly reportGapsAs?: string | undefined;
  /** Told of what the gateway gives twice in place of an entry and is none, and awaited before reading goes on behind it. */
  readonly onMalformed?: ((malformed: Malformed, signal: AbortSignal) => Promise<void>) | undefined;
  readonly timing?: Partial<GatewayTiming>;
}

export interface GatewayTiming extends Pick<Watch, 'silentMs' | 'graceMs'> {
  /** How long an answer may take to begin; a question beside the reading, to end. */
  readonly answerMs: number;
  /** An answer that nobody pulled for so long is closed: the gateway would lose entries in silence if a vacuum ran meanwhile. */
  readonly stalledMs: number;
  /** How long to wait, behind an entry that a filter lets through, for others to come with it. */
  readonly gatherMs: number;
  readonly longestPauseMs: number;
}

const TIMING: GatewayTiming = { answerMs: 30_000, stalledMs: 30_000, silentMs: 30_000, graceMs: 2000, gatherMs: 250, longestPauseMs: 30_000 };

/** How an answer ended, and so what comes next. */
type End =
  /** It gave all that there was. */
  | { readonly kind: 'complete' }
  /** There is more; nothing is wrong. */
  | { readonly kind: 'more' }
  | { readonly kind: 'again'; readonly why: ReadAgain | GatewayFault };

/** What lasts over the answers of one reading. */
interface Reading {
  readonly place: Place;
  sift: Sift;
  readonly signal: AbortSignal;
  /** Where a first run begins, until the consumer knows of it. */
  unsaved: Position | undefined;
  /** The boots that are still to be read, each alone, when what is read now is complete. */
  readonly then: Leg[];
}

/**
 * A journal that a systemd-journal-gatewayd serves, this machine's or another's: read to its end, then followed. As
 * with journalctl, whatever happens has one cure: read again from the last entry.
 *
 * Where all entries of a machine are read, their sequence numbers tell of what following has skipped. With matches, or
 * with entries of several machines, nothing would; there following only rings the bell, and what it announces is read
 * from the last entry by a request of its own.
 */
export class GatewaySource implements Source {
  readonly #options: GatewaySourceOptions;
  readonly #timing: GatewayTiming;
  readonly #client: GatewayClient;
  readonly #inquiry: Inquiry;
  readonly #outage: Outage;
  readonly #gaps: Gaps;
  /** Sequence numbers count all that is read. */
  #isContiguous: boolean;
  /** `_MACHINE_ID` of the first entry. */
  #machine: Buffer | undefined;
  /** The newest entry when the first reading began. Kept: `--start now` begins here also when it has to begin again. */
  #anchor: { readonly position: Position | undefined } | undefined;
  /** Behind which entry something malformed was found. */
  #malformedAt: string | undefined;

  constructor(options: GatewaySourceOptions) {
    this.#options = options;
    const { address, tls, label, logger, events, reportGapsAs: hostname } = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#client = new GatewayClient({ address, tls, answerMs: this.#timing.answerMs });
    this.#inquiry = new Inquiry(this.#client, this.#timing.answerMs);
    this.#outage = new Outage({ label, logger, longestPauseMs: this.#timing.longestPauseMs });
    this.#gaps = new Gaps({ events, logger, hostname });
    this.#isContiguous = options.matches.length === 0;
  }

  async *read(after: Position | undefined, signal: AbortSignal): AsyncGenerator<Chunk, void> {
    if (signal.aborted) return;
    const reading = await this.#begin(after, signal);
    const { place } = reading;
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
        end = this.#isContiguous ? yield* this.#live(reading) : await this.#bell(reading);
      }
      if (signal.aborted) return;
      if (place.last !== before) this.#outage.moved();
      await pause(end.kind === 'more' ? this.#timing.gatherMs : this.#react(end), signal);
    }
  }

  /** The newest entry that there is to read; undefined where there is none. Rejects where the gateway does not answer, and when `signal` aborts. */
  newest(signal: AbortSignal): Promise<Position | undefined> {
    return this.#inquiry.newest(this.#options.matches, signal);
  }

  async #begin(after: Position | undefined, signal: AbortSignal): Promise<Reading> {
    const { matches } = this.#options;
    const questions: Questions = {
      newest: (extra = []) => this.#ask(() => this.#inquiry.newest(extra, signal), signal),
      newestUntilNow: () => Promise.resolve(undefined),
      entryAt: async (cursor) => ({ entry: await this.#ask(() => this.#inquiry.entryAt(cursor, signal), signal), isSure: !signal.aborted }),
      oldestOfBoot: () => Promise.resolve(undefined),
      boots: () => Promise.resolve([]),
      bootId: () => this.#ask(() => this.#inquiry.bootId(signal), signal),
    };
    // Asked before the first bulk reading: where that finds nothing, following begins here and misses nothing.
    this.#anchor ??= { position: await questions.newest() };
    const nowUs = (): number => this.#inquiry.nowUs();
    const { place, gap, then = [] } = await findPlace(after, {
      ...this.#options,
      isConditional: matches.length > 0,
      // It may serve several, whose boots mix.
      isOneMachine: false,
      isContiguous: this.#isContiguous,
      anchor: this.#anchor.position,
      questions,
      nowUs,
    });
    if (signal.aborted) this.#anchor = undefined;
    const sift = new Sift(place, this.#gaps, this.#isContiguous);
    if (gap !== undefined) sift.report(`vacuum:${after!.cursor}`, gap);
    return { place, sift, signal, unsaved: after === undefined ? place.last : undefined, then: [...then] };
  }

  /** Asks until there is an answer; undefined also when `signal` aborts before. */
  async #ask<T>(question: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    while (!signal.aborted) {
      try {
        const answer = await question();
        this.#outage.answered();
        this.#outage.moved();
        return answer;
      } catch (error) {
        if (!(error instanceof GatewayFault)) throw error;
        if (signal.aborted) break;
        await pause(this.#react({ kind: 'again', why: error }), signal);
      }
    }
    return undefined;
  }

  async *#bulk(reading: Reading): AsyncGenerator<Chunk, End> {
    const { place, signal } = reading;
    const { matches } = this.#options;
    let through: Position | undefined;
    const open = async (): Promise<GatewayAnswer> => {
      const usage = this.#isContiguous ? '' : await this.#inquiry.usage(signal);
      through = await this.#endOfBulk(reading);
      const answer = await this.#client.entries(queryFor([...matches, ...place.matches], { follow: false }), rangeFor(place.from), signal);
      // Opened while journald rotates, the gateway may miss a file, and no number would tell.
      if (!this.#isContiguous && (await this.#usageOr(answer, signal)) !== usage) {
        answer.close();
        throw new ReadAgain('rotated', "the journal's files were rotated", true);
      }
      return answer;
    };
    const end = yield* this.#take(open, reading, true, (answer) => this.#entriesOf(answer, reading, this.#timing.silentMs));
    if (end.kind !== 'complete') return end;
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

  /** Closes the answer where it cannot be asked. */
  async #usageOr(answer: GatewayAnswer, signal: AbortSignal): Promise<string> {
    try {
      return await this.#inquiry.usage(signal);
    } catch (error) {
      answer.close();
      throw error;
    }
  }

  /** An entry that a complete reading, begun after this, has passed: see the same of the journalctl source. */
  async #endOfBulk({ place, signal }: Reading): Promise<Position | undefined> {
    const isFirst = place.last === undefined;
    if ((isFirst && this.#options.since !== undefined) || (!isFirst && this.#options.matches.length === 0)) return undefined;
    return this.#inquiry.newest(place.pins, signal);
  }

  #live(reading: Reading): AsyncGenerator<Chunk, End> {
    const { place, signal } = reading;
    const watch: Watch = {
      ...this.#timing,
      pollMs: this.#timing.silentMs,
      newest: () => this.#inquiry.newest(place.pins, signal),
      newestOfAll: () => Promise.resolve(undefined),
      filesHaveChanged: () => Promise.resolve(false),
    };
    return this.#take(() => this.#follow(reading), reading, false, (answer) => liveChunks(this.#runs(answer, reading), place.last, watch, signal));
  }

  /** Waits until there is something that was not read, or a while: then it is time for another bulk reading. */
  async #bell(reading: Reading): Promise<End> {
    const { place, signal } = reading;
    const { last } = place;
    let answer: GatewayAnswer | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      const open = (answer = await this.#follow(reading));
      timer = setTimeout(() => open.close(), this.#timing.silentMs);
      for await (const run of runsOf(open, () => undefined)) {
        if (run.some(({ cursor }) => last === undefined || !sameEntry(cursor, last.cursor))) break;
      }
      return { kind: 'more' };
    } catch (error) {
      if (answer?.closed.aborted === true || signal.aborted) return { kind: 'more' };
      return this.#again(error);
    } finally {
      clearTimeout(timer);
      answer?.close();
    }
  }

  async #follow({ place, signal }: Reading): Promise<GatewayAnswer> {
    this.#options.logger.debug(`${this.#options.label}: following`);
    // Not the matches of a start: where the first bulk reading found nothing, all that comes is new.
    return this.#client.entries(queryFor([...this.#options.matches, ...place.pins], { follow: true }), rangeFor(place.from), signal);
  }

  /** One answer from its beginning to its end: yields what is new, reads no further than it is pulled. */
  async *#take(open: () => Promise<GatewayAnswer>, reading: Reading, isBulk: boolean, decode: (answer: GatewayAnswer) => AsyncIterable<Chunk>): AsyncGenerator<Chunk, End> {
    const { place, signal } = reading;
    let answer: GatewayAnswer | undefined;
    let isStalled = false;
    place.begin();
    try {
      const opened = (answer = await open());
      for await (const chunk of decode(opened)) {
        this.#outage.answered();
        if (this.#isContiguous && !this.#isOfOneMachine(chunk.entries)) this.#expectJumps(reading);
        const { chunk: fresh, again } = reading.sift.take(chunk, isBulk);
        if (fresh !== undefined) {
          const stall = setTimeout(() => {
            isStalled = true;
            opened.close();
          }, this.#timing.stalledMs);
          try {
            yield fresh;
          } finally {
            clearTimeout(stall);
          }
        }
        if (isStalled || signal.aborted) break;
        if (again !== undefined) throw again;
      }
      this.#outage.answered();
    } catch (error) {
      if (!isStalled && !signal.aborted) return this.#again(error);
    } finally {
      answer?.close();
    }
    // What ended because of us was not complete, however it looks.
    if (isStalled || signal.aborted) return { kind: 'again', why: new ReadAgain('stalled', 'nobody pulled for long', true) };
    if (!isBulk) return { kind: 'again', why: new ReadAgain('disconnected', 'it stopped following') };
    return { kind: 'complete' };
  }

  async *#entriesOf(answer: GatewayAnswer, reading: Reading, silentMs: number): AsyncGenerator<Chunk, void> {
    const runs = this.#runs(answer, reading)[Symbol.asyncIterator]();
    for (;;) {
      let isSilent = false;
      const timer = setTimeout(() => {
        isSilent = true;
        answer.close();
      }, silentMs);
      const result = await runs.next().catch((error: unknown) => {
        throw isSilent ? new ReadAgain('silent', `it stopped in the middle, and was silent for ${silentMs / 1000} s`) : error;
      });
      clearTimeout(timer);
      if (isSilent) throw new ReadAgain('silent', `it stopped in the middle, and was silent for ${silentMs / 1000} s`);
      if (result.done === true) return;
      yield { entries: result.value };
    }
  }

  #runs(answer: GatewayAnswer, { place, signal }: Reading): AsyncIterable<readonly Entry[]> {
    return runsOf(answer, async (malformed) => {
      const at = place.last?.cursor ?? '';
      if (this.#malformedAt !== at) {
        this.#malformedAt = at;
        throw new ReadAgain('malformed', `it gives what is not in the export format: ${malformed.reason}`);
      }
      // Twice in one place: that is what it has.
      this.#options.logger.error(`${this.#options.label}: passing over what is not in the export format: ${malformed.reason}`);
      await this.#options.onMalformed?.(malformed, signal);
    });
  }

  /** Whether all entries are of the machine that the first was of. */
  #isOfOneMachine(entries: readonly Entry[]): boolean {
    for (const entry of entries) {
      const machine = entry.bytes('_MACHINE_ID');
      if (machine === undefined) continue;
      if (this.#machine === undefined) this.#machine = Buffer.from(machine);
      else if (!this.#machine.equals(machine)) return false;
    }
    return true;
  }

  /** Several machines count each for itself: from now on no jump of the numbers tells anything. */
  #expectJumps(reading: Reading): never {
    this.#isContiguous = false;
    reading.sift = new Sift(reading.place, this.#gaps, false);
    throw new ReadAgain('jump', 'it has entries of several machines, whose sequence numbers tell of no gap', true);
  }

  #again(error: unknown): End {
    if (error instanceof ReadAgain || error instanceof GatewayFault) return { kind: 'again', why: error };
    throw error;
  }

  /** Says why the gateway is asked again, and returns the pause before. */
  #react(end: End): number {
    if (end.kind !== 'again') return 0;
    const { why } = end;
    const { label, logger, events } = this.#options;
    events?.restarted(why.why);
    if (why instanceof GatewayFault) this.#outage.failed(why.message);
    else if (why.isOrdinary) logger.info(`${label}: asking again from the last entry: ${why.message}`, { why: why.why });
    else logger.warn(`${label}: asking again from the last entry: ${why.message}`, { why: why.why });
    return this.#outage.nextPauseMs();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
