import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A TCP relay on 127.0.0.1 that keeps what passes towards the server, and can hold back what the server answers. */
export class Relay {
  /** What the newest sender has sent. */
  sent: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  #isHolding = false;
  #tellHolding: () => void = () => undefined;
  /** Resolves when it first begins to hold answers back. */
  readonly holding = new Promise<void>((resolve) => (this.#tellHolding = resolve));

  /** `holdsAfter`: from which of the sender's chunks on the server's answers are held until `release`. */
  static async to(port: number, { holdsAfter = Infinity } = {}): Promise<Relay> {
    const relay = new Relay(port, holdsAfter);
    relay.#server.listen({ host: '127.0.0.1', port: 0 });
    await once(relay.#server, 'listening');
    return relay;
  }

  private constructor(port: number, holdsAfter: number) {
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
      }
      this.sent = [];
      this.#isHolding = false;
      near.on('data', (chunk: Buffer) => {
        if (this.sent.push(chunk) >= holdsAfter) this.#isHolding = true;
        far.write(chunk);
        if (this.#isHolding) this.#tellHolding();
      });
      near.on('end', () => far.end());
      near.on('error', () => far.destroy());
      far.on('data', (chunk: Buffer) => this.#pass(() => near.write(chunk)));
      far.on('end', () => this.#pass(() => near.end()));
      far.on('error', () => this.#pass(() => near.resetAndDestroy()));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Passes on what was held, and everything after it. */
  release(): void {
    this.#isHolding = false;
    for (const pass of this.#held.splice(0)) pass();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(forward: () => void): void {
    if (this.#isHolding) this.#held.push(forward);
    else forward();
  }
}
