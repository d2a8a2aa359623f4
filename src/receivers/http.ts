import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGunzip } from 'node:zlib';
import { Deframer, FramingError } from './deframe.js';
import type { ReceiveHandlers, Receiver } from './receiver.js';
import { urlOf } from './url.js';

/**
 * A receiver for HTTP POST and PUT. The lines of an `application/x-ndjson` body are a message each, any other body
 * is one message; gzip is undone. A body's messages are handed over, and answered with 204, once all of it is here.
 */
export async function receiveHttp({ host, port }: { readonly host: string; readonly port: number }, maxMessageBytes: number, handlers: ReceiveHandlers): Promise<Receiver> {
  let hungUp = false;
  const server = createServer((request, response) => {
    const answer = (status: number) => response.writeHead(status).end();
    if (request.method !== 'POST' && request.method !== 'PUT') {
      response.setHeader('Allow', 'POST, PUT');
      answer(405);
      return;
    }
    messagesOf(request, maxMessageBytes)
      .then((messages) => handlers.onMessages(messages))
      .then(() => answer(204))
      .catch((error: unknown) => {
        if (!hungUp) handlers.onProblem(`a request was not understood: ${error instanceof Error ? error.message : String(error)}`);
        response.setHeader('Connection', 'close');
        answer(error instanceof FramingError ? 413 : 400);
      });
  });
  server.listen({ host, port });
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  return {
    url: urlOf('http', bound.address, bound.port),
    async close(signal) {
      const closed = once(server, 'close');
      const hangUp = () => {
        hungUp = true;
        server.closeAllConnections();
      };
      server.close();
      server.closeIdleConnections();
      if (signal.aborted) hangUp();
      signal.addEventListener('abort', hangUp, { once: true });
      await closed;
      signal.removeEventListener('abort', hangUp);
    },
  };
}

async function messagesOf(request: IncomingMessage, maxBodyBytes: number): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of unzipped(request)) {
    bytes += chunk.length;
    // Read to its end in any case: a sender that is hung up on would not see the answer.
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (bytes > maxBodyBytes) throw new FramingError(`a body is longer than ${maxBodyBytes} bytes`);
  const body = Buffer.concat(chunks);
  if (!/^application\/(x-)?ndjson\b/i.test(request.headers['content-type'] ?? '')) return [body];
  const lines = new Deframer('lf', maxBodyBytes);
  const messages = lines.push(body);
  const last = lines.end();
  return last === undefined ? messages : [...messages, last];
}

function unzipped(request: IncomingMessage): AsyncIterable<Buffer> {
  if (request.headers['content-encoding'] !== 'gzip') return request;
  const gunzip = createGunzip();
  request.on('error', (error) => gunzip.destroy(error));
  return request.pipe(gunzip);
}
