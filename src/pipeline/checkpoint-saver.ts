import type { Checkpoint, CheckpointStore } from '../core/checkpoint.js';
import type { Logger } from '../core/logger.js';
import { pause } from './pause.js';

const SAVE_INTERVAL_MS = 1000;
const FINAL_RETRY_MS = 250;

/**
 * Saves a checkpoint at most once a second while it moves, and once more at the end. A save that fails is tried
 * again for ever: delivery goes on meanwhile, and only what a crash would repeat grows.
 */
export class CheckpointSaver {
  readonly #store: CheckpointStore;
  readonly #current: () => Checkpoint | undefined;
  readonly #logger: Logger;
  readonly #label: string;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> | undefined;
  #dirty = false;
  #isFirst = true;
  /** Since when something is settled that is not saved. */
  #unsavedSinceMs: number | undefined;
  #savedAtMs: number | undefined;
  #failures = 0;
  #failure: string | undefined;

  constructor(options: {
    readonly store: CheckpointStore;
    readonly current: () => Checkpoint | undefined;
    readonly logger: Logger;
    readonly label: string;
  }) {
    this.#store = options.store;
    this.#current = options.current;
    this.#logger = options.logger;
    this.#label = options.label;
  }

  /** Why the last save failed, or undefined where it did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** When it was saved last, in milliseconds since the epoch. */
  get savedAtMs(): number | undefined {
    return this.#savedAtMs;
  }

  /** For how long what is saved has been behind; 0 where it is not. */
  get unsavedMs(): number {
    return this.#unsavedSinceMs === undefined ? 0 : performance.now() - this.#unsavedSinceMs;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Notes that the checkpoint has moved. The first time it is saved at once: until then a run that dies leaves a first run behind. */
  request(): void {
    this.#unsavedSinceMs ??= performance.now();
    this.#dirty = true;
    const waitMs = this.#isFirst ? 0 : SAVE_INTERVAL_MS;
    this.#isFirst = false;
    this.#timer ??= setTimeout(() => {
      this.#saving = this.#save().finally(() => {
        this.#timer = undefined;
        this.#saving = undefined;
        if (this.#dirty) this.request();
      });
    }, waitMs);
  }

  /** Saves what is not saved yet, and stops. Resolves when that is done, or soon after the signal aborts. */
  async finish(abort: AbortSignal): Promise<void> {
    await this.#saving;
    clearTimeout(this.#timer);
    do {
      await this.#save();
    } while (this.#dirty && (await pause(FINAL_RETRY_MS, abort)));
    clearTimeout(this.#timer);
    if (this.#failure !== undefined) this.#logger.error(`${this.#label}: stopped without saving the checkpoint, so the next run repeats what was delivered since: ${this.#failure}`);
  }

  async #save(): Promise<void> {
    const checkpoint = this.#current();
    if (!this.#dirty || checkpoint === undefined) return;
    const startedMs = performance.now();
    this.#dirty = false;
    try {
      await this.#store.save(checkpoint);
      this.#savedAtMs = Date.now();
      this.#unsavedSinceMs = this.#dirty ? startedMs : undefined;
      if (this.#failure !== undefined) this.#logger.info(`${this.#label}: the checkpoint is saved again`);
      this.#failure = undefined;
    } catch (error) {
      this.#dirty = true;
      this.#failures += 1;
      const failure = error instanceof Error ? error.message : String(error);
      if (this.#failure === undefined) {
        this.#logger.warn(`${this.#label}: cannot save the checkpoint, a restart would repeat what was delivered since: ${failure}`);
      }
      this.#failure = failure;
    }
  }
}
