import { setTimeout as pause } from 'node:timers/promises';
import type { JournalSandbox } from '../support/journal-sandbox.js';
import { Random } from './random.js';

/** Each writer counts in a range of its own. */
const RANGE = 300_000_000;
/** Whose entries journald keeps in system.journal, and whose in a user-UID.journal: following skips entries only where there are both. */
const USERS = [undefined, 4242] as const;
/** Which also counts for itself, as it writes at the same time as the others. */
const BURST = USERS.length;
const EVERY_MS = 100;
/** Longer than a datagram can be. Few, since the small state disk holds what UDP refuses. */
const LONG_BYTES = 70_000;
const MOST_LONG = 30;

export function writerOf(number: number): number {
  return Math.floor(number / RANGE);
}

/** Two users who write numbered entries to a sandbox's journal, in pulses. */
export class Writers {
  readonly #sandbox: JournalSandbox;
  readonly #random: Random;
  readonly #perSecond: number;
  readonly #counts = [...USERS.map(() => 0), 0];
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;
  #long = 0;

  constructor(sandbox: JournalSandbox, seed: number, perSecond: number) {
    this.#sandbox = sandbox;
    this.#random = new Random(seed, 'writers');
    this.#perSecond = perSecond;
  }

  /** How many entries were sent; some of them journald may have lost when it was killed. */
  get sent(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  start(): void {
    this.#running = Promise.all(USERS.map((_, writer) => this.#write(writer)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Long entries as fast as journald takes them: more than all the buffers on the way to a receiver hold. */
  async burst(totalBytes: number): Promise<void> {
    const each = 40_000;
    await this.#send(BURST, Array.from({ length: Math.ceil(totalBytes / each) }, () => each));
  }

  async #write(writer: number): Promise<void> {
    const mean = (this.#perSecond * EVERY_MS) / 1000 / USERS.length;
    while (!this.#stop.signal.aborted) {
      const count = Math.round(this.#random.between([0.4 * mean, 1.6 * mean]));
      const lengths = Array.from({ length: count }, () => this.#length());
      await this.#send(writer, lengths);
      await pause(EVERY_MS);
    }
  }

  #length(): number {
    if (this.#long === MOST_LONG || this.#random.next() > 1 / 1500) return Math.round(this.#random.between([20, 200]));
    this.#long += 1;
    return LONG_BYTES;
  }

  async #send(writer: number, lengths: readonly number[]): Promise<void> {
    const entries = lengths.map((length) => {
      const number = String(writer * RANGE + this.#counts[writer]!++).padStart(9, '0');
      return { MESSAGE: `~Q${number}~ ${'abcdefghijklmnopqrstuvwxy\t'.repeat(Math.ceil(length / 26)).slice(0, length)}`, PRIORITY: '6', SYSLOG_IDENTIFIER: `writer-${writer}` };
    });
    // What cannot be sent while journald is away is missing from the journal too, which is what counts.
    await this.#sandbox.send(entries, USERS[writer]).catch(() => undefined);
  }
}
