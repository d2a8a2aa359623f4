import type { Batch, Delivery, Sink, SinkLimits } from '../core/sink.js';
import { DatagramChannel, openDatagramChannel } from './datagram-channel.js';
import type { DatagramChannelOptions } from './datagram-channel.js';
import { CLOSED, retryable } from './failure.js';
import type { Failure } from './failure.js';

export interface SyslogDatagramSinkOptions {
  readonly address: { readonly host: string; readonly port: number };
  readonly lookupTimeoutMs?: number;
  /** How long an ICMP refusal is waited for: in the way of the first message after a pause, and before anything counts as received. */
  readonly refusalWaitMs?: number;
  /** After so long the host name is looked up again. */
  readonly lookupEveryMs?: number;
}

/**
 * Syslog over UDP, one message a datagram (RFC 5426). A host that refuses is noticed, and what was sent to it
 * shortly before is unconfirmed; what the network or a busy receiver drops in silence is lost: UDP knows no better.
 * A message that is too long for a datagram is rejected.
 */
export function createSyslogDatagramSink(options: SyslogDatagramSinkOptions): Sink {
  return new SyslogDatagramSink(options);
}

class SyslogDatagramSink implements Sink {
  readonly framing = 'none';
  readonly limits: SinkLimits = { maxMessages: 128, maxBytes: 1024 * 1024, maxInFlight: 1, maxAgeMs: 0 };
  readonly #options: DatagramChannelOptions;
  readonly #lookupEveryMs: number;
  #channel: DatagramChannel | undefined;
  #lookedUpMs = 0;
  #opening: AbortController | undefined;
  /** The last delivery: they are made one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor({ address, lookupTimeoutMs = 10_000, refusalWaitMs = 50, lookupEveryMs = 300_000 }: SyslogDatagramSinkOptions) {
    this.#options = { ...address, lookupTimeoutMs, refusalWaitMs };
    this.#lookupEveryMs = lookupEveryMs;
  }

  deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (this.#closing) return Promise.resolve(retryable(CLOSED));
    const delivery = this.#turn.then(() => this.#deliver(batch, signal));
    this.#turn = delivery;
    return delivery;
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    this.#opening?.abort();
    const abandon = (): void => this.#channel?.close();
    if (signal.aborted) abandon();
    signal.addEventListener('abort', abandon, { once: true });
    await this.#turn;
    await this.#channel?.finish();
    signal.removeEventListener('abort', abandon);
    this.#channel = undefined;
    this.#closing = false;
  }

  async probe(signal: AbortSignal): Promise<string | undefined> {
    const channel = await openDatagramChannel(this.#options, signal);
    if (!(channel instanceof DatagramChannel)) return channel.reason;
    channel.close();
    return undefined;
  }

  async #deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    const channel = await this.#open(signal);
    return channel instanceof DatagramChannel ? channel.send(batch, signal) : retryable(channel);
  }

  async #open(signal: AbortSignal): Promise<DatagramChannel | Failure> {
    const old = this.#channel?.failed === true ? undefined : this.#channel;
    if (this.#closing) return old ?? CLOSED;
    if (old !== undefined && !old.stale && performance.now() - this.#lookedUpMs < this.#lookupEveryMs) return old;
    const opened = await this.#openAnew(signal);
    this.#lookedUpMs = performance.now();
    if (!(opened instanceof DatagramChannel)) return old ?? (this.#closing ? CLOSED : opened); // The name server may be away and the host there.
    this.#channel = opened;
    await old?.finish();
    return opened;
  }

  async #openAnew(signal: AbortSignal): Promise<DatagramChannel | Failure> {
    const opening = (this.#opening = new AbortController());
    const stop = (): void => opening.abort();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const opened = await openDatagramChannel(this.#options, opening.signal);
    signal.removeEventListener('abort', stop);
    return opened;
  }
}
