import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type SinkCounts, type SinkOptions, type SinkReply, type SinkRequest } from './sink-messages.js';

/** The receiver of one contestant after another, in a process of its own (`sink-process.ts`). */
export class SinkProcess {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (reply: SinkReply) => void; reject: (error: Error) => void; wanted: (reply: SinkReply) => boolean }[] = [];
  #settled: 'complete' | 'idle' | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (reply: SinkReply) => this.#take(reply));
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`The sink's process ended (${signal ?? code}).`));
    });
  }

  /** Runs the TypeScript file the way this process was started, with tsx. */
  static async start(): Promise<SinkProcess> {
    const child = fork(fileURLToPath(new URL('sink-process.ts', import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'spawn');
    return new SinkProcess(child);
  }

  /** Resolves to the port on 127.0.0.1 that it listens on. */
  async open(options: SinkOptions): Promise<number> {
    this.#settled = undefined;
    const reply = await this.#ask({ open: options }, (answer) => 'port' in answer);
    return (reply as { readonly port: number }).port;
  }

  /** Resolves when every mark has come, or nothing more does. */
  async settled(): Promise<'complete' | 'idle'> {
    if (this.#settled !== undefined) return this.#settled;
    const reply = await this.#ask(undefined, (answer) => 'settled' in answer);
    return (reply as { readonly settled: 'complete' | 'idle' }).settled;
  }

  /** Ends every connection, and resolves to what was counted. */
  async close(): Promise<SinkCounts> {
    const reply = await this.#ask({ close: true }, (answer) => 'counts' in answer);
    return (reply as { readonly counts: SinkCounts }).counts;
  }

  stop(): void {
    this.#child.disconnect();
    this.#child.kill();
  }

  #ask(request: SinkRequest | undefined, wanted: (reply: SinkReply) => boolean): Promise<SinkReply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject, wanted });
      if (request !== undefined) this.#child.send(request);
    });
  }

  #take(reply: SinkReply): void {
    if ('settled' in reply) this.#settled = reply.settled;
    for (const waiter of this.#waiting.filter(({ wanted }) => wanted(reply))) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      waiter.resolve(reply);
    }
  }
}
