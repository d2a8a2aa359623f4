import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** A request as it came. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** As it stood on the wire. */
  readonly body: Buffer;
  /** The messages of the body, uncompressed. */
  readonly messages: readonly string[];
  /** Counts the connections from 1. */
  readonly connection: number;
}

/** How a request is answered: with a status, with more than that, or by a function that may do to the connection what it likes. */
export type HttpReply = number | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string } | ((response: ServerResponse, socket: Socket) => void);

export interface HttpReceiverOptions {
  readonly answer?: (request: HttpRequest) => HttpReply | Promise<HttpReply>;
  /** Does to a request what it likes before its body is read; true where that is all that is done. */
  readonly onHeaders?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** An HTTP server for what no real one can be made to do. Strict: it throws, which fails the test, at a request that is not well formed. */
export class HttpReceiver {
  readonly requests: HttpRequest[] = [];
  /** The messages of all requests that were answered with 2xx. */
  readonly taken: string[] = [];
  readonly #server: Server;
  readonly #options: HttpReceiverOptions;
  readonly #events = new EventEmitter();
  readonly #connections = new WeakMap<Socket, number>();
  readonly #sockets = new Set<Socket>();
  #connectionCount = 0;

  constructor(options: HttpReceiverOptions = {}) {
    this.#options = options;
    this.#events.setMaxListeners(0);
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('connection', (socket) => {
      this.#connections.set(socket, ++this.#connectionCount);
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => {
        this.#sockets.delete(socket);
        this.#events.emit('change');
      });
      this.#events.emit('change');
    });
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  static async start(options: HttpReceiverOptions = {}, port = 0): Promise<HttpReceiver> {
    const receiver = new HttpReceiver(options);
    receiver.#server.listen(port, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#connectionCount;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Resolves when it holds. Asked whenever something has happened. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#events, 'change');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#options.onHeaders?.(request, response) === true) {
      this.#events.emit('change');
      return;
    }
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return; // The sender went away.
    }
    const received = this.#read(request, Buffer.concat(chunks));
    this.requests.push(received);
    this.#events.emit('change');
    const reply = (await this.#options.answer?.(received)) ?? 204;
    if (typeof reply === 'function') {
      reply(response, request.socket);
    } else {
      const { status, headers = {}, body = '' } = typeof reply === 'number' ? { status: reply } : reply;
      if (status >= 200 && status < 300) this.taken.push(...received.messages);
      response.writeHead(status, headers).end(body);
    }
    this.#events.emit('change');
  }

  #read(request: IncomingMessage, body: Buffer): HttpRequest {
    const { method = '', url = '', headers } = request;
    const messages = method === 'POST' ? messagesOf(headers, body) : [];
    return { method, url, headers, body, messages, connection: this.#connections.get(request.socket)! };
  }
}

function messagesOf(headers: IncomingHttpHeaders, body: Buffer): string[] {
  if (Number(headers['content-length']) !== body.length || headers['transfer-encoding'] !== undefined) throw new Error('The length of the body is not what was announced');
  if (!/^[0-9a-f]{32}$/.test(String(headers['idempotency-key']))) throw new Error('The request has no Idempotency-Key');
  const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
  if (headers['content-type'] === 'application/json') return (JSON.parse(text) as unknown[]).map((value) => JSON.stringify(value));
  if (!text.endsWith('\n')) throw new Error('The last line does not end with LF');
  return text.slice(0, -1).split('\n');
}
