import type { Logger } from '../../core/logger.js';

/** After so many failures without an entry between them, it is no accident any more. */
const PATIENCE = 3;
const LOG_INTERVAL_MS = 60_000;
/** A follower that lives for so long works, though it may have nothing to print. */
const WORKING_AFTER_MS = 5000;

/** Knows whether journalctl fails again and again, so that nothing is read any more. Says so when it begins and once a minute. */
export class Trouble {
  readonly #logger: Logger;
  #failures = 0;
  #why: string | undefined;
  #loggedMs = -Infinity;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Why nothing can be read; undefined while it is no trouble, or not yet. */
  get why(): string | undefined {
    return this.#failures >= PATIENCE ? this.#why : undefined;
  }

  /** Journalctl has failed. */
  failed(why: string): void {
    this.#failures += 1;
    this.#why = why;
    if (this.#failures < PATIENCE || performance.now() - this.#loggedMs < LOG_INTERVAL_MS) return;
    this.#loggedMs = performance.now();
    this.#logger.error(`Nothing can be read, since journalctl fails each time: ${why}. It is tried again until it works`);
  }

  /** It has printed an entry, or reading has moved on. */
  passed(): void {
    if (this.why !== undefined) this.#logger.info('journalctl works again');
    this.#failures = 0;
    this.#loggedMs = -Infinity;
  }

  /** A follower has been started; returns what to call when it has ended. */
  follows(): () => void {
    const timer = setTimeout(() => this.passed(), WORKING_AFTER_MS);
    return () => clearTimeout(timer);
  }
}
