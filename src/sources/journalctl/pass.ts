import { Deadline } from '../../core/deadline.js';
import type { Entry } from '../../core/entry.js';
import type { Logger } from '../../core/logger.js';
import type { Chunk } from '../../core/source.js';
import { readComplaints } from './complaints.js';
import type { JournalFiles } from './files.js';
import { HangWatch } from './hang-watch.js';
import { Intake } from './intake.js';
import type { Place } from './place.js';
import { startJournalctl, type Exit, type JournalctlProgram } from './process.js';
import { ReadAgain } from './read-again.js';
import type { Sift } from './sift.js';
import type { Trouble } from './trouble.js';

export interface PassOptions {
  readonly program: JournalctlProgram;
  readonly args: readonly string[];
  /** Whether journalctl reads to an end; otherwise it follows. */
  readonly isBulk: boolean;
  readonly decode: (stdout: AsyncIterable<Buffer>) => AsyncIterable<Chunk>;
  /** Moves on with what is yielded. */
  readonly place: Place;
  readonly sift: Sift;
  readonly files: JournalFiles;
  readonly trouble: Trouble;
  readonly logger: Logger;
  /** A journalctl that nobody pulled for so long is stopped. */
  readonly stalledMs: number;
  /** One that reads in bulk and does nothing for so long hangs, and is stopped. */
  readonly silentMs: number;
  readonly signal: AbortSignal;
}

/** How a journalctl ended, and so what comes next. */
export type End =
  /** It printed all that there was. */
  | { readonly kind: 'complete' }
  /** What it would print is not what the journal has: read in bulk from the last entry. */
  | { readonly kind: 'again'; readonly why: ReadAgain }
  /** `partial`: the entry that it was printing when it died. */
  | { readonly kind: 'failed'; readonly exit: Exit; readonly partial: Entry | undefined };

/**
 * One journalctl from its start to its end: yields what is new, reads no further than it is pulled. It is gone when the
 * pass has ended, however that ends: by itself, because it hung or nobody pulled, by `signal`, or by a `return`.
 */
export async function* passOf(options: PassOptions): AsyncGenerator<Chunk, End> {
  const { program, args, isBulk, decode, place, sift, files, trouble, logger, stalledMs, silentMs, signal } = options;
  logger.debug(`journalctl ${args.join(' ')}`);
  const intake = await Intake.open();
  const journalctl = startJournalctl(program, args, intake);
  const stop = (): void => void journalctl.stop();
  signal.addEventListener('abort', stop, { once: true });
  // One that came before is not heard any more.
  if (signal.aborted) stop();
  let isStalled = false;
  let isHung = false;
  // A silent follower has nothing to print, as a rule; whether it should have, others look.
  const everyMs = isBulk ? silentMs : undefined;
  const hangWatch = everyMs === undefined ? undefined : new HangWatch({ pid: journalctl.pid, everyMs, onHung: () => { isHung = true; stop(); } });
  const stall = new Deadline(() => {
    isStalled = true;
    logger.debug('Stopping journalctl, since nobody pulled for long');
    stop();
  });
  let isOver = false;
  let isOpened = false;
  const ended = isBulk ? undefined : trouble.follows();
  place.begin();
  try {
    for await (const chunk of decode(journalctl.stdout)) {
      hangWatch?.came();
      if (!isOpened) await files.checkOpening(journalctl, sift);
      else if (!isBulk) await files.checkWhileFollowing();
      isOpened = true;
      const { chunk: fresh, again } = sift.take(chunk, isBulk);
      if (fresh !== undefined) {
        trouble.passed();
        stall.set(stalledMs);
        yield fresh;
        stall.drop();
      }
      if (isStalled || isHung || signal.aborted) break;
      if (again !== undefined) throw again;
      hangWatch?.awaits();
    }
    isOver = !isStalled && !isHung && !signal.aborted;
    if (isOver && !isOpened) {
      const { code } = await journalctl.exit;
      if (code === 0) await files.checkOpening(journalctl, sift);
    }
  } catch (error) {
    if (error instanceof ReadAgain) {
      isOver = false;
      return { kind: 'again', why: error };
    }
    // Its stdout fails when we stop it.
    if (!isStalled && !isHung && !signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    hangWatch?.stop();
    stall.stop();
    ended?.();
    // One that has closed its stdout is about to exit: a signal now would hide how.
    if (!isOver) await journalctl.stop();
  }
  if (isHung) return { kind: 'again', why: new ReadAgain('silent', 'it hung') };
  if (!isOver) return { kind: 'again', why: new ReadAgain('stalled', 'nobody pulled for long', true) };
  const exit = await journalctl.exit;
  if (exit.code !== 0) return { kind: 'failed', exit, partial: undefined };
  const { rest } = readComplaints(exit.stderr);
  if (rest !== '') logger.warn(`journalctl: ${rest}`);
  return { kind: 'complete' };
}

/** One clause for a person. */
export function howItEnded({ code, signal, stderr }: Exit): string {
  if (signal !== undefined) return `it was ended by ${signal}`;
  return `it exited${code === undefined ? '' : ` with ${code}`}${stderr === '' ? '' : ` (${stderr})`}`;
}
