import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CertificateFiles } from './certificates.js';
import { LineTail } from './line-tail.js';

/** The ways in that every daemon has: `octet-counting` and `lf` are TCP, framed as RFC 6587 says. */
export type SyslogInput = 'udp' | 'octet-counting' | 'lf';

/** A message as a syslog daemon understood it; a header field that it found to be absent is empty or `-`. */
export interface ReceivedMessage {
  readonly input: string;
  readonly facility: number;
  readonly severity: number;
  /** Microseconds since the epoch. */
  readonly timestamp: number;
  readonly host: string;
  readonly app: string;
  readonly pid: string;
  readonly messageId: string;
  readonly structuredData: string;
  /** The message's bytes; `text` is the same as UTF-8. */
  readonly bytes: Buffer;
  readonly text: string;
  /** The whole message as it came, header included. */
  readonly raw: Buffer;
}

/** Inputs over TLS, by name: each answers with a certificate of its own, and takes only senders whose certificate comes from `ca`. */
export interface TlsInputs {
  readonly ca: string;
  readonly inputs: Readonly<Record<string, CertificateFiles>>;
}

/** What sets one daemon apart from another. */
export interface DaemonKind {
  readonly name: string;
  /** The inputs' ports by name; inputs that share a port name the same socket. */
  readonly sockets: Readonly<Record<string, 'tcp' | 'udp'>>;
  readonly socketOf: Readonly<Record<SyslogInput, string>>;
  config(ports: Readonly<Record<string, number>>, output: string, folder: string): string;
  command(configFile: string, folder: string): { readonly program: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv };
  parse(line: Buffer): ReceivedMessage;
}

/** A real syslog daemon on free ports of 127.0.0.1, which tells what it understood. Ends with this process. */
export class SyslogDaemon {
  readonly #kind: DaemonKind;
  readonly #folder: string;
  readonly #output: string;
  readonly #messages: ReceivedMessage[] = [];
  readonly #arrivals = new EventEmitter();
  readonly #tail: LineTail;
  #ports: Readonly<Record<string, number>> = {};
  #child: ChildProcess | undefined;
  #words = '';

