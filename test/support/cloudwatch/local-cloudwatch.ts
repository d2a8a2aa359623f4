import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { control, controlPath } from './control.js';
import { type Credential, Credentials } from './credentials.js';
import { type Fault, Faults, errorOf } from './faults.js';
import { type InputEvent, type Limits, defaultLimits } from './limits.js';
import { accountId, operate, resourceOf } from './operations.js';
import { ServiceError } from './service-error.js';
import { type Action, inputs, isAction } from './shapes.js';
import { verify } from './sigv4.js';
import { type Batch, Store, type StoredEvent, type Totals } from './store.js';
import { checkInput } from './validate.js';

export interface LocalCloudWatchOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** A free one by default. */
  readonly port?: number;
  /** The only one that is served; any by default. */
  readonly region?: string;
  readonly credentials?: readonly Credential[];
  readonly limits?: Partial<Limits>;
  /** The service's clock, in place of this machine's. */
  readonly now?: () => number;
  /** Keep events and batches for `events`, `batches` and GetLogEvents; true by default. Off, only counts stay. */
  readonly keepEvents?: boolean;
  /** Called with what is stored of each batch, before it is answered: bounded memory for large runs. */
  readonly onBatch?: (group: string, stream: string, events: readonly InputEvent[], batch: Batch) => void;
  /** Called at the end of each request. */
  readonly onRequest?: (request: RequestRecord) => void;
}

export interface RequestRecord {
  /** The action, or what was asked in its place. */
  readonly action: string;
  /** `ok`, the error's code, or what befell it: `reset`, `lost answer`, `hung`. */
  readonly outcome: string;
  readonly message?: string;
}

/**
 * CloudWatch Logs on this machine, as strict as the real one: it verifies signatures, enforces every limit with AWS's own
 * error names and messages, and keeps what it got. It does wrong what `faults` tells it to.
 *
 * One account, one region's worth of groups. Requests are judged in AWS's order: the action, the signature, the form of
 * the input, access and throttling (`faults`), whether group and stream exist, the limits.
 */
export class LocalCloudWatch {
  readonly credentials: Credentials;
  readonly faults = new Faults();
  /** How many requests ended in what, by `ACTION OUTCOME`, such as `PutLogEvents ok`. */
  readonly requests = new Map<string, number>();
  /** How far the service is ahead of its clock. It rules signatures, ages, and the Date of each answer. */
  clockOffsetMs = 0;

  readonly #options: LocalCloudWatchOptions;
  readonly #limits: Limits;
  readonly #store: Store;
  readonly #inFlight = new Map<string, { now: number; most: number }>();
  readonly #closing = new Set<() => void>();
  #server: Server | undefined;
  #port: number;

  static async listen(options: LocalCloudWatchOptions = {}): Promise<LocalCloudWatch> {
    const cloudWatch = new LocalCloudWatch(options);
    await cloudWatch.restart();
    return cloudWatch;
  }

  private constructor(options: LocalCloudWatchOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#store = new Store({ keepEvents: options.keepEvents ?? true, onBatch: options.onBatch });
    this.credentials = new Credentials(options.credentials);
  }

  /** Stays the same over a restart. */
  get port(): number {
    return this.#port;
  }

  /** What a client takes as its endpoint. */
  get url(): string {
    return `http://${this.#options.host ?? '127.0.0.1'}:${this.#port}`;
  }

