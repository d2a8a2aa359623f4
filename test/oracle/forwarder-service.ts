import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { program } from '../support/forwarder.js';
import type { Spawn } from './command-process.js';

/** systemd's own default is 100 ms. */
const RESTART_AFTER_MS = 300;

/** The forwarder as systemd runs it: started again whenever it ends, until it is stopped. Its stderr is kept in a file. */
export class ForwarderService {
  readonly #spawn: Spawn;
  readonly #args: readonly string[];
  readonly #log: string;
  #child: ChildProcess | undefined;
  #isWanted = true;
  #supervision: Promise<void> | undefined;
  #holdUntil = 0;
  starts = 0;
  /** How often it ended without having been told to. */
  unasked: string[] = [];
  /** What it said of itself that it must never have to say. */
  readonly bugs: string[] = [];
  #asked = new Set<ChildProcess>();
  /** The largest resident anonymous memory that was seen, in KiB. */
  peakMemoryKiB = 0;

  constructor(spawn: Spawn, args: readonly string[], log: string) {
    this.#spawn = spawn;
    this.#args = args;
    this.#log = log;
  }

  start(): void {
    this.#supervision = this.#supervise();
  }

  /** Kills it in the midst of whatever it does; it is started again after `downMs`. */
  async kill(downMs: number): Promise<void> {
    await this.#end('SIGKILL', downMs);
  }

  /** Asks it to stop, as a restart of the unit does. */
  async restart(downMs: number): Promise<void> {
    await this.#end('SIGTERM', downMs);
  }

  /** Stops it for good; resolves to its exit code. */
  async stop(): Promise<number | null> {
    this.#isWanted = false;
    const child = this.#child;
    await this.#end('SIGTERM', 0);
    await this.#supervision;
    return child?.exitCode ?? null;
  }

  /** The journalctl processes that it runs. */
  journalctls(): readonly number[] {
    const pid = this.#child?.pid;
    if (pid === undefined) return [];
    try {
      const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
      return children.filter((child) => readFileSync(`/proc/${child}/comm`, 'utf8').startsWith('journalctl'));
    } catch {
      return [];
    }
  }

  measure(): void {
    try {
      const memory = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8'))?.[1];
      this.peakMemoryKiB = Math.max(this.peakMemoryKiB, Number(memory ?? 0));
    } catch {
      // It is down just now.
    }
  }

  async #end(signal: NodeJS.Signals, downMs: number): Promise<void> {
    this.#holdUntil = performance.now() + downMs;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.#asked.add(child);
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async #supervise(): Promise<void> {
    while (this.#isWanted) {
      const child = this.#spawn(process.execPath, [program, ...this.#args], { stdio: ['ignore', 'inherit', 'pipe'], env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_EC2_METADATA_DISABLED: 'true' } });
      this.#child = child;
      this.starts += 1;
      this.#note(`--- started, process ${child.pid}\n`);
      createInterface(child.stderr!).on('line', (line) => {
        this.#note(`${line}\n`);
        if (line.includes('This is a bug')) this.bugs.push(line);
      });
      const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
      this.#note(`--- ended with ${signal ?? String(code)}\n`);
      if (!this.#asked.has(child)) this.unasked.push(signal ?? String(code));
      if (this.#isWanted) await pause(RESTART_AFTER_MS);
      while (this.#isWanted && performance.now() < this.#holdUntil) await pause(50);
    }
  }

  #note(text: string): void {
    const at = new Date().toISOString().slice(11, 23);
    appendFileSync(this.#log, text.replace(/^(?=.)/gm, `${at} `));
  }
}
