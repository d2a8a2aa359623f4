import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { ReceiveHandlers, Receiver } from './receiver.js';
import { urlOf } from './url.js';

/** A receiver for UDP, where each datagram is a message (RFC 5426). Handlers cannot slow its senders down. */
export async function receiveDatagrams({ host, port }: { readonly host: string; readonly port: number }, handlers: ReceiveHandlers): Promise<Receiver> {
  const { address, family } = await lookup(host);
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on('message', (message) => {
    Promise.resolve(handlers.onMessages([message])).catch((error: unknown) => handlers.onProblem(String(error)));
  });
  socket.bind({ port, address });
  try {
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on('error', (error) => handlers.onProblem(`the socket failed: ${(error as NodeJS.ErrnoException).code ?? error.message}`));
  const bound = socket.address();
  return {
    url: urlOf('udp', bound.address, bound.port),
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

/** Asked of the kernel, which caps it (net.core.rmem_max): a burst is lost where it does not fit. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
