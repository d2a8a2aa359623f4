import type { Socket } from 'node:net';
import type { Logger } from '../core/logger.js';
import type { Delivery } from '../core/sink.js';
import { Confirmations } from './confirm.js';
import { failureOf, PEER_CLOSED, retryable, STOPPED } from './failure.js';
import type { Failure } from './failure.js';
import { tcpRowReader } from './tcp-table.js';
import type { Endpoints, ReadTable } from './tcp-table.js';

export interface StreamConnectionOptions {
  readonly confirmAfterMs: number;
  readonly confirmBytes: number;
  readonly stallAfterMs: number;
  readonly deadPathMs: number;
  readonly tableShare: number;
  readonly readTable: ReadTable;
  readonly logger: Logger;
  /** What a break means: `error` is undefined where the peer closed. `isProven` once anything was confirmed on the connection. */
  readonly failureOf?: (error: unknown, isProven: boolean) => Failure;
  /** Called once, when the connection is of no more use. */
  readonly onBroken: (failure: Failure) => void;
}

/**
 * One connection of a stream sink, from connect to its end: what is written, what of it is confirmed, and why it
 * broke. What the receiver sends is discarded. It breaks at the peer's FIN or RST, also while idle, at the abort of a
 * write, and when the path is dead; then all that is unconfirmed resolves as false.
 */
export class StreamConnection {
  readonly #socket: Socket;
  readonly #wire: Socket;
  readonly #options: StreamConnectionOptions;
  readonly #confirmations: Confirmations;
  readonly #writes = new Set<(delivery: Delivery) => void>();
  #failure: Failure | undefined;
  #finished = false;
  #isProven = false;
  #stalledSinceMs: number | undefined;
  /** Bytes of the connection that the kernel has taken, or fewer. */
  #handedOver: number;

  /** What `socket` writes goes out through `wire`, which is the same socket where there is no TLS. Both are connected, and their 'error' events have listeners. */
  constructor(socket: Socket, wire: Socket, options: StreamConnectionOptions) {
    this.#socket = socket;
    this.#wire = wire;
    this.#handedOver = wire.bytesWritten;
    this.#options = options;
    const endpoints = endpointsOf(wire);
    this.#confirmations = new Confirmations({
      confirmAfterMs: options.confirmAfterMs,
      confirmBytes: options.confirmBytes,
      readRow: endpoints && tcpRowReader(endpoints, options.readTable),
      deadPathMs: options.deadPathMs,
      tableShare: options.tableShare,
      onDeadPath: () => this.#break({ code: 'ETIMEDOUT', reason: `no acknowledgement for ${options.deadPathMs / 1000} s` }),
      logger: options.logger,
    });
    socket.on('error', (error) => this.#break(this.#failureOf(error)));
    socket.on('end', () => this.#onPeerEnd());
    socket.on('close', () => {
      if (!this.#finished) this.#break(this.#failureOf(undefined));
    });
    // Node re-arms this timer whenever any part of a write goes through, so it fires only when nothing moves.
    socket.setTimeout(options.stallAfterMs, () => this.#onStandstill());
    socket.resume();
  }

  /** The kernel has not taken all that it was given: the receiver does not read, or not so fast. */
  get isHeldUp(): boolean {
    return this.#failure === undefined && this.#socket.writableLength > 0;
  }

  /** Writes in the order of the calls. Waits as long as the receiver takes to read; an abort breaks the connection, since part of the bytes may be on their way. */
  write(bytes: Uint8Array, signal: AbortSignal): Promise<Delivery> {
    if (this.#failure !== undefined) return Promise.resolve(retryable(this.#failure));
    if (signal.aborted) return Promise.resolve(retryable(STOPPED));
    return new Promise((resolve) => {
      const stop = (): void => this.#break(STOPPED);
      const settle = (delivery: Delivery): void => {
        signal.removeEventListener('abort', stop);
        this.#writes.delete(settle);
        resolve(delivery);
      };
      signal.addEventListener('abort', stop, { once: true });
      this.#writes.add(settle);
      this.#confirmations.submit();
      this.#socket.write(bytes, (error) => {
        if (error) this.#break(this.#failureOf(error));
        if (this.#failure !== undefined) return; // The break has settled it.
        this.#noteMovement();
        const confirmed = this.#handOver(bytes.length);
        if (!this.#isProven) void confirmed.then((isConfirmed) => (this.#isProven ||= isConfirmed));
        settle({ outcome: 'sent', confirmed });
      });
    });
  }

  /**
   * Half-closes, and resolves when everything is confirmed: by the peer's own close, or by acknowledgement and time; with
   * TLS by the latter alone, and the close comes after it. An abort gives up.
   */
  async finish(signal: AbortSignal): Promise<void> {
    if (signal.aborted) this.#break(STOPPED);
    if (this.#failure !== undefined) return;
    const stop = (): void => this.#break(STOPPED);
    signal.addEventListener('abort', stop, { once: true });
    // A close_notify of the peer's, which may have been under way before ours, does not say that it has read everything;
    // and the state of the socket hardly ever does, since a peer answers ours before our FIN is out.
    const isTls = this.#socket !== this.#wire;
    if (!isTls) this.#socket.end();
    await this.#confirmations.idle();
    signal.removeEventListener('abort', stop);
    this.#finished = true;
    if (isTls && this.#failure === undefined) await this.#sayGoodbye(signal);
    this.#socket.destroy();
  }

  /** Sends close_notify (RFC 5425 section 4.4), and leaves the peer a little time to do the same. */
  async #sayGoodbye(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GOODBYE_MS);
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#socket.once('end', done).once('close', done);
      this.#socket.end();
    });
  }

  #handOver(byteCount: number): Promise<boolean> {
    if (this.#socket === this.#wire) return this.#confirmations.handOver((this.#handedOver += byteCount));
    // How many bytes TLS has made of it, only the wire can tell; and that counts a later write too which is on its way.
    const end = this.#wire.bytesWritten;
    this.#handedOver = this.#socket.writableLength === 0 ? end : this.#handedOver + byteCount;
    return this.#confirmations.handOver(end, this.#handedOver);
  }

  #onPeerEnd(): void {
    if (this.#finished) return;
    if (!this.#socket.writableFinished) {
      this.#break(this.#failureOf(undefined));
      return;
    }
    this.#finished = true;
    this.#confirmations.peerClosed();
  }

  #failureOf(error: unknown): Failure {
    const { failureOf: explain } = this.#options;
    return explain?.(error, this.#isProven) ?? (error === undefined ? PEER_CLOSED : failureOf(error));
  }

  #break(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#socket.destroy();
    this.#confirmations.fail();
    for (const settle of [...this.#writes]) settle(retryable(failure));
    this.#options.onBroken(failure);
  }

  #onStandstill(): void {
    if (this.#writes.size === 0 || this.#stalledSinceMs !== undefined) return;
    const { stallAfterMs, logger } = this.#options;
    this.#stalledSinceMs = performance.now() - stallAfterMs;
    logger.warn(`has not read for ${stallAfterMs / 1000} s; waiting`);
  }

  #noteMovement(): void {
    if (this.#stalledSinceMs === undefined) return;
    const seconds = Math.round((performance.now() - this.#stalledSinceMs) / 1000);
    this.#stalledSinceMs = undefined;
    this.#options.logger.info(`reads again, after ${seconds} s`);
  }
}

const GOODBYE_MS = 1000;

/** The ends of a TCP connection; undefined for a Unix socket. */
function endpointsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): Endpoints | undefined {
  if (localAddress === undefined || localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined;
  return { localAddress, localPort, remoteAddress, remotePort };
}
