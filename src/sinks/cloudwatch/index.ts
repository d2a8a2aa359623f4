import type { PutLogEventsCommandOutput, RejectedLogEventsInfo } from '@aws-sdk/client-cloudwatch-logs';
import type { Entry } from '../../core/entry.js';
import type { Logger } from '../../core/logger.js';
import type { Batch, Delivery, Lanes, Rejection, Sink, SinkLimits } from '../../core/sink.js';
import type { Template } from '../../core/template.js';
import { unlessAborted } from '../abortable.js';
import { CLOSED, retryable, STOPPED, type Failure } from '../failure.js';
import { TemplateRenderer } from '../template.js';
import { AgeLimit } from './age.js';
import { LogsClient } from './client.js';
import { nameOf, serviceFailureOf, type ServiceFailure } from './failures.js';
import { EVENT_OVERHEAD_BYTES, MAX_PUT_BYTES, MAX_PUT_EVENTS, MAX_STREAM_NAME } from './limits.js';
import { Pace } from './pace.js';
import { Provision } from './provision.js';
import { halvesOf, putsOf, type Put } from './puts.js';

export interface CloudWatchSinkOptions {
  readonly group: string;
  readonly stream: Template;
  /** Undefined for what the environment, the profile or the instance says. */
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  /** Whether to create the group where it is missing. A missing stream is always created. */
  readonly create: boolean;
  /** Of a group that is created; entries that are older are left out. */
  readonly retentionDays: number | undefined;
  /** The largest event, its 26 bytes of overhead included. */
  readonly eventBytes: number;
  /** How long a batch may wait to become full. */
  readonly maxAgeMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock?: () => number;
  readonly connectTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
}

/** Requests under way at a time, over all streams. */
const MAX_REQUESTS = 8;
/** Streams whose batches are open at a time. */
const MAX_STREAMS = 1000;
/** Of all open batches. */
const MAX_HELD_BYTES = 24 * 1024 * 1024;
/** No stream's name can hold the first two (API Reference, `logStreamName`); controls would be invisible, halves of characters are no text. */
const REFUSED = /[:*\p{Cc}\p{Cs}]/gu;

/**
 * CloudWatch Logs. Each rendered stream name is a lane: a batch of its own, at most one request under way, so that a
 * retry never reorders. A batch counts as delivered when PutLogEvents has answered for all of it; events that are
 * refused inside a 200 are rejected. Missing streams, and the group where that is wanted, are created on demand.
 */
export function createCloudWatchSink(options: CloudWatchSinkOptions): Sink {
  return new CloudWatchSink(options);
}

class CloudWatchSink implements Sink {
  readonly framing = 'none';
  readonly lanes: Lanes;
  /** Several requests, each with its own limit, where messages had to be split. */
  readonly attemptTimeoutMs = 300_000;
  readonly #options: CloudWatchSinkOptions;
  readonly #client: LogsClient;
  readonly #provision: Provision;
  readonly #pace = new Pace(MAX_REQUESTS);
  readonly #age: AgeLimit;
  readonly #clock: () => number;
  /** Deliveries under way, and what cuts them. */
  readonly #underWay = new Map<Promise<Delivery>, AbortController>();
  /** The last delivery of each stream that has one under way. */
  readonly #lasts = new Map<string, Promise<Delivery>>();
  #eventBytes: number;
  #closing = false;

