import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { Deframer, FramingError } from './deframe.js';
import type { StreamFraming } from './deframe.js';
import type { ReceiveHandlers, Receiver } from './receiver.js';
import { urlOf } from './url.js';

type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** A receiver for TCP, with TLS or without, or for a Unix stream socket; any number of senders at a time. */
export async function receiveStreams(address: Address, framing: StreamFraming, maxMessageBytes: number, handlers: ReceiveHandlers, tls?: TlsOptions): Promise<Receiver> {
  const readers = new Map<Socket, Promise<void>>();
  const take = (socket: Socket): void => {
    const reader = read(socket, new Deframer(framing, maxMessageBytes), handlers).finally(() => readers.delete(socket));
    readers.set(socket, reader);
  };
  const takeKnown = (socket: TLSSocket): void => {
    if (tls?.requestCert !== true || socket.authorized) return take(socket);
    // Node calls this an Error; it is a code, such as UNABLE_TO_GET_ISSUER_CERT_LOCALLY.
    handlers.onProblem(`a sender's certificate was refused: ${String(socket.authorizationError)}`);
    socket.destroy();
  };
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, takeKnown);
  server.on('tlsClientError', ({ message }: Error) => handlers.onProblem(`a TLS handshake failed: ${message.trim()}`));
  await listen(server, address);
  return {
    url: 'path' in address ? `unix://${address.path}` : urlOfServer(tls === undefined ? 'tcp' : 'tls', server),
    async close(signal) {
      server.close();
      const hangUp = () => {
        for (const socket of readers.keys()) socket.destroy();
      };
      if (signal.aborted) hangUp();
      signal.addEventListener('abort', hangUp, { once: true });
      await Promise.all(readers.values());
      signal.removeEventListener('abort', hangUp);
    },
  };
}

async function read(socket: Socket, deframer: Deframer, handlers: ReceiveHandlers): Promise<void> {
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const messages = deframer.push(chunk);
      if (messages.length > 0) await handlers.onMessages(messages);
    }
    const last = deframer.end();
    if (last !== undefined) await handlers.onMessages([last]);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A connection that we hung up on is no problem of its sender's.
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE') handlers.onProblem(error instanceof FramingError ? error.message : `the connection broke: ${code ?? String(error)}`);
    socket.destroy();
  }
}

function urlOfServer(scheme: string, server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  return urlOf(scheme, address, port);
}

async function listen(server: Server, address: Address): Promise<void> {
  const place = 'path' in address ? { path: address.path } : { host: address.host, port: address.port };
  try {
    server.listen(place);
    await once(server, 'listening');
  } catch (error) {
    if (!('path' in address) || !(await isStale(address.path))) throw error;
    // What a receiver that was killed leaves behind: a socket on which nobody listens.
    await unlink(address.path);
    server.listen(place);
    await once(server, 'listening');
  }
}

async function isStale(path: string): Promise<boolean> {
  // Connecting to a plain file is refused as well, and that one is not ours to remove.
  if (!(await lstat(path)).isSocket()) return false;
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}
