import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CountingReceiver, startCountingReceiver } from '../support/counting-receiver.js';
import { RunningForwarder } from '../support/forwarder.js';
import { eventually } from '../support/eventually.js';
import { JournalSandbox, type SandboxOptions } from '../support/journal-sandbox.js';

export interface StartOptions {
  readonly more?: readonly string[];
  /** What the forwarder is started through: a program that takes a command line. */
  readonly through?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A machine with a journal, a forwarder and a receiver, on which entries are numbered so that none can be missed. */
export class Machine {
  readonly sandbox: JournalSandbox;
  readonly receiver: CountingReceiver;
  /** The forwarder's state folder; a test may mount something over it, inside the sandbox. */
  readonly state: string;
  readonly #forwarders: RunningForwarder[] = [];
  #written = 0;

  private constructor(sandbox: JournalSandbox, receiver: CountingReceiver, state: string) {
    this.sandbox = sandbox;
    this.receiver = receiver;
    this.state = state;
  }

  /** Runs a test on a machine of its own. */
  static async with(test: (machine: Machine) => Promise<void>, options: SandboxOptions = {}): Promise<void> {
    const sandbox = await JournalSandbox.start(options);
    const machine = new Machine(sandbox, await startCountingReceiver(), await mkdtemp(join(tmpdir(), 'state-')));
    try {
      await test(machine);
    } finally {
      await machine.#stop();
    }
  }

  /** How many entries were written. */
  get written(): number {
    return this.#written;
  }

  /** The destination's name, under which its state is kept. */
  get name(): string {
    return `tcp-127.0.0.1-${this.receiver.port}`;
  }

  forward({ more = [], through = [], env = {} }: StartOptions = {}): RunningForwarder {
    const to = `tcp://127.0.0.1:${this.receiver.port}?format=cat&framing=octet-counting`;
    const forwarder = new RunningForwarder(['--state-dir', this.state, '--metrics', '127.0.0.1:0', '--to', to, ...more], {
      env,
      spawn: (command, args, options) => {
        const [first, ...rest] = [...through, command, ...args];
        return this.sandbox.spawn(first!, rest, options);
      },
    });
    this.#forwarders.push(forwarder);
    return forwarder;
  }

  /** Writes entries that go on from the last number; `uid` is the user to write as, root by default. */
  async write(count = 1, uid?: number): Promise<void> {
    const entries = Array.from({ length: count }, (_, index) => ({ MESSAGE: `entry ~Q${String(this.#written + index).padStart(9, '0')}~` }));
    this.#written += count;
    await this.sandbox.send(entries, uid);
    await this.sandbox.sync();
  }

  /** Writes entries, and resolves when all that was ever written has arrived. */
  async writeThrough(count = 1): Promise<void> {
    await this.write(count);
    await this.allArrived();
  }

  async allArrived(): Promise<void> {
    await this.receiver.waitForCount(this.#written, 30_000);
    assert.deepEqual(this.receiver.missing(this.#written), []);
  }

  /** How many entries the saved checkpoint counts as delivered; undefined where there is none. */
  async savedCount(): Promise<number | undefined> {
    const { stdout } = await this.sandbox.run('cat', [join(this.state, `${this.name}.json`)]);
    return stdout.length === 0 ? undefined : (JSON.parse(stdout.toString('utf8')) as { counts: { delivered: number } }).counts.delivered;
  }

  /** Resolves once the checkpoint covers all that has arrived, journald's own entries included. */
  async allSaved(): Promise<number | undefined> {
    const { unique, unmarked } = this.receiver.tally;
    return eventually(() => this.savedCount(), (count) => count !== undefined && count >= unique + unmarked);
  }

  /** Runs a shell command inside, in which $STATE is the state folder; rejects where it fails. */
  async shell(script: string): Promise<void> {
    const { exitCode, stderr } = await this.sandbox.run('sh', ['-c', `STATE=${this.state}; ${script}`]);
    if (exitCode !== 0) throw new Error(`${script}: ${stderr}`);
  }

  async #stop(): Promise<void> {
    for (const forwarder of this.#forwarders) await forwarder.stop('SIGKILL');
    await this.receiver.close();
    await this.sandbox.stop();
    await rm(this.state, { recursive: true, force: true });
  }
}

/** How many bytes of memory of its own a process has: neither files nor what it shares. */
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`Process ${pid} has ended.`);
  return Number(kilobytes) * 1024;
}
