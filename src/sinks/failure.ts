import type { Delivery } from '../core/sink.js';

/** Why a connection could not be had or did not last: a stable code, and one clause for a log line. */
export interface Failure {
  readonly code: string;
  readonly reason: string;
  /** True where no waiting helps. */
  readonly needsOperator?: boolean;
}

/** The caller's signal aborted. */
export const STOPPED: Failure = { code: 'ABORTED', reason: 'stopped' };
/** The sink was used after `close`. */
export const CLOSED: Failure = { code: 'CLOSED', reason: 'closed' };
/** The peer sent FIN while we had, or may yet have had, something to send. */
export const PEER_CLOSED: Failure = { code: 'EPIPE', reason: 'the receiver closed the connection' };

/** The failure that an error of Node's `net`, `dgram` or `dns` stands for. */
export function failureOf(error: unknown): Failure {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error; // One error for each address that was tried.
  const { code, message } = first as NodeJS.ErrnoException;
  if (code === undefined) return { code: 'UNKNOWN', reason: message };
  return { code, reason: REASONS[code] ?? message };
}

export function retryable(failure: Failure, deliveredCount = 0): Delivery {
  return deliveredCount === 0 ? { outcome: 'retryable', ...failure } : { outcome: 'retryable', ...failure, deliveredCount };
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'no local address or port to connect from',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the receiver reset the connection',
  EHOSTUNREACH: 'no route to the host',
  EMFILE: 'too many open files',
  ENETUNREACH: 'no route to the network',
  ENOENT: 'no such socket',
  ENOTFOUND: 'unknown host name',
  EPERM: 'not permitted, perhaps by a packet filter',
  EPIPE: PEER_CLOSED.reason,
  ETIMEDOUT: 'no answer',
};
