import { type Socket as Datagrams, createSocket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { rmSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { Deframer } from './deframer.js';

export interface CountingReceiverOptions {
  /** `tcp` by default; a path is that of a Unix stream socket. */
  readonly transport?: 'tcp' | 'udp' | { readonly path: string };
  /** Opens the TCP socket, where that is not to be one of 127.0.0.1. */
  readonly listen?: () => Promise<Server>;
  /** How messages are delimited on a stream: `octet-counting` by default. Each datagram is a message. */
  readonly framing?: 'octet-counting' | 'lf';
  /** Keeps every message's bytes for `frames`. Off by default: 100,000 messages are 100 MB. */
  readonly keepFrames?: boolean;
  /** Resets the connection (RST) once so many bytes have been read from it; what follows them is lost. Each figure is used once, for one connection after another. */
  readonly resetAfterBytes?: readonly number[];
}

/** What has arrived of the markers `~Q000000123~`, each message's last one. */
export interface Tally {
  /** Messages, marked or not. */
  readonly frames: number;
  readonly unique: number;
  readonly duplicates: number;
  /** Markers that came for the first time after a greater one had. */
  readonly outOfOrder: number;
  readonly unmarked: number;
}

export async function startCountingReceiver(options: CountingReceiverOptions = {}): Promise<CountingReceiver> {
  const receiver = new CountingReceiver(options);
  await receiver.restart();
  return receiver;
}

/** A receiver in this process that counts marked messages, and stalls, resets and goes away when it is told to. */
export class CountingReceiver {
  readonly #options: CountingReceiverOptions;
  readonly #events = new EventEmitter();
  readonly #sockets = new Set<Socket>();
  readonly #resets: number[];
  readonly #frames: Buffer[] = [];
  readonly #counts = { frames: 0, unique: 0, duplicates: 0, outOfOrder: 0, unmarked: 0 };
  #seen = new Uint8Array(1 << 17);
  #greatest = -1;
  #server: Server | Datagrams | undefined;
  #port = 0;
  #stalled = false;
  #connections = 0;
  #malformed: string | undefined;

  constructor(options: CountingReceiverOptions) {
    this.#options = options;
    this.#resets = [...(options.resetAfterBytes ?? [])];
    this.#events.setMaxListeners(0);
  }

  /** On 127.0.0.1. Stays the same over a restart. */
  get port(): number {
    return this.#port;
  }

  get tally(): Tally {
    return { ...this.#counts };
  }

  /** The messages without their framing, where they are kept. */
  get frames(): readonly Buffer[] {
    return this.#frames;
  }

  /** How many connections were accepted since the beginning. */
  get connections(): number {
    return this.#connections;
  }

  /** The numbers below `count` whose marker has not arrived, at most 100 of them. */
  missing(count: number): readonly number[] {
    const missing: number[] = [];
    for (let number = 0; number < count && missing.length < 100; number++) if (this.#seen[number] !== 1) missing.push(number);
    return missing;
  }

  /** Resolves once so many different markers have arrived; rejects after `timeoutMs`. */
  async waitForCount(count: number, timeoutMs = 60_000): Promise<void> {
    await this.#waitFor(`${count} markers`, () => this.#counts.unique >= count, timeoutMs);
  }

  /** Resolves once so many messages have arrived, marked or not; rejects after `timeoutMs`. */
  async waitForFrames(count: number, timeoutMs = 10_000): Promise<void> {
    await this.#waitFor(`${count} messages`, () => this.#counts.frames >= count, timeoutMs);
  }

  async waitForConnections(count: number, timeoutMs = 10_000): Promise<void> {
    await this.#waitFor(`${count} connections`, () => this.#connections >= count, timeoutMs);
  }

  /** Resolves once every connection has ended; rejects after `timeoutMs`. */
  async waitForEnd(timeoutMs = 10_000): Promise<void> {
    await this.#waitFor('the end of all connections', () => this.#sockets.size === 0, timeoutMs);
  }

  /** Reads nothing more, on any connection, until `resume`. */
  stall(): void {
    this.#stalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    this.#stalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Resets every open connection; goes on listening. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Stops listening. Open connections are ended (FIN) or reset (RST); what they still held is lost. */
  async close(how: 'end' | 'reset' = 'end'): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) how === 'reset' ? socket.resetAndDestroy() : socket.destroy();
    await closed;
  }

  /** Listens, again on the same port, after closing if it listens already. What was counted stays. */
  async restart(): Promise<void> {
    await this.close();
    const { transport = 'tcp' } = this.#options;
    if (transport === 'udp') {
      const server = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 }).on('message', (message) => this.#take(message));
      this.#server = server;
      server.bind(this.#port, '127.0.0.1');
      await once(server, 'listening');
      this.#port = server.address().port;
      return;
    }
    const { listen } = this.#options;
    const server = listen === undefined ? createServer({ allowHalfOpen: false }) : await listen();
    server.on('connection', (socket: Socket) => this.#accept(socket));
    this.#server = server;
    if (listen !== undefined) {
      this.#port = (server.address() as AddressInfo).port;
    } else if (transport === 'tcp') {
      server.listen(this.#port, '127.0.0.1');
      await once(server, 'listening');
      this.#port = (server.address() as AddressInfo).port;
    } else {
      rmSync(transport.path, { force: true });
      server.listen(transport.path);
      await once(server, 'listening');
    }
  }

  #accept(socket: Socket): void {
    this.#connections++;
    this.#sockets.add(socket);
    const deframer = new Deframer(this.#options.framing ?? 'octet-counting', (message) => this.#take(message));
    const resetAfter = this.#resets.shift() ?? Infinity;
    let read = 0;
    socket.on('data', (chunk: Buffer) => {
      read += chunk.length;
      try {
        deframer.push(chunk.subarray(0, Math.max(0, chunk.length - Math.max(0, read - resetAfter))));
      } catch (error) {
        this.#malformed ??= String(error);
        socket.resetAndDestroy();
      }
      if (read >= resetAfter) socket.resetAndDestroy();
      this.#events.emit('arrival');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#events.emit('arrival');
    });
    if (this.#stalled) socket.pause();
    this.#events.emit('arrival');
  }

  #take(message: Buffer): void {
    const counts = this.#counts;
    counts.frames++;
    if (this.#options.keepFrames) this.#frames.push(Buffer.from(message));
    const number = markerOf(message);
    if (number === undefined) {
      counts.unmarked++;
    } else {
      if (number >= this.#seen.length) this.#grow(number);
      if (this.#seen[number] === 1) counts.duplicates++;
      else {
        this.#seen[number] = 1;
        counts.unique++;
        if (number < this.#greatest) counts.outOfOrder++;
        else this.#greatest = number;
      }
    }
    if (this.#options.transport === 'udp') this.#events.emit('arrival');
  }

  #grow(number: number): void {
    const grown = new Uint8Array(Math.max(number + 1, this.#seen.length * 2));
    grown.set(this.#seen);
    this.#seen = grown;
  }

  async #waitFor(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
    const alive = setInterval(() => {}, timeoutMs);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      while (!holds()) {
        if (this.#malformed !== undefined) throw new Error(this.#malformed);
        await once(this.#events, 'arrival', { signal });
      }
    } catch (cause) {
      const { frames, unique } = this.#counts;
      throw new Error(`Waited ${timeoutMs} ms for ${what}: the receiver has ${frames} messages, ${unique} markers, ${this.#connections} connections.`, { cause });
    } finally {
      clearInterval(alive);
    }
  }
}

/** The number of a message's last marker. Read from its end, where markers stand. */
export function markerOf(message: Buffer): number | undefined {
  for (let at = message.length; (at = message.lastIndexOf('~Q', at - 1, 'latin1')) !== -1; ) {
    if (message[at + 11] === 0x7e) {
      let number = 0;
      for (let i = at + 2; i < at + 11; i++) number = number * 10 + (message[i] as number) - 0x30;
      return number;
    }
    if (at === 0) return undefined;
  }
  return undefined;
}