  constructor(options: CloudWatchSinkOptions) {
    const { group, create, retentionDays, logger, clock = Date.now, connectTimeoutMs = 10_000, answerTimeoutMs = 30_000 } = options;
    this.#options = options;
    this.#clock = clock;
    this.#eventBytes = options.eventBytes;
    this.#client = new LogsClient({ ...options, connectTimeoutMs, answerTimeoutMs });
    this.#provision = new Provision({ client: this.#client, group, createsGroup: create, retentionDays, logger });
    this.#age = new AgeLimit({ retentionDays, logger, clock });
    const streams = new TemplateRenderer(options.stream, { refused: REFUSED, maxLength: MAX_STREAM_NAME });
    const laneOf = (entry: Entry): string | undefined => (this.#age.admits(entry.timestamp) ? streams.render(entry) : undefined);
    this.lanes = { fields: streams.fields, maxBatches: MAX_STREAMS, maxHeldBytes: MAX_HELD_BYTES, laneOf };
  }

  get limits(): SinkLimits {
    return {
      maxMessages: MAX_PUT_EVENTS, maxBytes: MAX_PUT_BYTES, overheadBytes: EVENT_OVERHEAD_BYTES, refusesEmpty: true,
      maxInFlight: this.#pace.requests, maxAgeMs: this.#options.maxAgeMs,
    };
  }

  deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (this.#closing) return Promise.resolve(retryable(CLOSED));
    if (signal.aborted) return Promise.resolve(retryable(STOPPED));
    const cut = new AbortController();
    const stop = (): void => cut.abort();
    signal.addEventListener('abort', stop, { once: true });
    const before = this.#lasts.get(batch.lane);
    const delivery = (async () => {
      await before;
      return cut.signal.aborted ? retryable(STOPPED) : this.#deliver(batch, cut.signal);
    })().finally(() => {
      signal.removeEventListener('abort', stop);
      this.#underWay.delete(delivery);
      if (this.#lasts.get(batch.lane) === delivery) this.#lasts.delete(batch.lane);
    });
    this.#underWay.set(delivery, cut);
    this.#lasts.set(batch.lane, delivery);
    return delivery;
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    const abandon = (): void => {
      for (const cut of this.#underWay.values()) cut.abort();
    };
    if (signal.aborted) abandon();
    signal.addEventListener('abort', abandon, { once: true });
    await Promise.all(this.#underWay.keys());
    signal.removeEventListener('abort', abandon);
    this.#client.close();
    this.#age.tell();
    this.#closing = false;
  }

  /** Needs the permission logs:DescribeLogStreams to see whether the group is there; without it, only that the credentials are good. */
  async probe(signal: AbortSignal): Promise<string | undefined> {
    const { group, create, logger } = this.#options;
    try {
      return await unlessAborted(this.#client.lookAt(group, signal).then(() => undefined), signal, 'no answer');
    } catch (error) {
      const name = nameOf(error);
      if (name === 'ResourceNotFoundException' && create) return undefined;
      if (name !== 'AccessDeniedException') return serviceFailureOf(error, 'DescribeLogStreams', group).reason;
      logger.info(`the credentials are good; whether the log group ${group} is there was not to be seen without the permission logs:DescribeLogStreams`);
      return undefined;
    } finally {
      this.#client.close();
    }
  }

  async #deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    const rejected = new Map<number, Refusal>();
    // Those that are not done yet, the next one last.
    const remaining = putsOf(batch, { eventBytes: this.#eventBytes, nowMs: this.#clock() }).reverse();
    for (let put = remaining.pop(); put !== undefined; put = remaining.pop()) {
      const outcome = await this.#put(batch.lane, put, signal);
      if (outcome === 'divide') {
        const [first, second] = halvesOf(put);
        remaining.push(second, first);
      } else if ('reason' in outcome) {
        const deliveredCount = headOf([...remaining, put], rejected);
        const { code, reason, retryAfterMs, needsOperator = false } = outcome;
        return { outcome: 'retryable', code, reason, deliveredCount, needsOperator, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
      } else {
        for (const [at, refusal] of outcome.rejected) rejected.set(put.indexes[at]!, refusal);
      }
    }
    if (rejected.size === 0) return { outcome: 'delivered' };
    const rejections = [...rejected].map(([index, refusal]) => ({ index, ...refusal })).sort((a, b) => a.index - b.index);
    return { outcome: 'rejected', rejections };
  }

  /** Sends one request, and creates its stream where that is missing. */
  async #put(stream: string, put: Put, signal: AbortSignal): Promise<PutOutcome> {
    const { group } = this.#options;
    for (let wasCreated = false; ; wasCreated = true) {
      let error: unknown;
      try {
        const answer = await this.#inTime((limit) => this.#client.putEvents(group, stream, put.events, limit), signal);
        if (answer === OVER) return signal.aborted ? STOPPED : NO_ANSWER;
        this.#pace.answered();
        return { rejected: this.#rejectedOf(put, answer) };
      } catch (caught) {
        error = caught;
      }
      if (signal.aborted) return STOPPED;
      const name = nameOf(error);
      // Of the days of sequence tokens: a request that was tried again had already succeeded.
      if (name === 'DataAlreadyAcceptedException') return { rejected: [] };
      if (name === 'InvalidParameterException') return this.#refused(put, (error as Error).message);
      if (name !== 'ResourceNotFoundException' || wasCreated) return this.#noted(serviceFailureOf(error, 'PutLogEvents', group));
      const failure = await this.#inTime((limit) => this.#provision.ensureStream(stream, limit), signal);
      if (failure === OVER) return signal.aborted ? STOPPED : NO_ANSWER;
      if (failure !== undefined) return this.#noted(failure);
    }
  }

  /** What `request` resolves to, or OVER where the signal aborts or it takes too long: looking credentials up has no limit of its own. */
  async #inTime<T>(request: (limit: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T | typeof OVER> {
    const limit = new AbortController();
    const stop = (): void => limit.abort();
    const timer = setTimeout(stop, REQUEST_TIMEOUT_MS);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await unlessAborted<T | typeof OVER>(request(limit.signal), limit.signal, OVER);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  #noted(failure: ServiceFailure): ServiceFailure {
    if (failure.isThrottled) this.#pace.throttled();
    if (failure.concernsCredentials) this.#client.forgetCredentials();
    return failure;
  }

  /** Events that are wrong in themselves are found by halving, so that one of them holds up no other. */
  #refused(put: Put, message: string): PutOutcome {
    const [, limit] = /event too large.*exceeds limit of (\d+)/i.exec(message) ?? [];
    if (limit !== undefined && Number(limit) >= LEAST_EVENT_BYTES && Number(limit) < this.#eventBytes) {
      this.#eventBytes = Number(limit);
      return { code: 'EVENT_LIMIT', reason: `CloudWatch takes events of at most ${limit} bytes here; larger messages are split accordingly from now on` };
    }
    if (/logGroupName|logStreamName/.test(message)) return { code: 'InvalidParameterException', reason: `CloudWatch does not take the name of the log group ${this.#options.group} or of a stream in it (InvalidParameterException)` };
    return put.events.length > 1 ? 'divide' : { rejected: [[0, { kind: 'refused', reason: 'refused by CloudWatch (InvalidParameterException)' }]] };
  }

  #rejectedOf({ events }: Put, { rejectedLogEventsInfo: info }: PutLogEventsCommandOutput): [number, Refusal][] {
    if (info === undefined) return [];
    const expired = info.expiredLogEventEndIndex ?? 0;
    if (expired > 0) this.#age.refused(events[Math.min(expired, events.length) - 1]!.timestamp);
    return events.flatMap((_, at): [number, Refusal][] => {
      const refusal = refusalAt(info, at);
      return refusal === undefined ? [] : [[at, refusal]];
    });
  }
}

type Refusal = Omit<Rejection, 'index'>;

/** Which of a put's events were refused, and why; or why it has to be sent again. */
type PutOutcome = { readonly rejected: readonly (readonly [number, Refusal])[] } | (Failure & { readonly retryAfterMs?: number | undefined; readonly needsOperator?: boolean }) | 'divide';

const OVER = Symbol('over');
/** Of one request with all that it needs: longer than the sum of its own limits. */
const REQUEST_TIMEOUT_MS = 60_000;
const NO_ANSWER: Failure = { code: 'TimeoutError', reason: 'CloudWatch, or what gives out the credentials for it, does not answer in time' };
/** A smaller limit is none that the service ever had. */
const LEAST_EVENT_BYTES = 1024;

/** The first index is the lower bound of what is too new; the others are upper bounds, exclusive (API Reference, RejectedLogEventsInfo). */
function refusalAt(info: RejectedLogEventsInfo, at: number): Refusal | undefined {
  if (at < (info.tooOldLogEventEndIndex ?? 0)) return { kind: 'too-old', reason: 'too old: CloudWatch takes nothing that is older than 14 days' };
  if (at < (info.expiredLogEventEndIndex ?? 0)) return { kind: 'expired', reason: 'expired: older than the log group keeps events' };
  if (at >= (info.tooNewLogEventStartIndex ?? Infinity)) return { kind: 'too-new', reason: 'too new: more than 2 hours ahead of CloudWatch\'s clock' };
  return undefined;
}

/** How many messages at the head of the batch are done with: before the first that is still to be sent, and before the first refused, which is yet to be told. */
function headOf(remaining: readonly Put[], rejected: ReadonlyMap<number, unknown>): number {
  let head = Infinity;
  for (const { indexes } of remaining) for (const index of indexes) head = Math.min(head, index);
  for (const index of rejected.keys()) head = Math.min(head, index);
  return Number.isFinite(head) ? head : 0;
}
