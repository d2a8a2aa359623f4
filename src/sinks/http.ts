import { OperatorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Batch, Delivery, Rejection, Sink, SinkLimits } from '../core/sink.js';
import { unlessAborted } from './abortable.js';
import { CLOSED, retryable, STOPPED } from './failure.js';
import { judge } from './http-answer.js';
import type { Verdict } from './http-answer.js';
import { bodyOf, idempotencyKey, Parts } from './http-body.js';
import type { Part } from './http-body.js';
import { HttpClient } from './http-client.js';
import type { HttpClientOptions } from './http-client.js';
import { readHeaders } from './http-headers.js';
import type { HeaderOptions } from './http-headers.js';
import { RequestSize } from './http-size.js';

export { readHeaders };

export interface HttpSinkOptions extends Omit<HttpClientOptions, 'connectTimeoutMs'>, HeaderOptions {
  /** A JSON object on each line, or all of them in one array. */
  readonly body: 'ndjson' | 'array';
  readonly compress: 'gzip' | 'none';
  readonly batchMessages: number;
  /** Of a body before it is compressed. */
  readonly batchBytes: number;
  readonly maxAgeMs: number;
  readonly inFlight: number;
  readonly connectTimeoutMs?: number;
  /** What tells apart batches that have the same cursors and are not the same: the destination, and the run where cursors begin anew with each. */
  readonly origin: string;
  /** In whose lines the destination's name comes first. */
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * POST requests with JSON, to one URL. A batch is delivered when a 2xx says so.
 *
 * A batch that is too large for the receiver (413) is cut in two, and so is one with something in it that it refuses
 * (400, 422), until the one message that it does not take stands alone: that one is rejected, and all others are
 * delivered, each in one request that succeeds. Whatever else the receiver says is about the destination: it is
 * retryable. With one request in flight, order is kept.
 */
export function createHttpSink(options: HttpSinkOptions): Sink {
  return new HttpSink(options);
}

const CONNECT_TIMEOUT_MS = 10_000;
/** More than it takes to compress a batch and to begin with the next request, on a busy machine. */
const BETWEEN_REQUESTS_MS = 10_000;
/**
 * So many messages refused one by one, with none taken in between, are no bad messages: nginx, for one, answers 400
 * to everything when a client certificate has expired.
 */
const MOST_REFUSED = 100;
/** How many more are tried before that is said again. */
const TRIED_AGAIN = 16;

class HttpSink implements Sink {
  readonly framing = 'lf';
  readonly limits: SinkLimits;
  readonly #options: HttpSinkOptions & { readonly connectTimeoutMs: number };
  readonly #client: HttpClient;
  readonly #size: RequestSize;
  readonly #underWay = new Set<{ readonly ended: Promise<unknown>; readonly stop: () => void; requests: number }>();
  #closing = 0;
  /** Messages refused one by one since something was taken. */
  #refused = 0;
  #toldOfSize = false;

  constructor(options: HttpSinkOptions) {
    const { batchMessages, batchBytes, inFlight, maxAgeMs, body } = options;
    this.#options = { connectTimeoutMs: CONNECT_TIMEOUT_MS, ...options };
    // An array is one byte longer than its lines.
    const maxBytes = body === 'array' ? batchBytes - 1 : batchBytes;
    this.limits = { maxMessages: batchMessages, maxBytes, maxInFlight: inFlight, maxAgeMs };
    this.#client = new HttpClient(this.#options);
    this.#size = new RequestSize(maxBytes);
  }

