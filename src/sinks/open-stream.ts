import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { failureOf, STOPPED } from './failure.js';
import type { Failure } from './failure.js';

export type StreamAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Connects to a TCP port or a Unix stream socket. The name is looked up anew each time, and where it has several
 * addresses they are tried in turn. Resolves to a connected socket or to why there is none; never rejects. The
 * socket's errors are already listened to, and its side stays open when the peer closes its own.
 */
export function openStream(address: StreamAddress, timeoutMs: number, signal: AbortSignal): Promise<Socket | Failure> {
  if (signal.aborted) return Promise.resolve(STOPPED);
  return new Promise((resolve) => {
    const socket = connect({
      ...address,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      // Node's own 250 ms gives up on a first address that is merely far away.
      autoSelectFamilyAttemptTimeout: Math.max(Math.floor(timeoutMs / 4), 10),
    });
    const timer = setTimeout(() => giveUp({ code: 'ETIMEDOUT', reason: `no answer within ${timeoutMs / 1000} s` }), timeoutMs);
    const stop = (): void => giveUp(STOPPED);
    const settle = (result: Socket | Failure): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(result);
    };
    const giveUp = (failure: Failure): void => {
      socket.destroy();
      settle(failure);
    };
    signal.addEventListener('abort', stop, { once: true });
    socket.on('error', (error) => giveUp(failureOf(error)));
    socket.once('connect', () => {
      // Where the peer has reset the connection already, it has no remote address.
      if ('port' in address && socket.remoteAddress === undefined) giveUp({ code: 'ECONNRESET', reason: 'the receiver reset the connection' });
      else settle(socket);
    });
  });
}
