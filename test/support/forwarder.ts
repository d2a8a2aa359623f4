import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';

/** The program as a user runs it: needs `npm run build` first. */
export const program = fileURLToPath(new URL('../../bin/journald-forwarder.js', import.meta.url));

export interface ForwarderOptions {
  /** Starts the process: the machine's own spawn, or that of a sandbox. */
  readonly spawn?: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;
  readonly env?: Readonly<Record<string, string>>;
  /** Asks its monitor, where this process itself cannot reach it; by `fetch` otherwise. */
  readonly ask?: (url: string) => Promise<Answer>;
  /** What stands in for the user's environment besides `env`; PATH alone by default. */
  readonly stdin?: 'ignore' | 'pipe';
}

/** Of a monitor, over HTTP. */
export interface Answer {
  readonly code: number;
  readonly text: string;
}

export interface ForwarderExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A forwarder that runs, with what it says on stderr. Ended by the caller, or with this process. */
export class RunningForwarder {
  readonly child: ChildProcess;
  readonly exit: Promise<ForwarderExit>;
  readonly #events = new EventEmitter();
  readonly #stdout: Buffer[] = [];
  readonly #ask: (url: string) => Promise<Answer>;
  #stderr = '';

  constructor(args: readonly string[], options: ForwarderOptions = {}) {
    const start = options.spawn ?? spawn;
    this.#ask = options.ask ?? fetched;
    this.child = start(process.execPath, [program, ...args], {
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...options.env },
    });
    this.child.stdout!.on('data', (bytes: Buffer) => this.#stdout.push(bytes));
    this.child.stderr!.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString('utf8');
      this.#events.emit('said');
    });
    this.exit = once(this.child, 'close').then(([code, signal]) => {
      running.delete(this);
      this.#events.emit('said');
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout: Buffer.concat(this.#stdout), stderr: this.#stderr };
    });
    running.add(this);
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when stderr matches; rejects when the process ends before. */
  async says(pattern: RegExp, timeoutMs = 30_000): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs);
    while (!pattern.test(this.#stderr)) {
      if (!running.has(this) || timeout.aborted) throw new Error(`The forwarder did not say ${String(pattern)}. It said:\n${this.#stderr}`);
      await once(this.#events, 'said', { signal: timeout }).catch(() => undefined);
    }
  }

  /** What its monitor answers, where it was started with `--metrics`. */
  async answer(path: '/readyz' | '/healthz' | '/metrics'): Promise<Answer> {
    await this.says(/Metrics and health are served at /);
    return this.#ask(/served at (http:\/\/\S+)\/metrics/.exec(this.#stderr)![1]! + path);
  }

  /** Resolves when `/readyz` says that all is well. */
  async isReady(): Promise<void> {
    await eventually(() => this.answer('/readyz'), ({ code }) => code === 200);
  }

  /** Resolves when `/readyz` says what is wrong. */
  async isNotReady(why: RegExp): Promise<void> {
    await eventually(() => this.answer('/readyz'), ({ code, text }) => code === 503 && why.test(text));
  }

  /** Asks it to stop, and resolves when it has. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ForwarderExit> {
    this.child.kill(signal);
    return this.exit;
  }
}

/** Runs the forwarder to its end. */
export function runForwarder(args: readonly string[], options: ForwarderOptions = {}): Promise<ForwarderExit> {
  return new RunningForwarder(args, options).exit;
}

async function fetched(url: string): Promise<Answer> {
  const response = await fetch(url);
  return { code: response.status, text: await response.text() };
}

const running = new Set<RunningForwarder>();
process.once('exit', () => {
  for (const { child } of running) child.kill('SIGKILL');
});
