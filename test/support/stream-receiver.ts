import { once } from 'node:events';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import type { AddressInfo, ListenOptions, Server, Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface StreamReceiverOptions extends ListenOptions {
  readonly answersEnd?: boolean;
  /** Speaks TLS. */
  readonly tls?: TlsOptions;
}

/** A TCP, TLS or Unix stream server under a test's command. It closes its side of a connection when the sender has closed its own. */
export class StreamReceiver {
  /** What all connections brought, in the order of its arrival. */
  readonly chunks: Buffer[] = [];
  byteCount = 0;
  readonly connections: Socket[] = [];
  /** The TCP connections below those of TLS, also where a handshake failed; elsewhere the same. */
  readonly wires: Socket[] = [];
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();
  #reading = true;

  static async listen({ answersEnd = true, tls, ...options }: StreamReceiverOptions = { host: '127.0.0.1', port: 0 }): Promise<StreamReceiver> {
    const receiver = new StreamReceiver(answersEnd, tls);
    receiver.#server.listen(options);
    await once(receiver.#server, 'listening');
    return receiver;
  }

  private constructor(answersEnd: boolean, tls: TlsOptions | undefined) {
    const take = (socket: Socket): void => {
      this.connections.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        this.chunks.push(chunk);
        this.byteCount += chunk.length;
        this.#tell();
      });
      socket.on('end', () => this.#tell());
      if (this.#reading) socket.resume();
      else socket.pause();
      this.#tell();
    };
    const allowHalfOpen = !answersEnd;
    this.#server = tls === undefined ? createServer({ allowHalfOpen, pauseOnConnect: true }, take) : createTlsServer({ ...tls, allowHalfOpen }, take);
    this.#server.on('connection', (wire: Socket) => void this.wires.push(wire.on('error', () => undefined)));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** Resets the newest connection. */
  reset(): void {
    this.wires.at(-1)!.resetAndDestroy();
  }

  stall(): void {
    this.#reading = false;
    for (const socket of this.connections) socket.pause();
  }

  resume(): void {
    this.#reading = true;
    for (const socket of this.connections) socket.resume();
  }

  /** Resolves as soon as `condition` holds; it is asked at each arrival. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** The next connection that is accepted, or the one that was already. */
  async connection(index = 0): Promise<Socket> {
    await this.until(() => this.connections.length > index);
    return this.connections[index]!;
  }

  async stop(): Promise<void> {
    for (const socket of [...this.connections, ...this.wires]) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #tell(): void {
    for (const tell of [...this.#waiting]) tell();
    this.#waiting.clear();
  }
}

/** The messages of a stream of LF frames, or of octet-counted ones. */
export function messagesOf(bytes: Buffer, framing: 'lf' | 'octet-counting'): string[] {
  if (framing === 'lf') return bytes.toString().split('\n').slice(0, -1);
  const messages: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at);
    const end = space + 1 + Number(bytes.toString('latin1', at, space));
    if (space < 0 || end > bytes.length) break;
    messages.push(bytes.toString('utf8', space + 1, end));
    at = end;
  }
  return messages;
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'journald-forwarder-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
