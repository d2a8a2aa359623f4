import { ReadingGivenUp } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { MAX_FAILURES } from '../../core/reader-options.js';

export interface TroubleOptions {
  /** The program that is run. */
  readonly path: string;
  /** Whether it is tried for ever, or MAX_FAILURES times. */
  readonly isForEver: boolean;
  readonly logger: Logger;
}

/** After so many failures without an entry between them, it is no accident any more. */
const PATIENCE = 3;
const LOG_INTERVAL_MS = 60_000;
/** A follower that lives for so long works, though it may have nothing to print. */
const WORKING_AFTER_MS = 5000;

/** Knows whether journalctl fails again and again, so that nothing is read any more. Says so when it begins and once a minute. */
export class Trouble {
  readonly #options: TroubleOptions;
  #failures = 0;
  #why: string | undefined;
  #loggedMs = -Infinity;

  constructor(options: TroubleOptions) {
    this.#options = options;
  }

  /** Why nothing can be read; undefined while it is no trouble, or not yet. */
  get why(): string | undefined {
    return this.#failures >= PATIENCE ? this.#why : undefined;
  }

  /** Journalctl has failed. Throws a ReadingGivenUp where that was once too often, unless the next attempt is made elsewhere (`isElsewhere`). */
  failed(why: string, isElsewhere = false): void {
    const { path, isForEver, logger } = this.#options;
    this.#failures += 1;
    this.#why = why;
    if (!isForEver && !isElsewhere && this.#failures >= MAX_FAILURES) throw givenUp(path, this.#failures, why);
    if (this.#failures < PATIENCE || performance.now() - this.#loggedMs < LOG_INTERVAL_MS) return;
    this.#loggedMs = performance.now();
    logger.error(`Nothing can be read, since journalctl fails each time: ${why}. It is tried again until it works${isForEver ? '' : ', or has failed too often'}`);
  }

  /** It has printed an entry, or reading has moved on. */
  passed(): void {
    if (this.why !== undefined) this.#options.logger.info('journalctl works again');
    this.#failures = 0;
    this.#loggedMs = -Infinity;
  }

  /** A follower has been started; returns what to call when it has ended. */
  follows(): () => void {
    const timer = setTimeout(() => this.passed(), WORKING_AFTER_MS);
    return () => clearTimeout(timer);
  }
}

function givenUp(path: string, failures: number, why: string): ReadingGivenUp {
  return new ReadingGivenUp(
    'ERR_JOURNALCTL',
    `Gave up reading the journal: "${path}" has failed ${failures} times in a row, the last time so: ${why}. Mend what it complains of, or name another program with --journalctl-path, and start again.`,
  );
}
