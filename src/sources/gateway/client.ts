import { Agent, request as requestHttp } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as requestHttps } from 'node:https';
import type { TlsIdentity } from '../../core/tls.js';

/** Where a systemd-journal-gatewayd listens. `basePath` stands before `/entries`, for one behind a proxy: empty, or `/…`. */
export type GatewayAddress = { readonly host: string; readonly port: number; readonly basePath: string } | { readonly socketPath: string };

/** Why there is no answer, or no use in it: one clause. `disconnected`: no connection, or it broke; `refused`: an answer, but none with entries. */
export class GatewayFault extends Error {
  override readonly name = 'GatewayFault';

  constructor(
    readonly why: 'disconnected' | 'refused',
    message: string,
    /** The HTTP status, where there was one. */
    readonly status?: number,
  ) {
    super(message);
  }
}

export interface GatewayClientOptions {
  readonly address: GatewayAddress;
  /** Present for TLS. */
  readonly tls?: TlsIdentity | undefined;
  /** How long connecting and the beginning of an answer may take. */
  readonly answerMs: number;
}

/** An answer that has begun. Its connection closes when it is at its end, or when `close` is called. */
export interface GatewayAnswer {
  /**
   * The bytes, as they are pulled: nothing is read ahead but what one socket buffer holds, so that whoever does not
   * pull closes the window. Throws a GatewayFault where they end before the answer does.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** By the server's clock, when it answered: microseconds since the epoch, to the second. */
  readonly dateUs: number | undefined;
  /** Aborts with `close`. */
  readonly closed: AbortSignal;
  /** Ends the connection: `bytes` then ends or throws. */
  close(): void;
}

const ENTRIES = 'application/vnd.fdo.journal';
/** Of an answer that tells what is wrong. */
const MAX_TEXT_BYTES = 4096;
/** What `/machine` says is half a kilobyte. */
const MAX_JSON_BYTES = 64 * 1024;

/** Requests to one systemd-journal-gatewayd, each on a connection of its own: the answers stream without an end. */
export class GatewayClient {
  readonly #options: GatewayClientOptions;

  constructor(options: GatewayClientOptions) {
    this.#options = options;
  }

  /** Begins to read entries. `range` is the value of the header (systemd-journal-gatewayd.service(8)). Rejects with a GatewayFault, also when `signal` aborts. */
  async entries(query: string, range: string | undefined, signal: AbortSignal): Promise<GatewayAnswer> {
    const { request, response } = await this.#get(`/entries${query}`, { accept: ENTRIES, ...(range === undefined ? {} : { range: `entries=${range}` }) }, signal);
    const closing = new AbortController();
    const close = (): void => {
      closing.abort();
      request.destroy();
    };
    const { statusCode, headers } = response;
    if (statusCode !== 200) {
      const said = await firstLineOf(response);
      close();
      throw new GatewayFault('refused', `it answers ${statusCode}${said === '' ? '' : ` (${said})`}`, statusCode);
    }
    if (!headers['content-type']?.startsWith(ENTRIES)) {
      close();
      throw new GatewayFault('refused', 'its answer is not in the export format; is it a systemd-journal-gatewayd?');
    }
    const date = Date.parse(headers.date ?? '');
    return { bytes: bytesOf(response, signal), dateUs: Number.isNaN(date) ? undefined : date * 1000, closed: closing.signal, close };
  }

  /** What the gateway says of its machine: `boot_id`, `usage` and more. Rejects as `entries` does. */
  async machine(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const { request, response } = await this.#get('/machine', {}, signal);
    const timer = setTimeout(() => request.destroy(noAnswer(this.#options.answerMs)), this.#options.answerMs);
    try {
      if (response.statusCode !== 200) throw new GatewayFault('refused', `it answers ${response.statusCode} to /machine`, response.statusCode);
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of bytesOf(response, signal)) {
        length += chunk.length;
        if (length > MAX_JSON_BYTES) throw new GatewayFault('refused', 'its answer to /machine is too long; is it a systemd-journal-gatewayd?');
        chunks.push(chunk);
      }
      return parseObject(Buffer.concat(chunks).toString('utf8'));
    } finally {
      clearTimeout(timer);
      request.destroy();
    }
  }

  async #get(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<{ readonly request: ClientRequest; readonly response: IncomingMessage }> {
    const { address, tls, answerMs } = this.#options;
    if (signal.aborted) throw new GatewayFault('disconnected', 'stopped');
    const place: RequestOptions = 'socketPath' in address ? { socketPath: address.socketPath, path } : { host: address.host, port: address.port, path: address.basePath + path };
    const common: RequestOptions = { ...place, headers: { ...headers, connection: 'close' }, signal };
    // An agent of its own keeps no connection, and no session that belongs to other certificates.
    const request =
      tls === undefined || 'socketPath' in address
        ? requestHttp({ ...common, agent: new Agent({ keepAlive: false }) })
        : requestHttps({ ...common, ...(await tls.connectionOptions(address.host)), agent: new TlsAgent({ keepAlive: false, maxCachedSessions: 0 }) });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => request.destroy(noAnswer(answerMs)), answerMs);
      request.on('socket', (socket) => socket.setKeepAlive(true, 30_000));
      // Stays: a connection may yet fail when its answer is at its end.
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(faultOf(error, tls));
      });
      request.once('response', (response) => {
        clearTimeout(timer);
        response.on('error', () => undefined);
        resolve({ request, response });
      });
      request.end();
    });
  }
}

async function* bytesOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    if (signal.aborted) return;
    throw faultOf(error, undefined);
  }
  const { 'transfer-encoding': encoding, 'content-length': length } = response.headers;
  // An answer that is delimited by the connection's end alone may have been cut anywhere.
  if (!response.complete || (encoding === undefined && length === undefined)) throw new GatewayFault('disconnected', 'the connection closed before the answer was complete');
}

async function firstLineOf(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response) {
      text += (chunk as Buffer).toString('latin1');
      if (text.length > MAX_TEXT_BYTES) break;
    }
  } catch {
    // What was read will do.
  }
  const line = text.trimStart().split('\n', 1)[0]!.replace(/[^\x20-\x7e]/g, '').trim();
  return line.startsWith('<') ? '' : line.slice(0, 200);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new GatewayFault('refused', 'its answer to /machine is not a JSON object; is it a systemd-journal-gatewayd?');
}

function noAnswer(ms: number): GatewayFault {
  return new GatewayFault('disconnected', `no answer within ${ms / 1000} s`);
}

function faultOf(error: unknown, tls: TlsIdentity | undefined): GatewayFault {
  if (error instanceof GatewayFault) return error;
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error; // One error for each address that was tried.
  const { code = '', message } = first as NodeJS.ErrnoException;
  if (code.startsWith('HPE_')) return new GatewayFault('refused', 'its answer is not HTTP');
  return new GatewayFault('disconnected', tls?.explain(error) ?? REASONS[code] ?? message);
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke',
  EHOSTUNREACH: 'no route to the host',
  EMFILE: 'too many open files',
  ENETUNREACH: 'no route to the network',
  ENOENT: 'no such socket',
  ENOTFOUND: 'unknown host name',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'no answer',
};
