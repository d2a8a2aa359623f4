import type { Cursor } from '../../core/entry.js';
import { OperatorError } from '../../core/errors.js';
import type { Position } from '../../core/position.js';
import type { JournalSelection } from './arguments.js';
import type { JournalctlProgram } from './process.js';
import { bootsOf, entryAt, newestEntry, oldestOfBoot, type Boot, type Found } from './queries.js';

/** journalctl answers in a few milliseconds, also about a journal of many gigabytes. */
const TIMEOUT_MS = 30_000;

/** Questions to journalctl beside the reading, which may hang as the reading may. */
export class Inquiry {
  readonly #program: JournalctlProgram;
  readonly #onTimeout: (seconds: number) => void;

  constructor(program: JournalctlProgram, onTimeout: (seconds: number) => void) {
    this.#program = program;
    this.#onTimeout = onTimeout;
  }

  /** The newest entry, asked for until there is an answer; undefined where there is none, or when `signal` aborts before. */
  async newest(selection: JournalSelection, signal: AbortSignal, matches?: readonly string[]): Promise<Position | undefined> {
    for (;;) {
      try {
        return await newestEntry(selection, this.#program, matches, withTimeout(signal));
      } catch (error) {
        if (signal.aborted) return undefined;
        if (error instanceof OperatorError) throw error;
        this.#onTimeout(TIMEOUT_MS / 1000);
      }
    }
  }

  /** The newest entry, asked for once, where not to know does no harm. */
  async newestIfKnown(selection: JournalSelection, signal: AbortSignal, matches?: readonly string[]): Promise<Position | undefined> {
    try {
      return await newestEntry(selection, this.#program, matches, withTimeout(signal));
    } catch (error) {
      if (error instanceof OperatorError && !signal.aborted) throw error;
      return undefined;
    }
  }

  /** The entry that journalctl takes a cursor for, whatever the selection's conditions; `isSure` tells whether it could look everywhere. */
  entryAt(cursor: Cursor, selection: JournalSelection, signal: AbortSignal, matches?: readonly string[]): Promise<Found> {
    return entryAt(cursor, selection, this.#program, withTimeout(signal), matches);
  }

  /** The first entry of a boot, asked for once; undefined also where that cannot be known. */
  async oldestOfBoot(bootId: string, selection: JournalSelection, signal: AbortSignal): Promise<Position | undefined> {
    return (await oldestOfBoot(bootId, selection, this.#program, withTimeout(signal))).entry;
  }

  /** The boots whose beginning the journal has, in their order; asked for once, and none where that cannot be known. */
  async boots(selection: JournalSelection, signal: AbortSignal): Promise<readonly Boot[]> {
    return bootsOf(selection, this.#program, withTimeout(signal)).catch((error: unknown) => {
      if (error instanceof OperatorError) throw error;
      return [];
    });
  }
}

function withTimeout(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
}
