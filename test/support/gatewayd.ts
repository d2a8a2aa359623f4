import { type ChildProcess, spawn as spawnHere, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface GatewaydOptions {
  /** The journal's folder. */
  readonly directory: string;
  /** `tcp` takes a free port of the loopback device. */
  readonly listen?: 'unix' | 'tcp' | { readonly port: number };
  /** PEM files. (Debian's gatewayd knows no `--trust=`: it takes every client.) */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Starts the process: the machine's own spawn, or that of a sandbox. */
  readonly spawn?: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;
}

const PROGRAM = '/usr/lib/systemd/systemd-journal-gatewayd';

/** A real systemd-journal-gatewayd on a socket of its own, which can be killed and started again. */
export class Gatewayd {
  readonly address: { readonly socketPath: string } | { readonly host: string; readonly port: number; readonly basePath: string };
  readonly #options: GatewaydOptions;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(options: GatewaydOptions, port: number | undefined) {
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'gatewayd-'));
    this.address = port === undefined ? { socketPath: join(this.#folder, 'journald.sock') } : { host: '127.0.0.1', port, basePath: '' };
    open.add(this);
  }

  /** Resolves when it takes connections. */
  static async start(options: GatewaydOptions): Promise<Gatewayd> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: install the Debian package systemd-journal-remote.`);
    const { listen = 'unix' } = options;
    const gatewayd = new Gatewayd(options, listen === 'unix' ? undefined : listen === 'tcp' ? await freePort() : listen.port);
    await gatewayd.start();
    return gatewayd;
  }

  /** As the value of `--from`. */
  get url(): string {
    if ('socketPath' in this.address) return `gateway:${this.address.socketPath}`;
    return `gateway:${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.address.port}`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it again after `kill`. */
  async start(): Promise<void> {
    const { directory, tls, spawn = spawnHere } = this.#options;
    const listen = 'socketPath' in this.address ? this.address.socketPath : `127.0.0.1:${this.address.port}`;
    if ('socketPath' in this.address) rmSync(listen, { force: true });
    const secured = tls === undefined ? [] : [`--cert=${tls.cert}`, `--key=${tls.key}`];
    const child = spawn('systemd-socket-activate', ['-l', listen, PROGRAM, `--directory=${directory}`, ...secured], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on('data', (chunk: Buffer) => {
        if (said.length < 4096) said += chunk.toString();
        if (said.includes('Listening on')) resolve();
      });
      child.once('error', reject);
      child.once('close', () => reject(new Error(`systemd-socket-activate ended: ${said}`)));
    });
  }

  /** Ends it in the midst of whatever it does; its port or socket then refuses. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Halts it where it is, and lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  async stop(): Promise<void> {
    await this.kill();
    open.delete(this);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  static {
    process.once('exit', () => {
      for (const gatewayd of open) gatewayd.#child?.kill('SIGKILL');
    });
  }
}

const open = new Set<Gatewayd>();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
