import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperatorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';

/** What a monitor asks for. Asked anew for each request. */
export interface Monitored {
  readonly contentType: string;
  metrics(): Promise<string>;
  /** What makes no progress, a line each; empty while all does. */
  stuck(): readonly string[];
  /** What is not ready, a line each; empty while everything is. */
  notReady(): readonly string[];
}

export interface MonitorServer {
  /** Without a path; with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/** Nobody needs more; whoever opens them must not take file descriptors from those who deliver. */
const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Answers GET and HEAD for `/metrics`, `/healthz` and `/readyz`. Never keeps the process alive. Throws an
 * OperatorError where it cannot listen; port 0 takes a free one.
 */
export async function startMonitorServer(address: { readonly host: string; readonly port: number }, monitored: Monitored, logger: Logger): Promise<MonitorServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(request, response, monitored).catch((error: unknown) => {
      logger.error(`Cannot answer ${request.method} ${pathOf(request)}: ${(error as Error).message}`);
      if (!response.headersSent) send(request, response, 500, 'This failed; the log says why.\n');
      else response.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, address);
  server.unref();
  const { address: host, port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => { resolve(); });
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, monitored: Monitored): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(request, response, 405, 'Use GET or HEAD.\n');
    return;
  }
  switch (pathOf(request)) {
    case '/metrics':
      send(request, response, 200, await monitored.metrics(), monitored.contentType);
      return;
    case '/healthz':
      sendState(request, response, monitored.stuck());
      return;
    case '/readyz':
      sendState(request, response, monitored.notReady());
      return;
    default:
      send(request, response, 404, 'There are /metrics, /healthz and /readyz.\n');
  }
}

function sendState(request: IncomingMessage, response: ServerResponse, faults: readonly string[]): void {
  send(request, response, faults.length === 0 ? 200 : 503, faults.length === 0 ? 'ok\n' : faults.map((fault) => `${fault}\n`).join(''));
}

function send(request: IncomingMessage, response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text), 'Cache-Control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/[?#].*/s, '');
}

async function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        // A connection that cannot be taken, for want of descriptors, must not end the process.
        server.on('error', () => undefined);
        resolve();
      });
    });
  } catch (error) {
    throw cannotListen(`${host.includes(':') ? `[${host}]` : host}:${port}`, error as NodeJS.ErrnoException);
  }
}

function cannotListen(address: string, cause: NodeJS.ErrnoException): OperatorError {
  const [what, mend] = reasons[cause.code ?? ''] ?? [cause.code ?? cause.message, 'Choose another address'];
  return new OperatorError('ERR_METRICS', `Cannot listen on --metrics ${address}: ${what}. ${mend}.`, { cause });
}

const reasons: Readonly<Record<string, readonly [string, string]>> = {
  EADDRINUSE: ['another program listens there', 'Stop it, or choose another port'],
  EACCES: ['this user may not take that port', 'Choose one from 1024 on'],
  EADDRNOTAVAIL: ['this machine has no such address', 'Name one of its own, 127.0.0.1 or 0.0.0.0'],
  ENOTFOUND: ['the host is not known', 'Name an address of this machine, 127.0.0.1 or 0.0.0.0'],
};