  nowMs(): number {
    return (this.#options.now ?? Date.now)() + this.clockOffsetMs;
  }

  groups(): readonly string[] {
    return [...this.#store.groups.keys()];
  }

  streams(group: string): readonly string[] {
    return [...this.#store.group(group).streams.keys()];
  }

  retentionDays(group: string): number | undefined {
    return this.#store.group(group).retentionDays;
  }

  /** In the order of arrival. Throws where there is no such stream. */
  events(group: string, stream: string): readonly StoredEvent[] {
    return this.#store.stream(group, stream).events;
  }

  /** In the order of arrival. */
  batches(group: string, stream: string): readonly Batch[] {
    return this.#store.stream(group, stream).batches;
  }

  totals(): Totals {
    return this.#store.totals();
  }

  /** How many PutLogEvents were open at once for this stream, at most. One whose client went away is open until that is noticed. */
  mostInFlight(group: string, stream: string): number {
    return this.#inFlight.get(`${group}:${stream}`)?.most ?? 0;
  }

  /** Makes both, where they are not there, without a request. */
  create(group: string, stream?: string): void {
    if (!this.#store.groups.has(group)) this.#store.createGroup(group, this.nowMs());
    if (stream !== undefined && !this.#store.group(group).streams.has(stream)) this.#store.createStream(group, stream, this.nowMs());
  }

  /** Listens, again on the same port, after closing if it listens already. What it holds stays. */
  async restart(): Promise<void> {
    await this.close();
    const server = createServer((request, response) => void this.#serve(request, response));
    // A client may keep a connection for as long as it likes.
    server.keepAliveTimeout = 0;
    server.listen(this.#port, this.#options.host ?? '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Ends every connection, also those with a request under way, and stops listening. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const stop of this.#closing) stop();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    const body = await readBody(request);
    if (body === undefined) return;
    const target = request.url ?? '';
    if (target.startsWith(controlPath)) {
      const answer = control(this, request.method ?? '', new URL(target, this.url), body.toString());
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer.body)}\n`);
      return;
    }

    const name = (request.headers['x-amz-target'] as string | undefined) ?? '';
    const record = { action: name.replace(/^Logs_20140328\./, '') || `${request.method} ${target}`, outcome: 'ok', message: '' };
    const finished: (() => void)[] = [];
    try {
      await this.#answer({ request, response, target, name, body, record, finished });
    } catch (error) {
      if (!(error instanceof ServiceError)) {
        this.#send(response, 500, '{"__type":"InternalFailure"}');
        throw error;
      }
      record.outcome = error.code;
      record.message = error.message;
      if (error.code === notRouted) this.#send(response, 404, '<UnknownOperationException/>\n', null);
      else this.#send(response, error.status, error.body());
    } finally {
      for (const finish of finished) finish();
      const key = `${record.action} ${record.outcome}`;
      this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
      this.#options.onRequest?.(record);
    }
  }

  async #answer({ request, response, target, name, body, record, finished }: Exchange): Promise<void> {
    if (request.method !== 'POST' || target !== '/' || request.headers['content-type'] !== contentType) throw new ServiceError(notRouted);
    const action = name.startsWith('Logs_20140328.') ? name.slice('Logs_20140328.'.length) : '';
    if (!isAction(action)) throw new ServiceError('UnknownOperationException');
    const { credential, region } = verify(
      { method: 'POST', target, rawHeaders: request.rawHeaders, body },
      { credentials: this.credentials, nowMs: this.nowMs(), region: this.#options.region },
    );
    const input = checkInput(inputs[action], body);
    const group = input['logGroupName'] as string | undefined;
    const stream = input['logStreamName'] as string | undefined;
    if (action === 'PutLogEvents') finished.push(this.#enter(`${group}:${stream}`));

    const fault = this.faults.take({ action, group, stream, nowMs: performance.now() });
    if (fault !== undefined) {
      if (await this.#stoppedBy(fault, { request, response, record, action, resource: resourceOf(input, region), credential })) return;
    }
    let answer: object | undefined;
    let refusal: unknown;
    try {
      answer = operate(action, input, { store: this.#store, limits: this.#limits, nowMs: this.nowMs(), region, fault });
    } catch (error) {
      refusal = error;
    }
    if (fault?.kind === 'slow') await this.#untilClosed(response, fault.ms ?? 1000);
    if (fault?.kind === 'lose-answer') {
      record.outcome = 'lost answer';
      reset(request.socket);
    } else if (fault?.kind === 'hang') {
      record.outcome = 'hung';
      await this.#untilClosed(response);
    } else {
      if (refusal !== undefined) throw refusal;
      this.#send(response, 200, answer === undefined ? '' : JSON.stringify(answer));
      await written(response);
    }
  }

  /** Whether the fault lets nothing be done; what it answers, if anything, is sent. */
  async #stoppedBy(fault: Fault, { request, response, record, action, resource, credential }: Befallen): Promise<boolean> {
    const error = errorOf(fault, action, identityOf(credential), resource);
    if (error !== undefined) throw error;
    if (fault.kind === 'bad-gateway') {
      record.outcome = '502';
      this.#send(response, 502, '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>', 'text/html');
      return true;
    }
    if (fault.kind === 'reset') {
      record.outcome = 'reset';
      reset(request.socket);
      return true;
    }
    if (fault.kind === 'hang' && fault.accept !== true) {
      record.outcome = 'hung';
      await this.#untilClosed(response);
      return true;
    }
    return false;
  }

  /** Until the client or the service closes the connection, or for `ms`. */
  #untilClosed(response: ServerResponse, ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => done(), ms);
      const done = (): void => {
        clearTimeout(timer);
        this.#closing.delete(done);
        response.off('close', done);
        resolve();
      };
      this.#closing.add(done);
      response.once('close', done);
    });
  }

  #enter(key: string): () => void {
    const counts = this.#inFlight.get(key) ?? { now: 0, most: 0 };
    this.#inFlight.set(key, counts);
    counts.most = Math.max(counts.most, ++counts.now);
    return () => counts.now--;
  }

  #send(response: ServerResponse, status: number, body: string, type: string | null = contentType): void {
    response.writeHead(status, {
      'x-amzn-RequestId': randomUUID(),
      ...(type === null ? {} : { 'Content-Type': type }),
      'Content-Length': Buffer.byteLength(body),
      Date: new Date(this.nowMs()).toUTCString(),
    });
    response.end(body);
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: string;
  readonly name: string;
  readonly body: Buffer;
  readonly record: { action: string; outcome: string };
  /** Called when the request has ended, however it did. */
  readonly finished: (() => void)[];
}

interface Befallen extends Pick<Exchange, 'request' | 'response' | 'record'> {
  readonly action: Action;
  readonly resource: string;
  readonly credential: Credential;
}

const contentType = 'application/x-amz-json-1.1';
/** Stands for what AWS's front end answers when no service is meant: 404 and a line of XML. */
const notRouted = 'NotRouted';
/** A full batch of which each byte is escaped (`\u0000`), with room for the rest. */
const maxBodyBytes = 12 << 20;

/** Nothing where the client goes away, or sends too much. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) {
        reset(request.socket);
        return undefined;
      }
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

const identityOf = ({ accessKeyId, sessionToken }: Credential): string =>
  sessionToken === undefined ? `arn:aws:iam::${accountId}:user/${accessKeyId}` : `arn:aws:sts::${accountId}:assumed-role/forwarder/i-0123456789abcdef0`;

const reset = (socket: Socket): void => void socket.resetAndDestroy();

const written = (response: ServerResponse): Promise<unknown> =>
  response.writableFinished || response.destroyed ? Promise.resolve() : new Promise((resolve) => response.once('finish', resolve).once('close', resolve));