  /** Each request has its limit, and a delivery can need several. */
  get attemptTimeoutMs(): number {
    const requests = Math.max(1, ...[...this.#underWay].map((delivery) => delivery.requests));
    return requests * (this.#options.timeoutMs + BETWEEN_REQUESTS_MS);
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (this.#closing > 0) return retryable(CLOSED);
    if (signal.aborted) return retryable(STOPPED);
    const stopping = new AbortController();
    const stop = (): void => stopping.abort();
    signal.addEventListener('abort', stop, { once: true });
    const delivery = { ended: undefined as unknown as Promise<Delivery>, stop, requests: 0 };
    delivery.ended = this.#deliver(batch, stopping.signal, () => (delivery.requests += 1));
    this.#underWay.add(delivery);
    try {
      return await delivery.ended;
    } finally {
      this.#underWay.delete(delivery);
      signal.removeEventListener('abort', stop);
    }
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#closing += 1;
    const ended = (): Promise<unknown> => Promise.allSettled([...this.#underWay].map((delivery) => delivery.ended));
    await unlessAborted<unknown>(ended(), signal, undefined);
    for (const { stop } of this.#underWay) stop();
    await ended();
    this.#client.close();
    this.#closing -= 1;
  }

  /** Asks with HEAD, which brings nothing into a log. Servers answer it in many ways; what is no fault of it is an answer. */
  async probe(signal: AbortSignal): Promise<string | undefined> {
    const client = new HttpClient(this.#options);
    try {
      const answer = await client.send({ method: 'HEAD', headers: await this.#headers() }, signal);
      if ('reason' in answer) return answer.reason;
      const verdict = judge(answer, this.#options.path, 0);
      // 400 is what nginx says to everything where TLS or a client certificate lacks.
      if (verdict.kind === 'refused' && answer.status === 400) return `${verdict.reason} to a HEAD request`;
      const isFault = answer.status === 401 || answer.status === 407 || (answer.status >= 500 && answer.status !== 501);
      return isFault && verdict.kind === 'failed' ? verdict.failure.reason : undefined;
    } catch (error) {
      if (error instanceof OperatorError) return clauseOf(error);
      throw error;
    } finally {
      client.close();
    }
  }

  async #deliver(batch: Batch, signal: AbortSignal, onRequest: () => void): Promise<Delivery> {
    const parts = new Parts(batch);
    const refused: Rejection[] = [];
    /** Of those refused, how many are so for certain. */
    let certain = 0;
    /** What is still to be delivered, the first at the end. */
    const ranges: [from: number, to: number][] = [[0, batch.count]];
    for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
      const [from, end] = range;
      const to = parts.cut(from, end, this.#size.bytes);
      if (to < end) ranges.push([to, end]);
      onRequest();
      const part = parts.part(from, to);
      const verdict = await this.#post(batch, part, signal);
      if (verdict.kind === 'delivered') {
        this.#refused = 0;
        certain = refused.length;
        this.#size.taken(part.lines.length);
      } else if (verdict.kind === 'failed') {
        return failed(verdict, refused, certain, from);
      } else {
        if (verdict.kind === 'too-large') this.#noteSize(part, verdict.reason);
        if (to - from > 1) {
          const middle = from + Math.ceil((to - from) / 2);
          ranges.push([middle, to], [from, middle]);
          continue;
        }
        refused.push({ index: from, kind: verdict.kind, reason: verdict.reason });
        this.#refused += 1;
        if (this.#refused < MOST_REFUSED) certain = refused.length;
        else if (refused.length - certain >= TRIED_AGAIN || ranges.length === 0) return failed(refusesAll(verdict.reason, this.#refused), refused, certain, from);
      }
    }
    return refused.length === 0 ? { outcome: 'delivered' } : { outcome: 'rejected', rejections: refused };
  }

  async #post(batch: Batch, part: Part, signal: AbortSignal): Promise<Verdict> {
    const { body: kind, compress, path, origin, now = Date.now } = this.#options;
    try {
      const headers = await this.#headers();
      const body = await bodyOf(part.lines, kind, compress);
      if (compress === 'gzip') headers['Content-Encoding'] = 'gzip';
      headers['Idempotency-Key'] = idempotencyKey(origin, batch, part);
      const answer = await this.#client.send({ method: 'POST', headers, body }, signal);
      if (!('reason' in answer)) return judge(answer, path, now());
      if (BREAKS.includes(answer.code)) this.#size.brokeOff();
      return { kind: 'failed', failure: answer, needsOperator: answer.code === 'PROXY_407', retryAfterMs: undefined };
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      return { kind: 'failed', failure: { code: error.code, reason: clauseOf(error) }, needsOperator: true, retryAfterMs: undefined };
    }
  }

  async #headers(): Promise<Record<string, string>> {
    const given = await readHeaders(this.#options);
    const names = Object.keys(given).map((name) => name.toLowerCase());
    for (const [name, value] of [['Content-Type', this.#options.body === 'array' ? 'application/json' : 'application/x-ndjson'], ['User-Agent', 'journald-forwarder']] as const) {
      if (!names.includes(name.toLowerCase())) given[name] = value;
    }
    return given;
  }

  #noteSize({ from, to, lines }: Part, reason: string): void {
    if (to - from > 1) this.#size.tooLarge(lines.length);
    if (this.#toldOfSize) return;
    this.#toldOfSize = true;
    this.#options.logger.info(`${reason}: the receiver takes no body of ${lines.length} bytes, so smaller ones are sent; batchBytes can say so from the start`);
  }
}

/** The connection ended before an answer came. */
const BREAKS = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'];

/** What was done before `from` is done: it need not be sent again. */
function failed({ failure: { code, reason }, needsOperator, retryAfterMs }: Extract<Verdict, { kind: 'failed' }>, refused: readonly Rejection[], certain: number, from: number): Delivery {
  return {
    outcome: 'retryable',
    code,
    reason,
    deliveredCount: refused[certain]?.index ?? from,
    rejections: refused.slice(0, certain),
    needsOperator,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function refusesAll(said: string, count: number): Extract<Verdict, { kind: 'failed' }> {
  const reason = `${said} to each of the last ${count} entries, and it took none in between; mend the URL, the format or the credentials`;
  return { kind: 'failed', failure: { code: 'REFUSES_ALL', reason }, needsOperator: true, retryAfterMs: undefined };
}

/** An error's sentence, to follow a destination's name. */
function clauseOf({ message }: OperatorError): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, '');
}
