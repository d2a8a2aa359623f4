import { setTimeout as delay } from 'node:timers/promises';
import type { Entry } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import type { Chunk, Source } from '../../core/source.js';
import { isNewer, sameEntry } from '../../formats/cursor.js';
import { Gaps } from '../journalctl/gaps.js';
import { liveChunks, type Watch } from '../journalctl/live.js';
import type { Place } from '../journalctl/place.js';
import { ReadAgain } from '../journalctl/read-again.js';
import { Sift } from '../journalctl/sift.js';
import { findPlace, type Leg } from '../journalctl/start.js';
import { runsOf } from './answer-entries.js';
import { GatewayClient, type GatewayAnswer } from './client.js';
import { Garbage } from './garbage.js';
import { Inquiry } from './inquiry.js';
import { Machines } from './machines.js';
import { TIMING, type GatewaySourceOptions, type GatewayTiming } from './options.js';
import { Outage } from './outage.js';
import { againAfter, passOf, type End } from './pass.js';
import { queryFor, rangeFor } from './query.js';
import { questionsTo } from './questions.js';
import { unlessSilent } from './silence.js';

export type { GatewayAddress } from './client.js';
export type { Malformed } from './answer-entries.js';
export type { GatewaySourceOptions } from './options.js';
export { matchesFor, type GatewayConditions } from './query.js';
export { describeGateway } from './describe.js';

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
  readonly #garbage: Garbage;
  readonly #machines = new Machines();
  /** Sequence numbers count all that is read. */
  #isContiguous: boolean;
  /** The newest entry when the first reading began. Kept: `--start now` begins here also when it has to begin again. */
  #anchor: { readonly position: Position | undefined } | undefined;

  constructor(options: GatewaySourceOptions) {
    this.#options = options;
    const { address, tls, label, logger, events, reportGapsAs: hostname } = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#client = new GatewayClient({ address, tls, answerMs: this.#timing.answerMs });
    this.#inquiry = new Inquiry(this.#client, this.#timing.answerMs);
    this.#outage = new Outage({ label, isForEver: options.follow, logger, events, longestPauseMs: this.#timing.longestPauseMs });
    this.#gaps = new Gaps({ events, logger, hostname });
    this.#garbage = new Garbage(options);
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
      if (end.kind === 'again') await this.#outage.again(end.why, signal);
      else await delay(this.#timing.gatherMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The newest entry that there is to read; undefined where there is none. Rejects where the gateway does not answer, and when `signal` aborts. */
  newest(signal: AbortSignal): Promise<Position | undefined> {
    return this.#inquiry.newest(this.#options.matches, signal);
  }

  async #begin(after: Position | undefined, signal: AbortSignal): Promise<Reading> {
    const { matches } = this.#options;
    const questions = questionsTo(this.#inquiry, this.#outage, signal);
    // Asked before the first bulk reading: where that finds nothing, following begins here and misses nothing.
    this.#anchor ??= { position: await questions.newest() };
    const { place, gap, then = [] } = await findPlace(after, {
      ...this.#options,
      isConditional: matches.length > 0,
      // It may serve several, whose boots mix.
      isOneMachine: false,
      isContiguous: this.#isContiguous,
      anchor: this.#anchor.position,
      questions,
      nowUs: () => this.#inquiry.nowUs(),
    });
    if (signal.aborted) this.#anchor = undefined;
    const sift = new Sift(place, this.#gaps, this.#isContiguous);
    if (gap !== undefined) sift.report(`vacuum:${after!.cursor}`, gap);
    return { place, sift, signal, unsaved: after === undefined ? place.last : undefined, then: [...then] };
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
    const end = yield* this.#pass(open, reading, true, (answer) => unlessSilent(this.#runs(answer, reading), answer, this.#timing.silentMs));
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
    return this.#pass(() => this.#follow(reading), reading, false, (answer) => liveChunks(this.#runs(answer, reading), place.last, watch, signal));
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
      return againAfter(error);
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

  #pass(open: () => Promise<GatewayAnswer>, reading: Reading, isBulk: boolean, decode: (answer: GatewayAnswer) => AsyncIterable<Chunk>): AsyncGenerator<Chunk, End> {
    const { place, sift, signal } = reading;
    const look = (entries: readonly Entry[]): void => {
      if (this.#isContiguous && !this.#machines.areOne(entries)) this.#expectJumps(reading);
    };
    return passOf({ open, decode, isBulk, look, place, sift, outage: this.#outage, stalledMs: this.#timing.stalledMs, signal });
  }

  #runs(answer: GatewayAnswer, { place, signal }: Reading): AsyncIterable<readonly Entry[]> {
    return runsOf(answer, (malformed) => this.#garbage.found(malformed, place.last, signal));
  }

  /** Several machines count each for itself: from now on no jump of the numbers tells anything. */
  #expectJumps(reading: Reading): never {
    this.#isContiguous = false;
    reading.sift = new Sift(reading.place, this.#gaps, false);
    throw new ReadAgain('jump', 'it has entries of several machines, whose sequence numbers tell of no gap', true);
  }
}
