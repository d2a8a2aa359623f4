import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { StateLock } from './lock.js';

const RETRY_MS = 1000;
const LOG_INTERVAL_MS = 60_000;
/** Trouble of the machine that passes, or that somebody mends, while settings and rights are as they should be. */
const TROUBLES = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ESTALE', 'ENFILE', 'ENOMEM'];

export interface LockWaitOptions {
  readonly take: () => Promise<StateLock>;
  /** Hears why the lock cannot be taken yet, at each attempt, and undefined once it is held; is waited for. */
  readonly onTrouble: (why: string | undefined) => Promise<void>;
  /** As logs name what waits. */
  readonly label: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Takes a lock, and where the machine itself does not let the state folder be written, waits until it does: without
 * the lock nothing keeps a second process away. Says so when it begins and once a minute. Resolves to undefined soon
 * after `signal` aborts; throws what only an operator can mend.
 */
export async function waitForLock({ take, onTrouble, label, logger, signal }: LockWaitOptions): Promise<StateLock | undefined> {
  let loggedMs = -Infinity;
  while (!signal.aborted) {
    let why: string;
    try {
      const lock = await take();
      if (loggedMs > -Infinity) logger.info(`${label}: the state folder can be written`);
      await onTrouble(undefined);
      return lock;
    } catch (error) {
      if (!(error instanceof OperatorError) || !isPassing(error.cause)) throw error;
      why = error.message;
    }
    await onTrouble(why);
    if (performance.now() - loggedMs >= LOG_INTERVAL_MS) {
      logger.warn(`${label}: ${why} Nothing is delivered before that; trying again`);
      loggedMs = performance.now();
    }
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

function isPassing(cause: unknown): boolean {
  return TROUBLES.includes((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
}
