import type { Logger } from '../../core/logger.js';
import type { Batch, Delivery, Sink, SinkLimits } from '../../core/sink.js';
import type { TlsIdentity } from '../../core/tls.js';
import { CLOSED, failureOf, PEER_CLOSED, retryable, STOPPED } from '../failure.js';
import type { Failure } from '../failure.js';
import { openStream } from '../open-stream.js';
import { openTlsStream, tlsFailureOf, TlsSessions } from '../open-tls.js';
import { RelpSession } from './session.js';

export interface RelpSinkOptions {
  readonly address: { readonly host: string; readonly port: number };
  /** For relps; undefined for no TLS. */
  readonly tls?: TlsIdentity | undefined;
  readonly connectTimeoutMs?: number;
  /** How long the answer to `open` may take: a minute by default. */
  readonly openTimeoutMs?: number;
  readonly closeTimeoutMs?: number;
  /** How long nothing may be answered, with something to answer, before the log says so. */
  readonly stallAfterMs?: number;
  /** How long nothing may be answered before the receiver is asked over another connection. Doubles with each session that ends so. */
  readonly patienceMs?: number;
  /** A session's first transaction number, 1 by default. */
  readonly firstTxnr?: number;
  /** In whose lines the destination's name comes first. */
  readonly logger: Logger;
}

/**
 * RELP, the protocol in which rsyslog acknowledges message by message.
 *
 * A delivery resolves as `delivered` when all of its messages are acknowledged, and waits without a limit for a
 * receiver that takes its time. The window of what is sent and not acknowledged is what `maxInFlight` batches hold. When the
 * session breaks, everything under way resolves as retryable, with the number of messages at its head that were acknowledged.
 */
export function createRelpSink(options: RelpSinkOptions): Sink {
  return new RelpSink(options);
}

const LONGEST_PATIENCE_MS = 3_600_000;
/** More than it takes a busy machine to notice a time-out. */
const MARGIN_MS = 10_000;

class RelpSink implements Sink {
  readonly framing = 'none';
  readonly limits: SinkLimits = { maxMessages: 256, maxBytes: 256 * 1024, maxInFlight: 4, maxAgeMs: 0 };
  readonly #options: Required<RelpSinkOptions>;
  /** The session, from the moment it is sought until it is of no more use. */
  #attempt: Attempt | undefined;
  #session: RelpSession | undefined;
  #closing = 0;
  /** Why the session broke in this turn of the event loop. */
  #justBroken: Failure | undefined;
  #patienceMs: number;

  constructor(options: RelpSinkOptions) {
    this.#options = {
      tls: undefined,
      connectTimeoutMs: 10_000,
      openTimeoutMs: 60_000,
      closeTimeoutMs: 5000,
      stallAfterMs: 10_000,
      patienceMs: 60_000,
      firstTxnr: 1,
      ...options,
    };
    this.#patienceMs = this.#options.patienceMs;
  }

  /** Connecting and opening are bounded; after them an attempt waits for nothing but the receiver. */
  get attemptTimeoutMs(): number {
    return this.#options.connectTimeoutMs + this.#options.openTimeoutMs + MARGIN_MS;
  }

  get isHeldUp(): boolean {
    return this.#session?.isHeldUp ?? false;
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (this.#closing > 0) return retryable(CLOSED);
    if (signal.aborted) return retryable(STOPPED);
    // A batch that is new in the moment of a break must not go out before those that the break has given back.
    if (this.#justBroken !== undefined) return retryable(this.#justBroken);
    const attempt = (this.#attempt ??= this.#open());
    // The abort of one that waits ends the attempt for all, since those behind it must not overtake it.
    const stop = (): void => attempt.abandon();
    signal.addEventListener('abort', stop, { once: true });
    const session = await attempt.session; // All wait for the same promise, and so keep their order.
    signal.removeEventListener('abort', stop);
    if (!(session instanceof RelpSession)) return retryable(session);
    const delivery = await session.send(batch, signal);
    if (delivery.outcome === 'delivered') this.#patienceMs = this.#options.patienceMs;
    return delivery;
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#closing += 1;
    const attempt = this.#attempt;
    attempt?.abandon();
    const session = await attempt?.session;
    if (session instanceof RelpSession) await session.finish(signal);
    if (this.#attempt === attempt) this.#attempt = undefined;
    this.#closing -= 1;
  }

  /** Opens a session and closes it: a bare connection would tell little, and stays half open in rsyslog 8.2302. */
  async probe(signal: AbortSignal): Promise<string | undefined> {
    const session = await this.#connect(signal, () => undefined);
    if (!(session instanceof RelpSession)) return session.reason;
    await session.finish(signal);
    return undefined;
  }

  #open(): Attempt {
    const controller = new AbortController();
    return { session: this.#openLasting(controller.signal), abandon: () => controller.abort() };
  }

  async #openLasting(signal: AbortSignal): Promise<RelpSession | Failure> {
    const session = await this.#connect(signal, (failure) => this.#onBroken(failure));
    if (session instanceof RelpSession) {
      this.#session = session;
      return session;
    }
    this.#attempt = undefined;
    return this.#closing > 0 ? CLOSED : session;
  }

  async #connect(signal: AbortSignal, onBroken: (failure: Failure) => void): Promise<RelpSession | Failure> {
    const { address, connectTimeoutMs, tls } = this.#options;
    // No session is resumed: librelp 1.11 with OpenSSL answers that with the alert "internal error" where it asks for certificates.
    const opened = await (tls === undefined
      ? openStream(address, connectTimeoutMs, signal)
      : openTlsStream(address, { identity: tls, sessions: new TlsSessions(), timeoutMs: connectTimeoutMs }, signal));
    if ('reason' in opened) return opened;
    return RelpSession.open('wire' in opened ? opened.socket : opened, {
      ...this.#options,
      patienceMs: this.#patienceMs,
      failureOf: (error, isOpen) => (tls === undefined ? plainFailureOf(error) : tlsFailureOf(error, tls, isOpen)),
      answersElsewhere: async (ended) => (await this.probe(ended)) === undefined,
      onBroken,
    }, signal);
  }

  #onBroken(failure: Failure): void {
    this.#attempt = undefined;
    this.#justBroken = failure;
    setImmediate(() => (this.#justBroken = undefined));
    // A receiver that is merely slow, and answers each new session, is not to be left again and again.
    if (failure.code === 'RELP_SILENT') this.#patienceMs = Math.min(2 * this.#patienceMs, LONGEST_PATIENCE_MS);
  }
}

function plainFailureOf(error: Error | undefined): Failure {
  return error === undefined ? PEER_CLOSED : failureOf(error);
}

interface Attempt {
  readonly session: Promise<RelpSession | Failure>;
  /** Gives up connecting and opening; without effect on a session that is open. */
  readonly abandon: () => void;
}
