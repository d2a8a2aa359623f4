import { readFile } from 'node:fs/promises';

export interface HangWatchOptions {
  readonly pid: number | undefined;
  /** How often to look: one that does nothing from one look to the next hangs. */
  readonly everyMs: number;
  readonly onHung: () => void;
}

/**
 * Notices a process that does nothing at all, although its output is waited for: one that was stopped, or hangs on a
 * dead disk. One that is at work has used the processor or had pages loaded in between, however long it finds nothing
 * to print. While its output is not waited for it may well be held up, and is not looked at.
 */
export class HangWatch {
  readonly #options: HangWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #isAwaited = true;
  /** What it had done at the last look, if nothing has come since. */
  #done: string | undefined;

  constructor(options: HangWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.everyMs);
  }

  /** Something came, which its consumer now takes. */
  came(): void {
    this.#isAwaited = false;
    this.#done = undefined;
  }

  /** More is waited for. */
  awaits(): void {
    this.#isAwaited = true;
  }

  stop(): void {
    this.came();
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const before = this.#done;
    const done = await doneBy(this.#options.pid);
    if (!this.#isAwaited || done === undefined) return;
    // Where something came during the look, `before` is of another wait.
    if (done === before && this.#done === before) this.#options.onHung();
    else this.#done = done;
  }
}

/** Page faults and processor time of a process, proc_pid_stat(5); undefined where they cannot be known. */
async function doneBy(pid: number | undefined): Promise<string | undefined> {
  if (pid === undefined) return undefined;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name, in which there may be anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [minorFaults, , majorFaults, , userTime, systemTime] = fields.slice(7);
  return systemTime === undefined ? undefined : [minorFaults, majorFaults, userTime, systemTime].join(' ');
}
