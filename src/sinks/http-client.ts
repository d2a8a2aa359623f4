import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { SecretText } from '../core/secret.js';
import type { TlsConnectionOptions, TlsIdentity } from '../core/tls.js';
import { failureOf, PEER_CLOSED, STOPPED } from './failure.js';
import type { Failure } from './failure.js';
import { proxyFailure } from './http-answer.js';
import type { Answer } from './http-answer.js';
import { HttpConnections, NoConnection } from './http-connections.js';
import { proxyTo } from './http-proxy.js';
import type { ProxySettings } from './http-proxy.js';

export interface HttpClientOptions {
  readonly scheme: 'http' | 'https';
  readonly address: { readonly host: string; readonly port: number };
  readonly path: string;
  /** Without its question mark; empty for none. */
  readonly query: SecretText;
  readonly proxy: ProxySettings;
  /** For https: whom it trusts, and as whom. */
  readonly tls?: TlsIdentity | undefined;
  readonly connectTimeoutMs: number;
  /** From the beginning of a request to the end of its answer. */
  readonly timeoutMs: number;
}

export interface HttpRequest {
  readonly method: 'POST' | 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Requests to one URL, over connections that are kept open. Redirects are not followed, and an answer's body is read
 * to no purpose but the next request, a few KiB of it at most: of a longer one, its connection is closed.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  /** The URL's authority and what stands before its path. */
  readonly #host: string;
  readonly #origin: string;
  #connections: { readonly pool: HttpConnections; readonly tls: TlsConnectionOptions | undefined } | undefined;

  constructor(options: HttpClientOptions) {
    const { scheme, address: { host, port } } = options;
    this.#options = options;
    ({ host: this.#host, origin: this.#origin } = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`));
  }

  /**
   * Sends a request and resolves to the answer, or to why there is none; never rejects. From then on the body is read
   * no more: it may be that of a batch, and is not copied.
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<Answer | Failure> {
    const deadlineMs = performance.now() + this.#options.timeoutMs;
    for (;;) {
      const pool = await this.#pool();
      if (signal.aborted) return STOPPED;
      const result = await this.#attempt(request, pool, deadlineMs, signal);
      if (result !== 'stale') return result;
    }
  }

  /** Resolves to `stale` where the other end had closed a connection that was kept, or did so just then: that says nothing of the request. */
  #attempt({ method, headers, body }: HttpRequest, pool: HttpConnections, deadlineMs: number, signal: AbortSignal): Promise<Answer | Failure | 'stale'> {
    const { path, query, timeoutMs } = this.#options;
    const ownQuery = query.reveal();
    const target = ownQuery === '' ? path : `${path}?${ownQuery}`;
    const request = requestHttp({
      agent: pool,
      method,
      path: pool.isForwarded ? this.#origin + target : target,
      headers: { Host: this.#host, ...pool.headers, ...headers, ...(body === undefined ? {} : { 'Content-Length': body.length }) },
    });
    return new Promise((resolve) => {
      let result: Answer | Failure | 'stale' | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        resolve(result ?? PEER_CLOSED);
      };
      const giveUp = (failure: Failure): void => {
        result ??= failure;
        request.destroy();
        // It closes later than that, where it has no connection yet.
        settle();
      };
      const stop = (): void => giveUp(STOPPED);
      const timer = setTimeout(() => giveUp({ code: 'ETIMEDOUT', reason: `no answer within ${timeoutMs / 1000} s` }), deadlineMs - performance.now());
      signal.addEventListener('abort', stop, { once: true });
      request.on('error', (error: NodeJS.ErrnoException) => (result ??= request.reusedSocket && BROKEN.includes(error.code!) ? 'stale' : this.#failureOf(error)));
      request.once('response', (response) => {
        const { statusCode: status = 0, headers: { location, 'retry-after': retryAfter, 'keep-alive': keepAlive } } = response;
        // The status counts, whatever becomes of the rest.
        result = status === 407 && pool.isForwarded ? proxyFailure(status) : { status, retryAfter, location };
        pool.heed(String(keepAlive));
        // Who refuses a body before it has come wants no more of it. Who takes it is sent all of it.
        if (status >= 300 && !request.writableFinished) request.destroy();
        discard(response, () => (request.writableFinished ? request.destroy() : request.once('finish', () => request.destroy())));
      });
      // When the answer has ended and the body is sent, or the connection is gone. A turn later, a connection that was
      // closed behind the answer without a word of it is known to be.
      request.once('close', () => setImmediate(settle));
      request.end(body);
    });
  }

  /** Closes all connections, those with a request on them included. A later request opens one anew. */
  close(): void {
    this.#connections?.pool.close();
    this.#connections = undefined;
  }

  /** Certificates that have changed are used from the next request on. */
  async #pool(): Promise<HttpConnections> {
    const { scheme, tls: identity, address, proxy, connectTimeoutMs, timeoutMs } = this.#options;
    const tls = await identity?.connectionOptions(address.host);
    const old = this.#connections;
    if (old !== undefined && old.tls?.secureContext === tls?.secureContext) return old.pool;
    const pool = new HttpConnections({ scheme, address, tls, proxy: proxyTo(address, proxy), connectTimeoutMs, tunnelTimeoutMs: timeoutMs });
    this.#connections = { pool, tls };
    old?.pool.retire();
    return pool;
  }

  /** No reason repeats an error's own words where they could hold what was sent. */
  #failureOf(error: NodeJS.ErrnoException): Failure {
    if (error instanceof NoConnection) return error.failure;
    const { code = '', syscall } = error;
    const explanation = this.#options.tls?.explain(error);
    if (explanation !== undefined) return { code: code === '' ? 'TLS' : code, reason: explanation };
    if (code === 'HPE_HEADER_OVERFLOW') return { code, reason: 'the answer has too many headers' };
    if (code.startsWith('HPE_')) return { code: 'NOT_HTTP', reason: 'what answers does not speak HTTP' };
    // Node's "socket hang up" is no reset.
    return code === 'ECONNRESET' && syscall === undefined ? PEER_CLOSED : failureOf(error);
  }
}

/** What a request says of a connection that the other end has closed. */
const BROKEN = ['ECONNRESET', 'EPIPE'];

/** Enough for what servers say about a request. */
const MOST_BODY_BYTES = 16 * 1024;

/** Reads an answer's body, and calls `onTooLong`, once, for one that is long or is going to be. */
function discard(response: IncomingMessage, onTooLong: () => void): void {
  let left = MOST_BODY_BYTES;
  const take = (byteCount: number): void => {
    if (left >= 0 && byteCount > left) onTooLong();
    left -= byteCount;
  };
  response.on('error', () => undefined);
  response.on('data', (chunk: Buffer) => take(chunk.length));
  if (Number(response.headers['content-length']) > MOST_BODY_BYTES) take(Infinity);
}
