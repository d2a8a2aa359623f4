import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import type { Batch, Delivery, Rejection } from '../core/sink.js';
import { unlessAborted } from './abortable.js';
import { failureOf, retryable, STOPPED } from './failure.js';
import type { Failure } from './failure.js';

export interface DatagramChannelOptions {
  readonly host: string;
  readonly port: number;
  readonly lookupTimeoutMs: number;
  /** How long a refusal may take to come back. */
  readonly refusalWaitMs: number;
}

/** Looks the name up and connects to the first address that can be; never rejects. */
export async function openDatagramChannel(options: DatagramChannelOptions, signal: AbortSignal): Promise<DatagramChannel | Failure> {
  const addresses = await unlessAborted(lookUp(options), signal, STOPPED);
  if ('reason' in addresses) return addresses;
  let failure: Failure = { code: 'ENOTFOUND', reason: 'unknown host name' };
  for (const address of addresses) {
    const socket = await connectSocket(address, options.port);
    if (signal.aborted) {
      if (!('reason' in socket)) socket.close();
      return STOPPED;
    }
    if (!('reason' in socket)) return new DatagramChannel(socket, options.refusalWaitMs);
    failure = socket;
  }
  return failure;
}

/**
 * A connected UDP socket. The kernel reports that a port refuses datagrams (ICMP port unreachable) some time after
 * one was sent, and does not say which: so after a pause one message goes ahead and gives a refusal its time, and
 * what was sent is confirmed only when that time has passed for the last of it.
 */
export class DatagramChannel {
  readonly #socket: Socket;
  readonly #refusalWaitMs: number;
  readonly #onFailure = new Set<() => void>();
  #failure: Failure | undefined;
  #stale = false;
  #lastSentMs = -Infinity;

  constructor(socket: Socket, refusalWaitMs: number) {
    this.#socket = socket;
    this.#refusalWaitMs = refusalWaitMs;
    socket.on('error', (error) => this.#fail(failureOf(error)));
  }

  /** Closed, and of no more use. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Of use still, but the network may have changed around it: better open another. */
  get stale(): boolean {
    return this.#stale;
  }

  async send(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    const stop = (): void => this.#fail(STOPPED);
    if (signal.aborted) return retryable(STOPPED);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.#send(batch);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #send(batch: Batch): Promise<Delivery> {
    const tooLong: Rejection[] = [];
    const rested = performance.now() - this.#lastSentMs > REST_MS;
    const ahead = rested ? Math.min(batch.count, 1) : 0;
    for (const [from, to] of [[0, ahead], [ahead, batch.count]] as const) {
      if (from === to) continue;
      const broken = await this.#sendRange(batch, from, to, tooLong);
      this.#lastSentMs = performance.now();
      if (broken !== undefined) return broken;
      if (to === ahead && !(await this.#quiet())) return this.#retryable();
    }
    // What a rejection leaves is taken as delivered, so here the wait comes first.
    if (tooLong.length > 0) return (await this.#quiet()) ? { outcome: 'rejected', rejections: tooLong } : this.#retryable();
    return { outcome: 'sent', confirmed: this.#quiet() };
  }

  /** Closes when no refusal of what was sent can come any more. */
  async finish(): Promise<void> {
    await this.#quiet();
    this.close();
  }

  close(): void {
    this.#fail(STOPPED);
  }

  /** Sends some of the messages, notes those that are too long, and resolves to what went wrong otherwise. */
  #sendRange(batch: Batch, from: number, to: number, tooLong: Rejection[]): Promise<Delivery | undefined> {
    if (this.#failure !== undefined) return Promise.resolve(this.#retryable());
    return new Promise((resolve) => {
      let open = to - from;
      let failedFrom: { readonly index: number; readonly failure: Failure } | undefined;
      const onFailure = (): void => resolve(this.#retryable());
      const noteError = (error: Error, index: number, length: number): void => {
        const failure = failureOf(error);
        if (failure.code === 'EMSGSIZE') tooLong.push({ index, kind: 'too-large', reason: tooLongReason(length) });
        else if (failure.code === 'ECONNREFUSED') this.#fail(failure); // Of some earlier message, nobody knows which.
        else failedFrom ??= { index, failure };
      };
      const settle = (): void => {
        this.#onFailure.delete(onFailure);
        tooLong.sort((a, b) => a.index - b.index);
        if (failedFrom === undefined) return resolve(undefined);
        this.#stale = true;
        resolve(retryable(failedFrom.failure, Math.min(failedFrom.index, tooLong[0]?.index ?? Infinity)));
      };
      this.#onFailure.add(onFailure);
      for (let index = from; index < to; index++) {
        const message = batch.message(index);
        this.#socket.send(message, (error) => {
          if (error) noteError(error, index, message.length);
          if (--open === 0) settle();
        });
      }
    });
  }

  /** True when the time for a refusal has passed, false as soon as there is a failure. */
  #quiet(): Promise<boolean> {
    if (this.#failure !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (quiet: boolean): void => {
        clearTimeout(timer);
        this.#onFailure.delete(onFailure);
        resolve(quiet);
      };
      const onFailure = (): void => settle(false);
      // By way of setImmediate, so that a refusal that waits in the event loop is heard before the time is.
      const timer = setTimeout(() => setImmediate(() => settle(this.#failure === undefined)), this.#refusalWaitMs);
      this.#onFailure.add(onFailure);
    });
  }

  #retryable(): Delivery {
    return retryable(this.#failure ?? STOPPED);
  }

  #fail(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#socket.close();
    for (const tell of [...this.#onFailure]) tell();
  }
}

/** After so long without a datagram, the receiver may have gone. */
const REST_MS = 1000;

function tooLongReason(length: number): string {
  return `its ${length} bytes do not fit into a datagram; set maxBytes, to 65507 at most`;
}

async function lookUp({ host, lookupTimeoutMs }: DatagramChannelOptions): Promise<readonly LookupAddress[] | Failure> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Failure>((resolve) => {
    timer = setTimeout(() => resolve({ code: 'EAI_AGAIN', reason: 'the name server does not answer' }), lookupTimeoutMs);
  });
  try {
    return await Promise.race([lookup(host, { all: true }), late]);
  } catch (error) {
    return failureOf(error);
  } finally {
    clearTimeout(timer);
  }
}

function connectSocket({ address, family }: LookupAddress, port: number): Promise<Socket | Failure> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const giveUp = (error: Error): void => {
      socket.removeAllListeners('error').on('error', () => undefined);
      socket.close();
      resolve(failureOf(error));
    };
    socket.once('error', giveUp);
    socket.connect(port, address, (error?: Error) => {
      if (error) {
        giveUp(error);
        return;
      }
      socket.removeListener('error', giveUp);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}
