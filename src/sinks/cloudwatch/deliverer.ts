import type { PutLogEventsCommandOutput, RejectedLogEventsInfo } from '@aws-sdk/client-cloudwatch-logs';
import type { Batch, Delivery, Rejection } from '../../core/sink.js';
import { unlessAborted } from '../abortable.js';
import { STOPPED, type Failure } from '../failure.js';
import type { AgeLimit } from './age.js';
import type { LogsClient } from './client.js';
import { nameOf, serviceFailureOf, type ServiceFailure } from './failures.js';
import type { Pace } from './pace.js';
import type { Provision } from './provision.js';
import { halvesOf, putsOf, type Put } from './puts.js';

export interface DelivererOptions {
  readonly group: string;
  /** The largest event, its 26 bytes of overhead included; less as soon as the service says so. */
  readonly eventBytes: number;
  readonly client: LogsClient;
  readonly provision: Provision;
  readonly pace: Pace;
  readonly age: AgeLimit;
  readonly clock: () => number;
}

/**
 * Delivers a batch to the stream that its lane names, in as many requests as it takes, one after the other. What is wrong
 * with single events is found by halving; what the answers say of age, pace and credentials is passed on to who keeps it.
 */
export class Deliverer {
  readonly #options: DelivererOptions;
  #eventBytes: number;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#eventBytes = options.eventBytes;
  }

  /** Says how it ended; where that is retryable, the events that were sent are at the head of the batch. Resolves soon after `signal` aborts. */
  async deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    const rejected = new Map<number, Refusal>();
    // Those that are not done yet, the next one last.
    const remaining = putsOf(batch, { eventBytes: this.#eventBytes, nowMs: this.#options.clock() }).reverse();
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
        const answer = await this.#inTime((limit) => this.#options.client.putEvents(group, stream, put.events, limit), signal);
        if (answer === OVER) return signal.aborted ? STOPPED : NO_ANSWER;
        this.#options.pace.answered();
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
      const failure = await this.#inTime((limit) => this.#options.provision.ensureStream(stream, limit), signal);
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
    if (failure.isThrottled) this.#options.pace.throttled();
    if (failure.concernsCredentials) this.#options.client.forgetCredentials();
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
    if (expired > 0) this.#options.age.refused(events[Math.min(expired, events.length) - 1]!.timestamp);
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
