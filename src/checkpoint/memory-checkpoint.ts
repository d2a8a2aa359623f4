import type { Checkpoint, CheckpointStore } from '../core/checkpoint.js';

/** A checkpoint that lasts as long as the process: for `--no-checkpoint`, so that new settings at a SIGHUP do not begin anew. */
export class MemoryCheckpoint implements CheckpointStore {
  #saved: Checkpoint | undefined;

  load(): Promise<Checkpoint | undefined> {
    return Promise.resolve(this.#saved);
  }

  save(checkpoint: Checkpoint): Promise<void> {
    this.#saved = checkpoint;
    return Promise.resolve();
  }
}
