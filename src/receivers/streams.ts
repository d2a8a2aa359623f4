import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Deframer, FramingError } from './deframe.js';
import type { StreamFraming } from './deframe.js';
import type { ReceiveHandlers, Receiver } from './receiver.js';
import { urlOf } from './url.js';

type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** A receiver for TCP or for a Unix stream socket; any number of senders at a time. */
export async function receiveStreams(address: Address, framing: StreamFraming, maxMessageBytes: number, handlers: ReceiveHandlers): Promise<Receiver> {
  const readers = new Map<Socket, Promise<void>>();
  const server = createServer((socket) => {
    const reader = read(socket, new Deframer(framing, maxMessageBytes), handlers).finally(() => readers.delete(socket));
    readers.set(socket, reader);
  });
  await listen(server, address);
  return {
    url: 'path' in address ? `unix://${address.path}` : urlOfServer(server),
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

function urlOfServer(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  return urlOf('tcp', address, port);
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
