import type { Entry } from '../../core/entry.js';
import type { Logger } from '../../core/logger.js';
import type { Batch, Delivery, Lanes, Sink, SinkLimits } from '../../core/sink.js';
import type { Template } from '../../core/template.js';
import { unlessAborted } from '../abortable.js';
import { CLOSED, retryable, STOPPED } from '../failure.js';
import { TemplateRenderer } from '../template.js';
import { AgeLimit } from './age.js';
import { LogsClient } from './client.js';
import { Deliverer } from './deliverer.js';
import { nameOf, serviceFailureOf } from './failures.js';
import { EVENT_OVERHEAD_BYTES, MAX_PUT_BYTES, MAX_PUT_EVENTS, MAX_STREAM_NAME } from './limits.js';
import { Pace } from './pace.js';
import { Provision } from './provision.js';

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
  readonly #pace = new Pace(MAX_REQUESTS);
  readonly #age: AgeLimit;
  readonly #deliverer: Deliverer;
  /** Deliveries under way, and what cuts them. */
  readonly #underWay = new Map<Promise<Delivery>, AbortController>();
  /** The last delivery of each stream that has one under way. */
  readonly #lasts = new Map<string, Promise<Delivery>>();
  #closing = false;

  constructor(options: CloudWatchSinkOptions) {
    const { group, create, retentionDays, eventBytes, logger, clock = Date.now, connectTimeoutMs = 10_000, answerTimeoutMs = 30_000 } = options;
    this.#options = options;
    this.#client = new LogsClient({ ...options, connectTimeoutMs, answerTimeoutMs });
    this.#age = new AgeLimit({ retentionDays, logger, clock });
    const provision = new Provision({ client: this.#client, group, createsGroup: create, retentionDays, logger });
    this.#deliverer = new Deliverer({ group, eventBytes, client: this.#client, provision, pace: this.#pace, age: this.#age, clock });
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
      return cut.signal.aborted ? retryable(STOPPED) : this.#deliverer.deliver(batch, cut.signal);
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
}
