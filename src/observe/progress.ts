import { formatDuration } from '../core/duration.js';
import type { Logger } from '../core/logger.js';
import type { RouteStatus } from '../core/route-status.js';

const INTERVAL_MS = 500;
/** Back to the line's start, and clear to its end (ECMA-48). */
const CLEAR_LINE = '\r\u001b[K';

/** A line on the terminal that tells how far a run over a past range is; log lines go above it. */
export class Progress {
  readonly #output: NodeJS.WritableStream;
  #timer: NodeJS.Timeout | undefined;
  #isShown = false;

  constructor(output: NodeJS.WritableStream) {
    this.#output = output;
  }

  /** `endUs`: the time of the newest entry to be read, where it is known. */
  start(routes: () => readonly RouteStatus[], endUs: Promise<number | undefined>): void {
    const startedMs = performance.now();
    let end: number | undefined;
    endUs.then((us) => { end = us; }, () => undefined);
    this.#timer = setInterval(() => {
      const line = progressLine(routes(), end, performance.now() - startedMs);
      if (line === undefined) return;
      this.#output.write(CLEAR_LINE + line);
      this.#isShown = true;
    }, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  /** A log whose lines do not run into the progress line. */
  above(logger: Logger): Logger {
    const cleared = (level: keyof Logger): Logger['info'] => (message, fields) => {
      this.#clear();
      logger[level](message, fields);
    };
    return { debug: cleared('debug'), info: cleared('info'), warn: cleared('warn'), error: cleared('error') };
  }

  #clear(): void {
    if (this.#isShown) this.#output.write(CLEAR_LINE);
    this.#isShown = false;
  }
}

/** Entries, rate, where in time the slowest route is, and the time left; undefined before anything was read. */
export function progressLine(routes: readonly RouteStatus[], endUs: number | undefined, elapsedMs: number): string | undefined {
  const behind = routes.filter((route) => route.lastRead !== undefined).sort((a, b) => a.lastRead! - b.lastRead!)[0];
  if (behind?.lastRead === undefined || behind.firstRead === undefined) return undefined;
  const { read } = behind;
  const parts = [`${read} entries`, `${Math.round(read / (elapsedMs / 1000))}/s`, `at ${new Date(behind.lastRead / 1000).toISOString().slice(0, 19)}Z`];
  if (endUs !== undefined && endUs > behind.firstRead) {
    const share = Math.min(1, (behind.lastRead - behind.firstRead) / (endUs - behind.firstRead));
    parts.push(`${Math.floor(share * 100)} %`);
    if (share > 0.01) parts.push(`${formatDuration((elapsedMs / share) * (1 - share))} left`);
  }
  if (behind.lastError !== undefined) parts.push(`waiting: ${behind.lastError}`);
  return parts.join(', ');
}
