import { textOf, type Entry } from '../../../src/core/entry.js';
import type { Position } from '../../../src/core/position.js';
import type { Source } from '../../../src/core/source.js';
import type { RecordedLogger } from '../../support/recorded-logger.js';

/** Pulls a source as fast as it gives, and tells of what comes. */
export class Follower {
  /** Without what journald itself says, and what the kernel's auditing may. */
  readonly entries: Entry[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  readonly #source: Source;
  readonly #logger: RecordedLogger;
  #throughs: Position[] = [];
  #wake = (): void => undefined;

  constructor(source: Source, after: Position | undefined, logger: RecordedLogger) {
    this.#source = source;
    this.#logger = logger;
    this.#done = this.#pull(after);
    this.#done.catch(() => undefined);
  }

  get messages(): (string | undefined)[] {
    return this.entries.map((entry) => textOf(entry, 'MESSAGE'));
  }

  async until(message: string): Promise<void> {
    await this.#when(() => this.messages.includes(message));
  }

  /** Resolves when the source has said that there is nothing to give up to this entry. */
  async through(cursor: string): Promise<void> {
    await this.#when(() => this.#throughs.some((position) => position.cursor === cursor));
  }

  /** Resolves when its journalctl, or its gateway, follows, so that what is logged from then on is live. */
  async isFollowing(): Promise<void> {
    await this.#logger.line(/^debug: (journalctl .*--follow|.*: following)/);
  }

  positionOf(message: string): Position {
    const { cursor, timestamp } = this.entries[this.messages.indexOf(message)]!;
    return { cursor, timestamp };
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #pull(after: Position | undefined): Promise<void> {
    for await (const chunk of this.#source.read(after, this.#abort.signal)) {
      this.entries.push(...chunk.entries.filter((entry) => textOf(entry, '_TRANSPORT') === 'journal'));
      if (chunk.through !== undefined) this.#throughs.push(chunk.through);
      this.#wake();
    }
  }

  async #when(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        this.#done.then(() => Promise.reject(new Error('the source has ended'))),
      ]);
    }
  }
}
