import { Agent, request as requestHttp } from 'node:http';
import type { ClientRequest, ClientRequestArgs } from 'node:http';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import type { TlsConnectionOptions } from '../core/tls.js';
import { PEER_CLOSED, STOPPED } from './failure.js';
import type { Failure } from './failure.js';
import { proxyFailure } from './http-answer.js';
import type { Proxy } from './http-proxy.js';
import { openStream } from './open-stream.js';

export interface HttpConnectionsOptions {
  readonly scheme: 'http' | 'https';
  readonly address: { readonly host: string; readonly port: number };
  /** For https; undefined for what Node.js has by default. */
  readonly tls: TlsConnectionOptions | undefined;
  readonly proxy: Proxy | undefined;
  /** For each of the steps of connecting but the proxy's own, which has `tunnelTimeoutMs`. */
  readonly connectTimeoutMs: number;
  readonly tunnelTimeoutMs: number;
}

/** Why there is no connection: what a request fails with that wanted one. */
export class NoConnection extends Error {
  constructor(readonly failure: Failure) {
    super(failure.reason);
  }
}

/**
 * The connections to one place, straight or through a proxy, for requests of node:http; with one set of certificates.
 * They are kept open for the next request, for as long as the server says that it keeps them, or a few seconds.
 */
export class HttpConnections extends Agent {
  readonly #options: HttpConnectionsOptions;
  readonly #closing = new AbortController();
  #isRetired = false;
  #idleMs = IDLE_MS;
  /** Of the last connection, which spares the next one most of the handshake. */
  #session: Buffer | undefined;

  constructor(options: HttpConnectionsOptions) {
    super({ keepAlive: true });
    this.#options = options;
  }

  /** Whether requests go to the proxy as they are, and name the whole URL. */
  get isForwarded(): boolean {
    const { proxy, scheme } = this.#options;
    // Many proxies tunnel to port 443 alone, so that http is asked for as browsers and curl do it.
    return proxy?.scheme === 'http' && scheme === 'http';
  }

  /** What such requests bring with them for the proxy. */
  get headers(): Readonly<Record<string, string>> {
    const authorization = this.isForwarded ? this.#options.proxy?.authorization : undefined;
    return authorization === undefined ? {} : { 'Proxy-Authorization': authorization };
  }

  /** Takes a server's Keep-Alive header into account: less than it keeps a connection, lest a request meet its end. */
  heed(keepAlive: string): void {
    const seconds = /timeout=(\d{1,6})/.exec(keepAlive)?.[1];
    this.#idleMs = seconds === undefined ? IDLE_MS : Math.min(Number(seconds) * 1000 - KEPT_LESS_MS, LONGEST_IDLE_MS);
  }

  /** Takes no further request: what is under way on these connections comes to its end. */
  retire(): void {
    this.#isRetired = true;
    for (const socket of Object.values(this.freeSockets).flat()) socket?.destroy();
  }

  /** Closes all of them, those with a request on them and those that are being opened included. */
  close(): void {
    this.#closing.abort();
    this.destroy();
  }

  /** Of Agent: a connection for a request that finds none to use again. */
  override createConnection(_options: ClientRequestArgs, done?: (error: Error | null, socket: Duplex) => void): undefined {
    this.#connect().then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, undefined as unknown as Duplex),
    );
  }

  /** Of Agent: what becomes of a connection whose request has ended; true to keep it. */
  override keepSocketAlive(socket: Duplex): boolean {
    if (this.#isRetired || this.#idleMs <= 0) return false;
    (socket as Socket).setTimeout(this.#idleMs).unref();
    return true;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    (socket as Socket).setTimeout(0);
    super.reuseSocket(socket, request);
  }

  async #connect(): Promise<Socket> {
    const { scheme, address, tls, proxy, connectTimeoutMs } = this.#options;
    const opened = await openStream(proxy?.address ?? address, connectTimeoutMs, this.#closing.signal);
    if ('reason' in opened) throw new NoConnection(opened);
    // A server that closes an idle connection is to be seen to have closed it.
    opened.allowHalfOpen = false;
    const near = proxy?.scheme === 'https' ? await this.#secure(opened, usualTls(proxy.address)) : opened;
    const far = proxy === undefined || this.isForwarded ? near : await this.#tunnel(near, proxy);
    return scheme === 'http' ? far : this.#resume(far, tls ?? usualTls(address));
  }

  async #resume(wire: Socket, tls: ConnectionOptions): Promise<Socket> {
    const session = this.#session;
    // Where it is of no use to the server, the next connection is to go without.
    this.#session = undefined;
    const socket = await this.#secure(wire, { ...tls, ...(session === undefined ? {} : { session }) }, (latest) => (this.#session = latest));
    this.#session ??= session;
    return socket;
  }

  /** Shakes hands over a connection. Rejects with the error of node:tls. */
  #secure(wire: Socket, options: ConnectionOptions, onSession?: (session: Buffer) => void): Promise<Socket> {
    const socket = connectTls({ ...options, ALPNProtocols: ['http/1.1'], socket: wire });
    if (onSession !== undefined) socket.on('session', onSession);
    return this.#step(socket, this.#options.connectTimeoutMs, (resolve, reject) => {
      // Stays: a connection may yet fail while no request is on it.
      socket.on('error', reject);
      socket.once('close', () => reject(new NoConnection(PEER_CLOSED)));
      socket.once('secureConnect', resolve);
    });
  }

  /** Asks the proxy for a way to the place behind it (RFC 9110 section 9.3.6). */
  #tunnel(wire: Socket, { authorization }: Proxy): Promise<Socket> {
    const { address: { host, port }, tunnelTimeoutMs } = this.#options;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    return this.#step(wire, tunnelTimeoutMs, (resolve, reject) => {
      const credentials = authorization === undefined ? {} : { 'Proxy-Authorization': authorization };
      const request = requestHttp({ method: 'CONNECT', path: authority, headers: { 'Host': authority, 'Proxy-Connection': 'keep-alive', ...credentials }, createConnection: () => wire });
      request.on('error', reject);
      request.once('connect', ({ statusCode = 0 }, _socket, head) => {
        if (statusCode < 200 || statusCode > 299) return reject(new NoConnection(proxyFailure(statusCode)));
        if (head.length > 0) wire.unshift(head);
        resolve();
      });
      request.end();
    });
  }

  /** A step of connecting, which has its time: resolves to the connection, which is destroyed where the step fails. */
  async #step(socket: Socket, timeoutMs: number, take: (resolve: () => void, reject: (error: unknown) => void) => void): Promise<Socket> {
    const { signal } = this.#closing;
    const late = { code: 'ETIMEDOUT', reason: `no answer within ${timeoutMs / 1000} s` };
    let giveUp: (failure: Failure) => void = () => undefined;
    const timer = setTimeout(() => giveUp(late), timeoutMs);
    const stop = (): void => giveUp(STOPPED);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        giveUp = (failure) => reject(new NoConnection(failure));
        if (signal.aborted) stop();
        else take(resolve, reject);
      });
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}

/** How long a connection waits for the next request: servers give it five seconds and more. */
const IDLE_MS = 4000;
const KEPT_LESS_MS = 2000;
const LONGEST_IDLE_MS = 600_000;

/** The authorities that Node.js knows, and the host's own name. */
function usualTls({ host }: { readonly host: string }): ConnectionOptions {
  return isIP(host) > 0 ? { host } : { servername: host };
}
