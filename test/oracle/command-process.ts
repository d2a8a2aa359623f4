import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

interface Answer {
  readonly id?: number;
  readonly listening?: boolean;
  readonly error?: string;
  readonly bytesRead?: number;
}

/** One of the programs beside this file, with a line of JSON for each command and each answer. Can be killed and started again. */
export class CommandProcess {
  readonly #spawn: Spawn;
  readonly #program: string;
  #child: ChildProcess | undefined;
  #lastId = 0;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();

  constructor(spawn: Spawn, program: 'receiver.mjs' | 'chaos-proxy.mjs' | 'cloudwatch-service.ts') {
    this.#spawn = spawn;
    this.#program = fileURLToPath(new URL(program, import.meta.url));
  }

  /** Resolves when it listens. */
  async start(settings: unknown): Promise<void> {
    const loader = this.#program.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [];
    const child = this.#spawn(process.execPath, [...loader, this.#program, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    child.stdin!.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      createInterface(child.stdout!).on('line', (line) => {
        const answer = JSON.parse(line) as Answer;
        if (answer.listening === true) resolve();
        else if (answer.error !== undefined) reject(new Error(`${this.#program}: ${answer.error}`));
        else this.#answer(answer.id!, answer);
      });
      child.once('close', () => {
        for (const id of [...this.#waiting.keys()]) this.#answer(id, undefined);
        reject(new Error(`${this.#program} ended before it listened`));
      });
    });
  }

  /** Resolves to the answer, or to undefined where it does not come within `timeoutMs`. */
  async ask(command: { readonly do: string; readonly [parameter: string]: unknown }, timeoutMs = 5000): Promise<Answer | undefined> {
    const id = ++this.#lastId;
    const answered = new Promise<Answer | undefined>((resolve) => this.#waiting.set(id, resolve));
    const timer = setTimeout(() => this.#answer(id, undefined), timeoutMs);
    this.#child?.stdin?.write(`${JSON.stringify({ id, ...command })}\n`);
    try {
      return await answered;
    } finally {
      clearTimeout(timer);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Kills it, and resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  #answer(id: number, answer: Answer | undefined): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
