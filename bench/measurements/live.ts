import { type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { JournalSandbox } from '../../test/support/journal-sandbox.js';
import { launchers } from '../contestants/ours.js';
import { EntryGenerator } from '../corpus-entries.js';
import { median, quantile } from '../report/statistics.js';
import { Random } from '../random.js';
import { markOf } from '../rig/mark.js';
import { MarkScanner } from '../rig/marks.js';
import { childrenOf, exactCpuSeconds, reapedBy } from '../rig/processes.js';

export interface Live {
  /** From the entry's writer to `journalctl -f`'s output, and to the receiver behind this program, of the same entries. */
  readonly journalctlMs: Latency;
  readonly oursMs: Latency;
  /** Shares of a core while a thousand entries a second are written: 0.08 is 8 %. */
  readonly busy: Load;
  /** While nothing is written. */
  readonly idle: Load;
}

export interface Latency {
  readonly median: number;
  readonly p95: number;
}

export interface Load {
  readonly entriesPerSecond: number;
  readonly own: number;
  readonly journalctl: number;
}

export interface LiveOptions {
  readonly latencies?: number;
  /** Of a thousand entries each: those after which it is measured, and those in which. */
  readonly warmSeconds?: number;
  readonly busySeconds?: number;
  readonly idleSeconds?: number;
}

/** Follows a real journald of its own, over TCP as RFC 5424, and measures how long an entry takes and what that costs. */
export async function measureLive({ latencies = 60, warmSeconds = 20, busySeconds = 20, idleSeconds = 30 }: LiveOptions = {}): Promise<Live> {
  const sandbox = await JournalSandbox.start();
  const state = await mkdtemp(join(tmpdir(), 'bench-live-'));
  const receiver = await Receiver.listen();
  try {
    const { program, args } = launchers.node;
    const ours = sandbox.spawn(program, [...args, '--start', 'now', '--state-dir', state, '--log-level', 'warn', '--to', `tcp://127.0.0.1:${receiver.port}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    const journalctl = sandbox.spawn('journalctl', ['-f', '-n', '0', '-o', 'cat'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const followed = new Arrivals();
    const scanner = new MarkScanner(followed);
    journalctl.stdout?.on('data', (chunk: Buffer) => scanner.push(chunk));

    const both = [followed, receiver.arrivals];
    let number = 0;
    while (both.some(({ last }) => last === -1)) {
      await sandbox.send({ MESSAGE: markOf(number++) });
      await pause(100);
    }
    const delays = await measureLatencies(sandbox, both, number, latencies);
    journalctl.kill();
    await once(journalctl, 'exit');
    // A forwarder runs for weeks: what Node.js compiles in its first seconds is not what a thousand entries a second take.
    await measureBusy(sandbox, ours, receiver.arrivals, number + latencies, warmSeconds);
    const busy = await measureBusy(sandbox, ours, receiver.arrivals, number + latencies + warmSeconds * 1000, busySeconds);
    // What the last entries leave to do: to confirm and to save them, to collect what they left behind, and after half a minute of silence to ask journalctl whether that is right.
    await pause(40_000);
    const idle = await measureLoad(ours, 0, () => pause(idleSeconds * 1000));
    return { journalctlMs: delays[0] as Latency, oursMs: delays[1] as Latency, busy, idle };
  } finally {
    await sandbox.stop();
    receiver.close();
    await rm(state, { recursive: true });
  }
}

async function measureLatencies(sandbox: JournalSandbox, readers: readonly Arrivals[], first: number, count: number): Promise<Latency[]> {
  const random = new Random(1);
  const delays = readers.map((): number[] => []);
  for (let number = first; number < first + count; number++) {
    // journald wakes its readers by a timer of 250 ms: entries come at any moment of it.
    await pause(random.between(50, 300));
    const written = performance.now();
    await sandbox.send({ MESSAGE: `a line such as logger writes ${markOf(number)}`, PRIORITY: '6', SYSLOG_IDENTIFIER: 'bench' });
    const arrived = await Promise.all(readers.map((reader) => reader.of(number)));
    arrived.forEach((ms, reader) => delays[reader]?.push(ms - written));
  }
  return delays.map((values) => ({ median: median(values), p95: quantile(values, 0.95) }));
}

async function measureBusy(sandbox: JournalSandbox, ours: ChildProcess, arrivals: Arrivals, first: number, seconds: number): Promise<Load> {
  const generator = new EntryGenerator(2);
  const total = seconds * 1000;
  const perWrite = 20;
  return measureLoad(ours, total, async () => {
    const started = performance.now();
    for (let sent = 0; sent < total; sent += perWrite) {
      await pause(Math.max(0, started + sent - performance.now()));
      await sandbox.send(Array.from({ length: perWrite }, (_, index) => writable(generator, first + sent + index)));
    }
    await arrivals.of(first + total - 1);
  });
}

/** An entry's fields without those that only journald itself may set. */
function writable(generator: EntryGenerator, number: number): Record<string, string | Uint8Array> {
  return Object.fromEntries(generator.next(number).filter(([name]) => !name.startsWith('_')));
}

async function measureLoad({ pid = 0 }: ChildProcess, entries: number, during: () => Promise<unknown>): Promise<Load> {
  const cpu = (): { own: number; journalctl: number } => ({ own: exactCpuSeconds(pid), journalctl: childrenOf(pid).reduce((sum, child) => sum + exactCpuSeconds(child), reapedBy(pid)) });
  const before = cpu();
  const started = performance.now();
  await during();
  const seconds = (performance.now() - started) / 1000;
  const after = cpu();
  return { entriesPerSecond: entries / seconds, own: (after.own - before.own) / seconds, journalctl: (after.journalctl - before.journalctl) / seconds };
}

/** When each mark came. */
class Arrivals {
  last = -1;
  readonly #at = new Map<number, number>();
  readonly #events = new EventEmitter();

  count(number: number): void {
    this.last = number;
    if (!this.#at.has(number)) this.#at.set(number, performance.now());
    this.#events.emit('arrival');
  }

  /** Resolves when it has come, to the time at which it did. Rejects after 30 s. */
  async of(number: number): Promise<number> {
    const signal = AbortSignal.timeout(30_000);
    for (;;) {
      const at = this.#at.get(number);
      if (at !== undefined) return at;
      await once(this.#events, 'arrival', { signal });
    }
  }
}

class Receiver {
  readonly arrivals = new Arrivals();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => {
      const scanner = new MarkScanner(this.arrivals);
      socket.on('data', (chunk: Buffer) => scanner.push(chunk)).on('error', () => {});
    });
  }

  static async listen(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}
