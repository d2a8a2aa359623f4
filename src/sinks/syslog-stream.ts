import type { Socket } from 'node:net';
import type { Logger } from '../core/logger.js';
import type { Batch, Delivery, Sink, SinkLimits } from '../core/sink.js';
import type { TlsIdentity } from '../core/tls.js';
import { CLOSED, retryable, STOPPED } from './failure.js';
import type { Failure } from './failure.js';
import { openStream } from './open-stream.js';
import type { StreamAddress } from './open-stream.js';
import { openTlsStream, tlsFailureOf, TlsSessions } from './open-tls.js';
import { StreamConnection } from './stream-connection.js';
import { readProcTable, tcpTablePath } from './tcp-table.js';
import type { ReadTable } from './tcp-table.js';

export interface SyslogStreamSinkOptions {
  readonly address: StreamAddress;
  /** How the batch's bytes are framed already; octet counting and LF are both RFC 6587's. */
  readonly framing: 'octet-counting' | 'lf';
  /** With which TLS is spoken, to a host and port; absent for none. */
  readonly tls?: TlsIdentity | undefined;
  /** How long a send queue must have been empty before what was sent counts as received. 1 s by default. */
  readonly confirmAfterMs?: number;
  /** How many later bytes must have been acknowledged, where the queue is never empty. 8 MiB by default, more than a receiver's kernel buffers. */
  readonly confirmBytes?: number;
  readonly connectTimeoutMs?: number;
  /** How long nothing may move, with something to write, before the log says so. */
  readonly stallAfterMs?: number;
  /** How long the peer's kernel may leave everything unanswered. A closed window is an answer. */
  readonly deadPathMs?: number;
  /** In whose lines the destination's name comes first. */
  readonly logger: Logger;
  readonly readTable?: ReadTable;
  /** The share of the time that may go into reading the table: a hundredth by default. */
  readonly tableShare?: number;
}

/**
 * Syslog over TCP, with TLS (RFC 5425) or without, or over a Unix stream socket.
 *
 * Connects when there is something to deliver, and again after a break. A delivery resolves as `sent` when the
 * kernel has all its bytes, and waits without a limit for a receiver that does not read. When the connection breaks,
 * whatever was not confirmed resolves as false, and the delivery under way as retryable, though parts of it may
 * have arrived.
 */
export function createSyslogStreamSink(options: SyslogStreamSinkOptions): Sink {
  return new SyslogStreamSink(options);
}

/** More than it takes to hand a batch to a kernel that has room for it, on a busy machine. */
const HAND_OVER_MS = 10_000;

class SyslogStreamSink implements Sink {
  readonly framing;
  // One: after a break, a second batch must not go out on a new connection before the first has been tried again.
  readonly limits: SinkLimits = { maxMessages: 8192, maxBytes: 768 * 1024, maxInFlight: 1, maxAgeMs: 0 };
  readonly #options: Required<SyslogStreamSinkOptions>;
  readonly #sessions = new TlsSessions();
  /** The connection, from the moment it is sought until it is of no more use. */
  #attempt: Attempt | undefined;
  #connection: StreamConnection | undefined;
  #closing = false;
  #lastBreak: string | undefined;

  constructor(options: SyslogStreamSinkOptions) {
    this.framing = options.framing;
    this.#options = {
      confirmAfterMs: 1000,
      confirmBytes: 8 * 1024 * 1024,
      connectTimeoutMs: 10_000,
      stallAfterMs: 10_000,
      deadPathMs: 60_000,
      readTable: readProcTable,
      tableShare: 0.01,
      tls: undefined,
      ...options,
    };
  }

  get lastBreak(): string | undefined {
    return this.#lastBreak;
  }

  /** Connecting is bounded; after it an attempt waits for nothing but the receiver. */
  get attemptTimeoutMs(): number {
    return this.#options.connectTimeoutMs + HAND_OVER_MS;
  }

  get isHeldUp(): boolean {
    return this.#connection?.isHeldUp ?? false;
  }

  expect(): void {
    if (!this.#closing) this.#attempt ??= this.#open();
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (this.#closing) return retryable(CLOSED);
    if (signal.aborted) return retryable(STOPPED);
    const attempt = (this.#attempt ??= this.#open());
    // The abort of one that waits ends the attempt for all, since those behind it must not overtake it.
    const stop = (): void => attempt.abandon();
    signal.addEventListener('abort', stop, { once: true });
    const connection = await attempt.connection; // All wait for the same promise, and so keep their order.
    signal.removeEventListener('abort', stop);
    return connection instanceof StreamConnection ? connection.write(batch.bytes, signal) : retryable(connection);
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    this.#attempt?.abandon();
    const connection = await this.#attempt?.connection;
    if (connection instanceof StreamConnection) await connection.finish(signal);
    this.#attempt = undefined;
    this.#closing = false;
  }

  async probe(signal: AbortSignal): Promise<string | undefined> {
    const { readTable, logger } = this.#options;
    const stream = await this.#openStream(signal);
    if ('reason' in stream) return stream.reason;
    const { localAddress } = stream.wire;
    stream.socket.destroy();
    if (localAddress === undefined) return undefined;
    try {
      await readTable(tcpTablePath({ localAddress }));
    } catch (error) {
      logger.warn('cannot see what the receiver has acknowledged, so time alone confirms what was sent', { why: (error as Error).message });
    }
    return undefined;
  }

  #open(): Attempt {
    const controller = new AbortController();
    return { connection: this.#connect(controller.signal), abandon: () => controller.abort() };
  }

  async #connect(signal: AbortSignal): Promise<StreamConnection | Failure> {
    const { tls } = this.#options;
    const stream = await this.#openStream(signal);
    if ('reason' in stream) {
      this.#attempt = undefined;
      return this.#closing ? CLOSED : stream;
    }
    const onBroken = ({ reason }: Failure): void => {
      this.#attempt = undefined;
      this.#lastBreak = reason;
    };
    const explain = tls && { failureOf: (error: unknown, isProven: boolean) => tlsFailureOf(error, tls, isProven) };
    return (this.#connection = new StreamConnection(stream.socket, stream.wire, { ...this.#options, ...explain, onBroken }));
  }

  async #openStream(signal: AbortSignal): Promise<Streams | Failure> {
    const { address, connectTimeoutMs, tls } = this.#options;
    if (tls !== undefined && 'host' in address) return openTlsStream(address, { identity: tls, sessions: this.#sessions, timeoutMs: connectTimeoutMs }, signal);
    const socket = await openStream(address, connectTimeoutMs, signal);
    return 'reason' in socket ? socket : { socket, wire: socket };
  }
}

/** What is written to, and the socket below, which is the same where there is no TLS. */
interface Streams {
  readonly socket: Socket;
  readonly wire: Socket;
}

interface Attempt {
  readonly connection: Promise<StreamConnection | Failure>;
  /** Gives up connecting; without effect once connected. */
  readonly abandon: () => void;
}
