import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { NodeHttpHandler, type NodeHttpHandlerOptions } from '@smithy/node-http-handler';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';

type Handle = NodeHttpHandler['handle'];

/**
 * What carries the client's requests: connections that are kept open, and through a proxy where HTTPS_PROXY, HTTP_PROXY
 * and NO_PROXY say so, which the AWS SDK does not look at by itself. The credential providers' requests to AWS take
 * the same way; those to a machine's or a task's own metadata service never do.
 */
export class HttpHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #timeouts: NodeHttpHandlerOptions;
  /** By the proxy's URL; empty for none. */
  readonly #handlers = new Map<string, NodeHttpHandler>();

  constructor({ connectTimeoutMs, answerTimeoutMs }: { readonly connectTimeoutMs: number; readonly answerTimeoutMs: number }) {
    this.#timeouts = { connectionTimeout: connectTimeoutMs, requestTimeout: answerTimeoutMs, throwOnRequestTimeout: true };
  }

  handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const port = request.port === undefined ? '' : `:${request.port}`;
    return this.#through(getProxyForUrl(`${request.protocol}//${request.hostname}${port}`)).handle(request, options);
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

  #through(proxy: string): NodeHttpHandler {
    const known = this.#handlers.get(proxy);
    if (known !== undefined) return known;
    const handler = new NodeHttpHandler({ ...this.#timeouts, ...agentsFor(proxy) });
    this.#handlers.set(proxy, handler);
    return handler;
  }
}

function agentsFor(proxy: string): NodeHttpHandlerOptions {
  const options = { keepAlive: true };
  if (proxy === '') return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) };
  return { httpAgent: new HttpProxyAgent(proxy, options), httpsAgent: new HttpsProxyAgent(proxy, options) };
}
