import type { Checkpoint, CheckpointStore } from '../../src/core/checkpoint.js';
import type { DeadLetter, DeadLetters } from '../../src/core/dead-letters.js';

/** A checkpoint in memory. */
export class MemoryCheckpoints implements CheckpointStore {
  saved: Checkpoint | undefined;
  saves = 0;
  /** What the next saves fail with. */
  readonly failures: Error[] = [];
  readonly #waiting: (() => void)[] = [];

  load(): Promise<Checkpoint | undefined> {
    return Promise.resolve(this.saved);
  }

  save(checkpoint: Checkpoint): Promise<void> {
    const failure = this.failures.shift();
    if (failure === undefined) this.saved = structuredClone(checkpoint);
    this.saves += 1;
    for (const wake of this.#waiting.splice(0)) wake();
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  }

  /** Resolves at the next save, also at one that fails. */
  nextSave(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Dead letters in memory. */
export class MemoryDeadLetters implements DeadLetters {
  readonly letters: DeadLetter[] = [];

  get contents(): string[] {
    return this.letters.map(({ content }) => Buffer.from(content).toString());
  }

  write(letter: DeadLetter, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    this.letters.push(letter);
    return Promise.resolve();
  }
}
