import { Socket } from 'node:net';
import { buildConnector, EnvHttpProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import type { SecretText } from '../core/secret.js';
import type { TlsConnectionOptions, TlsIdentity } from '../core/tls.js';
import { failureOf, STOPPED } from './failure.js';
import type { Failure } from './failure.js';
import { proxyFailure } from './http-answer.js';
import type { Answer } from './http-answer.js';
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
  readonly connections: number;
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
  readonly #sockets = new Set<Socket>();
  #agent: { readonly dispatcher: Dispatcher; readonly tls: TlsConnectionOptions | undefined } | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Sends a request and resolves to the answer, or to why there is none; never rejects. */
  async send(request: HttpRequest, signal: AbortSignal): Promise<Answer | Failure> {
    if (signal.aborted) return STOPPED;
    const ending = new AbortController();
    let end: 'stopped' | 'too late' | undefined;
    const endAs = (why: 'stopped' | 'too late'): void => {
      end ??= why;
      ending.abort();
    };
    const stop = (): void => endAs('stopped');
    const timer = setTimeout(() => endAs('too late'), this.#options.timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.#send(request, ending.signal);
    } catch (error) {
      if (end === 'stopped') return STOPPED;
      if (end === 'too late') return { code: 'ETIMEDOUT', reason: `no answer within ${this.#options.timeoutMs / 1000} s` };
      const explanation = this.#options.tls?.explain(error);
      return explanation === undefined ? failureOfRequest(error, this.#options.connectTimeoutMs) : { code: (error as NodeJS.ErrnoException).code ?? 'TLS', reason: explanation };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Closes all connections, those with a request on them included. A later request opens one anew. */
  async close(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    const closed = agent?.dispatcher.destroy();
    // One that is being connected would else keep the process alive until it is, or is given up.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #send({ method, headers, body }: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const { path, query } = this.#options;
    const ownQuery = query.reveal();
    const dispatcher = await this.#dispatcher();
    const response = await dispatcher.request({
      origin: originOf(this.#options),
      path: ownQuery === '' ? path : `${path}?${ownQuery}`,
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      signal,
      // The one timer above counts for all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // What the status says counts, whatever becomes of the body.
    await response.body.dump({ limit: MOST_BODY_BYTES, signal }).catch(() => undefined);
    return { status: response.statusCode, retryAfter: first(response.headers['retry-after']), location: first(response.headers['location']) };
  }

  /** Certificates that have changed are used from the next request on. */
  async #dispatcher(): Promise<Dispatcher> {
    const { tls: identity, address } = this.#options;
    const tls = await identity?.connectionOptions(address.host);
    const old = this.#agent;
    if (old !== undefined && old.tls?.secureContext === tls?.secureContext) return old.dispatcher;
    this.#agent = { dispatcher: this.#open(tls), tls };
    // What is under way on the old connections comes to its end.
    void old?.dispatcher.close().catch(() => undefined);
    return this.#agent.dispatcher;
  }

  #open(tls: TlsConnectionOptions | undefined): Dispatcher {
    const { proxy, connections, connectTimeoutMs } = this.#options;
    const connectOptions = {
      timeout: connectTimeoutMs,
      keepAliveInitialDelay: 30_000,
      // Node's own 250 ms gives up on a first address that is merely far away.
      autoSelectFamilyAttemptTimeout: Math.max(Math.floor(connectTimeoutMs / 4), 10),
    } as buildConnector.BuildOptions;
    return new EnvHttpProxyAgent({
      httpProxy: proxy.proxy,
      httpsProxy: proxy.proxy,
      noProxy: proxy.noProxy,
      // As browsers and curl do it: many proxies tunnel to port 443 alone.
      proxyTunnel: false,
      connections,
      connect: this.#tracked(buildConnector({ ...connectOptions, ...tls })),
      proxyTls: connectOptions,
      requestTls: { ...connectOptions, ...tls },
    });
  }

  #tracked(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      const socket: unknown = connect(options, callback);
      if (!(socket instanceof Socket)) return;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    };
  }
}

/** Enough for what servers say about a request. */
const MOST_BODY_BYTES = 16 * 1024;

function originOf({ scheme, address: { host, port } }: HttpClientOptions): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** No reason repeats an error's own words where they could hold what was sent. */
function failureOfRequest(error: unknown, connectTimeoutMs: number): Failure {
  const { name, code = '', message = '' } = error as NodeJS.ErrnoException;
  const proxyStatus = /^Proxy (?:response|Authentication Required) \((\d+)\)/.exec(message)?.[1];
  if (proxyStatus !== undefined) return proxyFailure(Number(proxyStatus));
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { code: 'ETIMEDOUT', reason: `no answer within ${connectTimeoutMs / 1000} s` };
  if (name === 'HTTPParserError') return { code: 'NOT_HTTP', reason: 'what answers does not speak HTTP' };
  const reason = REASONS[code];
  if (reason !== undefined) return { code, reason };
  return code.startsWith('UND_ERR_') ? { code, reason: `the request failed (${code})` } : failureOf(error);
}

const REASONS: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'the receiver closed the connection',
  UND_ERR_HEADERS_OVERFLOW: 'the answer has too many headers',
};
