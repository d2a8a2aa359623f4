import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { NodeHttpHandler, type NodeHttpHandlerOptions } from '@smithy/node-http-handler';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { proxyTo, readProxy } from '../http-proxy.js';
import type { Proxy } from '../http-proxy.js';

type Handle = NodeHttpHandler['handle'];

export interface HttpHandlerOptions {
  readonly connectTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * What carries the client's requests: connections that are kept open, and through a proxy where HTTPS_PROXY, HTTP_PROXY
 * and NO_PROXY say so, which the AWS SDK does not look at by itself. The credential providers' requests to AWS take
 * the same way; those to a machine's or a task's own metadata service never do.
 */
export class HttpHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #timeouts: NodeHttpHandlerOptions;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  /** By the scheme whose proxy they go through, or for those that go straight. */
  readonly #handlers = new Map<'http' | 'https' | 'straight', NodeHttpHandler>();

  constructor({ connectTimeoutMs, answerTimeoutMs, environment }: HttpHandlerOptions) {
    this.#timeouts = { connectionTimeout: connectTimeoutMs, requestTimeout: answerTimeoutMs, throwOnRequestTimeout: true };
    this.#environment = environment;
  }

  /** Rejects with a SettingError where the variable for the request's scheme holds no proxy's URL. */
  async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const scheme = request.protocol === 'http:' ? 'http' : 'https';
    const place = { host: request.hostname, port: request.port ?? (scheme === 'http' ? 80 : 443) };
    const proxy = proxyTo(place, readProxy(scheme, this.#environment));
    return this.#through(proxy === undefined ? 'straight' : scheme, proxy).handle(request, options);
  }

  /** Of the SDK's interface: nothing is changed here once it is made. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): NodeHttpHandlerOptions {
    return this.#timeouts;
  }

  /** Closes all connections. A later request opens them anew. */
  destroy(): void {
    for (const handler of this.#handlers.values()) handler.destroy();
    this.#handlers.clear();
  }

  #through(way: 'http' | 'https' | 'straight', proxy: Proxy | undefined): NodeHttpHandler {
    const known = this.#handlers.get(way);
    if (known !== undefined) return known;
    const handler = new NodeHttpHandler({ ...this.#timeouts, ...agentsFor(proxy) });
    this.#handlers.set(way, handler);
    return handler;
  }
}

function agentsFor(proxy: Proxy | undefined): NodeHttpHandlerOptions {
  const options = { keepAlive: true };
  if (proxy === undefined) return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) };
  const { scheme, address: { host, port }, authorization } = proxy;
  const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const proxied = { ...options, headers: authorization === undefined ? {} : { 'Proxy-Authorization': authorization } };
  return { httpAgent: new HttpProxyAgent(url, proxied), httpsAgent: new HttpsProxyAgent(url, proxied) };
}