  private constructor(kind: DaemonKind) {
    this.#kind = kind;
    this.#folder = mkdtempSync(join(tmpdir(), `${kind.name}-`));
    this.#output = join(this.#folder, 'messages');
    writeFileSync(this.#output, '');
    this.#arrivals.setMaxListeners(0);
    this.#tail = new LineTail(this.#output, (line) => {
      if (line.length === 0) return;
      this.#messages.push(kind.parse(line));
      this.#arrivals.emit('message');
    });
  }

  /** Resolves when all inputs are open. */
  static async start(kind: DaemonKind): Promise<SyslogDaemon> {
    const daemon = new SyslogDaemon(kind);
    try {
      for (let attempt = 1; ; attempt++) {
        daemon.#ports = await freePorts(kind.sockets);
        if (await daemon.#spawn()) return daemon;
        // Somebody else took one of the ports between our look and the daemon's.
        if (attempt === 5) throw new Error(`${kind.name} found no free ports: ${daemon.#words}`);
      }
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  port(input: SyslogInput | (string & {})): number {
    const port = this.#ports[this.#kind.socketOf[input as SyslogInput] ?? input];
    if (port === undefined) throw new Error(`${this.#kind.name} was started without an input "${input}".`);
    return port;
  }

  /** What has arrived, in the daemon's order. */
  messages(): readonly ReceivedMessage[] {
    this.#tail.read();
    return this.#messages;
  }

  /** Resolves to all messages once there are so many, or once the predicate holds of them; rejects after `timeoutMs`. */
  async waitFor(wanted: number | ((messages: readonly ReceivedMessage[]) => boolean), timeoutMs = 10_000): Promise<readonly ReceivedMessage[]> {
    const holds = typeof wanted === 'number' ? () => this.#messages.length >= wanted : () => wanted(this.#messages);
    const deadline = AbortSignal.timeout(timeoutMs);
    // The deadline's own timer does not keep the process alive.
    const alive = setInterval(() => {}, timeoutMs);
    try {
      while (this.messages() && !holds()) await once(this.#arrivals, 'message', { signal: deadline });
    } catch (cause) {
      throw new Error(`${this.#kind.name} has ${this.#messages.length} messages after ${timeoutMs} ms, not what was waited for. ${this.#words}`, { cause });
    } finally {
      clearInterval(alive);
    }
    return this.#messages;
  }

  /** Asks the daemon to end, and resolves when it has written all that it took. `restart` brings it back. */
  async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.ref();
    child.kill(signal);
    await ended;
  }

  /** Kills the daemon with SIGKILL: what it had not written is lost, a message that it was writing included. */
  async kill(): Promise<void> {
    await this.halt('SIGKILL');
    // What it writes after a restart is not to be taken for the rest of a line.
    if (this.#tail.forgetTorn()) appendFileSync(this.#output, '\n');
  }

  /** Starts the daemon again on the same ports, after halting it if it runs. Earlier messages stay. */
  async restart(): Promise<void> {
    await this.halt();
    if (!(await this.#spawn())) throw new Error(`${this.#kind.name} could not open its ports again: ${this.#words}`);
  }

  /** Stops reading (SIGSTOP) until `resume`: the kernel goes on acknowledging until its buffers are full. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends the daemon and removes its files. */
  async stop(): Promise<void> {
    await this.halt('SIGKILL');
    this.#tail.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** False where a port was taken; throws where the daemon fails otherwise. */
  async #spawn(): Promise<boolean> {
    const configFile = join(this.#folder, 'config');
    writeFileSync(configFile, this.#kind.config(this.#ports, this.#output, this.#folder));
    const { program, args, env } = this.#kind.command(configFile, this.#folder);
    this.#words = '';
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: ['ignore', 'ignore', 'pipe'], env: { TZ: process.env['TZ'], ...env } });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => (this.#words += chunk.toString()));
    (child.stderr as unknown as { unref(): void }).unref();
    child.unref();
    const started = performance.now();
    for (const [socket, protocol] of Object.entries(this.#kind.sockets)) {
      if (protocol !== 'tcp') continue;
      while (!(await accepts(this.port(socket)))) {
        const gone = child.exitCode !== null || child.signalCode !== null;
        if (/in use/i.test(this.#words)) break;
        if (gone || performance.now() - started > 10_000) throw new Error(`${this.#kind.name} did not start: ${this.#words}`);
        await pause(5);
      }
    }
    if (!/in use/i.test(this.#words)) return true;
    await this.kill();
    return false;
  }
}

/** Microseconds since the epoch of an RFC 3339 time with up to six fraction digits. */
export function microseconds(time: string): number {
  const [, seconds, fraction, zone] = /^(.{19})(?:\.(\d{1,6}))?(.*)$/.exec(time) ?? [];
  return Date.parse(`${seconds}${zone}`) * 1000 + Number((fraction ?? '').padEnd(6, '0'));
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Ports that were free a moment ago, all different. */
async function freePorts(sockets: Readonly<Record<string, 'tcp' | 'udp'>>): Promise<Readonly<Record<string, number>>> {
  const held = await Promise.all(
    Object.entries(sockets).map(async ([name, protocol]) => {
      const holder = protocol === 'tcp' ? createServer().listen(0, '127.0.0.1') : createSocket('udp4').bind(0, '127.0.0.1');
      await once(holder, 'listening');
      return { name, holder, port: (holder.address() as { readonly port: number }).port };
    }),
  );
  await Promise.all(held.map(({ holder }) => new Promise<void>((resolve) => holder.close(() => resolve()))));
  return Object.fromEntries(held.map(({ name, port }) => [name, port]));
}
