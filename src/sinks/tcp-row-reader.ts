import { setImmediate as afterPendingEvents } from 'node:timers/promises';
import type { Logger } from '../core/logger.js';
import type { TcpRow } from './tcp-table.js';

const GREATEST_INTERVAL_MS = 5000;
const GREATEST_EARLY_INTERVAL_MS = 750;
const JUDGED_READINGS = 6;
/** Why a table cannot be read that can be read a little later. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];

export interface TcpRowReaderOptions {
  /** Looks the connection up in the kernel's table; undefined where there is none to look in. */
  readonly readRow: (() => Promise<TcpRow | undefined>) | undefined;
  /** The share of the time that may go into reading the table. A hundredth where it is undefined. */
  readonly tableShare: number | undefined;
  readonly leastIntervalMs: number;
  /** True once the connection may be in the table no more, so that nothing follows from its absence. */
  readonly mayBeGone: () => boolean;
  readonly logger: Logger;
}

/**
 * Reads one connection's row in the kernel's table of connections: no more often than what it costs allows, through
 * shortages that pass, and for good no more where the table does not have the connection or cannot be read.
 */
export class TcpRowReader {
  readonly #options: TcpRowReaderOptions;
  #readRow: (() => Promise<TcpRow | undefined>) | undefined;
  #absences = 0;
  #isShort = false;
  #intervalMs: number;
  /** What the last readings took. The least of them is what a reading costs; the rest is a busy machine's waiting. */
  #tookMs: number[] = [];

  constructor(options: TcpRowReaderOptions) {
    this.#options = options;
    this.#readRow = options.readRow;
    this.#intervalMs = options.leastIntervalMs;
  }

  /** How long to wait before the next reading. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** The row; undefined where nothing can be told this time; `no table` where time alone has to do. Never rejects. One call at a time. */
  async read(): Promise<TcpRow | 'no table' | undefined> {
    if (this.#readRow === undefined) {
      await afterPendingEvents(); // A reset that waits in the event loop must be heard before the time is.
      return 'no table';
    }
    const startMs = performance.now();
    try {
      const row = await this.#readRow();
      this.#noteShortage(undefined);
      this.#tookMs = [performance.now() - startMs, ...this.#tookMs.slice(0, JUDGED_READINGS - 1)];
      // A process that starts on a backlog is busy: its first readings alone would have it look away for seconds.
      const greatestMs = this.#tookMs.length < JUDGED_READINGS ? GREATEST_EARLY_INTERVAL_MS : GREATEST_INTERVAL_MS;
      this.#intervalMs = Math.max(this.#options.leastIntervalMs, Math.min(Math.min(...this.#tookMs) / (this.#options.tableShare ?? 0.01), greatestMs));
      if (row !== undefined) this.#absences = -Infinity;
      else if (++this.#absences >= 3 && !this.#options.mayBeGone()) this.#doWithoutTable('it does not list the connection');
      return row;
    } catch (error) {
      if (this.#noteShortage((error as NodeJS.ErrnoException).code)) return undefined;
      this.#doWithoutTable((error as Error).message);
      return 'no table';
    }
  }

  /** Whether what was said of a reading is a shortage that passes. Says in the log when one begins, and when it has passed. */
  #noteShortage(code: string | undefined): boolean {
    const isShort = SHORTAGES.includes(code ?? '');
    if (isShort && !this.#isShort) this.#options.logger.warn('cannot look up what the receiver has acknowledged, and confirms nothing until it can', { why: code });
    if (!isShort && this.#isShort) this.#options.logger.info('looks up again what the receiver has acknowledged');
    this.#isShort = isShort;
    return isShort;
  }

  #doWithoutTable(why: string): void {
    this.#readRow = undefined;
    this.#intervalMs = this.#options.leastIntervalMs;
    this.#options.logger.debug('cannot read what the receiver has acknowledged; time alone confirms', { why });
  }
}
