import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { TlsIdentity } from '../core/tls.js';
import { failureOf, PEER_CLOSED, STOPPED } from './failure.js';
import type { Failure } from './failure.js';
import { openStream } from './open-stream.js';

export interface TlsStreamOptions {
  readonly identity: TlsIdentity;
  readonly sessions: TlsSessions;
  /** For connection and handshake together. */
  readonly timeoutMs: number;
}

/** A TLS connection, and the socket below, whose bytes are those that the peer's kernel acknowledges. */
export interface TlsStream {
  readonly socket: TLSSocket;
  readonly wire: Socket;
}

/**
 * Connects to a TCP port and shakes hands. Resolves to a connection that the server has not refused, or to why there
 * is none; never rejects. Both sockets' errors are listened to already; what the server sends is discarded.
 *
 * With TLS 1.3, and with some servers before, a client certificate is judged when the client has long been told that
 * all is well. What it wrote meanwhile would make the refusal drown in a reset. So nothing is written for the time
 * in which a refusal would come.
 */
export async function openTlsStream(address: { readonly host: string; readonly port: number }, options: TlsStreamOptions, signal: AbortSignal): Promise<TlsStream | Failure> {
  const { identity, sessions, timeoutMs } = options;
  const startMs = performance.now();
  const leftMs = (): number => Math.max(timeoutMs - (performance.now() - startMs), LEAST_MS);
  let wasSessionRefused = false;
  // Not before: most streams are plain, and would begin later by what it takes to load it.
  const { connect } = await import('node:tls');
  for (;;) {
    const tlsOptions = await identity.connectionOptions(address.host);
    const wire = await openStream(address, leftMs(), signal);
    if ('reason' in wire) return wire;
    const session = sessions.of(tlsOptions.secureContext);
    const socket = connect({ ...tlsOptions, socket: wire, ...(session === undefined ? {} : { session }) });
    socket.on('session', (latest) => sessions.keep(tlsOptions.secureContext, latest));
    const failure = await shakeHands(socket, { identity, leftMs: leftMs(), timeoutMs }, signal);
    if (failure === undefined) {
      if (wasSessionRefused) sessions.stop();
      return { socket, wire };
    }
    sessions.forget();
    socket.destroy();
    if (session === undefined || failure === STOPPED || failure.code === 'ETIMEDOUT') return failure;
    // rsyslog with OpenSSL that wants a client certificate answers a session of its own with the alert "internal error".
    wasSessionRefused = true;
  }
}

/** What the break of a TLS connection means: `error` is undefined where the peer closed it. `isProven` once anything was confirmed on it. */
export function tlsFailureOf(error: unknown, identity: TlsIdentity, isProven: boolean): Failure {
  const reason = error === undefined ? undefined : identity.explain(error);
  if (reason !== undefined) {
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    return { code, reason, needsOperator: !PASSING.test(code) };
  }
  const failure = error === undefined ? PEER_CLOSED : failureOf(error);
  if (isProven || !['EPIPE', 'ECONNRESET'].includes(failure.code)) return failure;
  // rsyslog with GnuTLS says no more than this when it refuses a client certificate.
  const hint = identity.hasCertificate ? 'perhaps it refuses the client certificate' : 'perhaps it demands a client certificate (cert=, key=)';
  return { code: failure.code, reason: `${failure.reason} before it had taken anything; ${hint}` };
}

/** The session of the last connection, which spares the next one most of the handshake (RFC 8446 section 2.2). */
export class TlsSessions {
  #context: SecureContext | undefined;
  #session: Buffer | undefined;
  #isStopped = false;

  /** Undefined where the certificates have changed since: a resumed session shows and checks none. */
  of(context: SecureContext): Buffer | undefined {
    return context === this.#context ? this.#session : undefined;
  }

  keep(context: SecureContext, session: Buffer): void {
    if (this.#isStopped) return;
    this.#context = context;
    this.#session = session;
  }

  forget(): void {
    this.#session = undefined;
  }

  /** Keeps none any more, for a server that breaks off where it should resume. */
  stop(): void {
    this.#isStopped = true;
    this.forget();
  }
}

/** Resolves when the handshake is done and the time for a refusal over, or to why it failed. */
function shakeHands(socket: TLSSocket, { identity, leftMs, timeoutMs }: { readonly identity: TlsIdentity; readonly leftMs: number; readonly timeoutMs: number }, signal: AbortSignal): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    const startMs = performance.now();
    let timer = setTimeout(() => settle({ code: 'ETIMEDOUT', reason: `no TLS handshake within ${timeoutMs / 1000} s` }), leftMs);
    const settle = (failure: Failure | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.off('end', onEnd).off('close', onEnd);
      resolve(failure);
    };
    const stop = (): void => settle(STOPPED);
    const onEnd = (): void => settle(tlsFailureOf(undefined, identity, false));
    signal.addEventListener('abort', stop, { once: true });
    socket.on('error', (error) => settle(tlsFailureOf(error, identity, false)));
    socket.once('close', onEnd);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      // An end before this comes as an error too, which says more.
      socket.once('end', onEnd);
      // The handshake took a round trip at least, and a refusal takes one more.
      const refusalMs = Math.min(Math.max(2 * (performance.now() - startMs), LEAST_REFUSAL_MS), GREATEST_REFUSAL_MS);
      timer = setTimeout(() => settle(undefined), refusalMs);
    });
    socket.resume();
    if (signal.aborted) stop();
  });
}

/** What may be of one connection alone. */
const PASSING = /^ECONNRESET$|INTERNAL_ERROR$|BAD_RECORD_MAC$|DECRYPTION_FAILED/;
/** What a step is given where those before it have taken all the time. */
const LEAST_MS = 1000;
const LEAST_REFUSAL_MS = 50;
const GREATEST_REFUSAL_MS = 1000;
