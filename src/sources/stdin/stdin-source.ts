import type { Readable } from 'node:stream';
import type { Logger } from '../../core/logger.js';
import type { Position } from '../../core/position.js';
import type { Chunk, Source } from '../../core/source.js';
import { type InputEntries, type MalformedInput, readEntries } from './read-entries.js';
import { Window, numberOf } from './window.js';

export type { MalformedInput } from './read-entries.js';

export interface StdinSourceOptions {
  /** Standard input, or anything like it that gives bytes. */
  readonly input: Readable;
  /** Called for each malformed line, in order, and awaited before the input is read on: it writes a dead letter. */
  readonly onMalformed: (input: MalformedInput) => Promise<void>;
  readonly logger: Logger;
  /**
   * How much of the input may be held that not every route has settled, 32 MiB by default. It is exceeded by one
   * read at most, or by one entry that is itself larger.
   */
  readonly maxWindowBytes?: number;
  /** The longest line of JSON, and the largest entry of the export format, in bytes: 64 MiB by default. */
  readonly maxEntryBytes?: number;
  /** The longest plain line that is one entry, in bytes: 8 MiB by default. A longer one becomes several. */
  readonly maxPlainLineBytes?: number;
  /** `_HOSTNAME` of plain lines. */
  readonly hostname?: string;
  /** `SYSLOG_IDENTIFIER` of plain lines. */
  readonly identifier?: string;
  /** Microseconds since the epoch. */
  readonly now?: () => number;
}

/** What one destination reads. */
export interface StdinRoute extends Source {
  settled(position: Position): void;
  /** Tells that this route reads no more, so that the others do not wait for what it has not settled. */
  release(): void;
}

/**
 * Standard input as a source: entries in JSON, in the export format or as plain lines, each with the cursor
 * `stdin;n=NUMBER`. It can be read once only, so all routes share one pass over it: an entry is held until every
 * route has settled it, and no more is read while the window is full, so that the slowest route sets the pace.
 */
export class StdinSource {
  readonly #input: Readable;
  readonly #entries: AsyncGenerator<InputEntries, void>;
  readonly #window = new Window();
  readonly #maxWindowBytes: number;
  readonly #logger: Logger;
  readonly #routes = new Set<Route>();
  #waiting: (() => void)[] = [];
  #reading = false;
  #ended = false;
  #isForsaken = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: StdinSourceOptions) {
    const plainFields = new Map([['_TRANSPORT', 'stdin']]);
    if (options.hostname !== undefined) plainFields.set('_HOSTNAME', options.hostname);
    if (options.identifier !== undefined) plainFields.set('SYSLOG_IDENTIFIER', options.identifier);
    this.#input = options.input;
    this.#logger = options.logger;
    this.#maxWindowBytes = options.maxWindowBytes ?? 32 * 1024 * 1024;
    this.#entries = readEntries(options.input, {
      onMalformed: options.onMalformed,
      logger: options.logger,
      maxEntryBytes: options.maxEntryBytes ?? 64 * 1024 * 1024,
      maxPlainLineBytes: options.maxPlainLineBytes ?? 8 * 1024 * 1024,
      plainFields,
      now: options.now ?? (() => Date.now() * 1000),
    });
  }

  /** A reader for one more destination. Ask for all of them before the first reads: what is settled is gone. */
  route(): StdinRoute {
    const route: Route = {
      settledThrough: 0,
      read: (after, signal) => this.#read(route, after, signal),
      settled: (position) => {
        route.settledThrough = Math.max(route.settledThrough, numberOf(position.cursor) ?? 0);
        this.#drop();
      },
      release: () => {
        if (this.#routes.has(route) && route.settledThrough < this.#window.last) this.#isForsaken = true;
        this.#routes.delete(route);
        this.#drop();
      },
    };
    this.#routes.add(route);
    return route;
  }

  /** Whether a route was released before it had settled everything that was read. */
  get isForsaken(): boolean {
    return this.#isForsaken;
  }

  /** Stops reading and closes the input, which would else keep the process alive. */
  close(): void {
    this.#ended = true;
    // Destroying a stream whose read is pending fails that read, which nobody waits for any more.
    this.#input.on('error', () => {});
    this.#input.destroy();
    this.#wake();
  }

  async *#read(route: Route, after: Position | undefined, signal: AbortSignal): AsyncGenerator<Chunk, void> {
    let last = this.#startOf(route, after);
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const entries = this.#window.after(last);
        if (entries !== undefined) {
          last = numberOf((entries.at(-1) as Chunk['entries'][number]).cursor) as number;
          yield { entries };
        } else if (this.#ended) {
          return;
        } else if (this.#failure !== undefined) {
          throw this.#failure.error;
        } else {
          await this.#change();
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #startOf(route: Route, after: Position | undefined): number {
    if (after === undefined) return route.settledThrough;
    const number = numberOf(after.cursor);
    if (number !== undefined && number <= this.#window.last) return after.before === true ? number - 1 : number;
    this.#logger.warn('The saved position is of another run, whose standard input is gone: reading from the start.', { cursor: after.cursor });
    return route.settledThrough;
  }

  /** Reads on where the window has room, and resolves when something has changed: more entries, more room, a stop. */
  #change(): Promise<void> {
    if (!this.#reading && this.#window.byteCount < this.#maxWindowBytes) void this.#readOn();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #readOn(): Promise<void> {
    this.#reading = true;
    try {
      const next = await this.#entries.next();
      if (next.done === true) this.#ended = true;
      else this.#window.append(next.value.entries, next.value.byteCount);
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#reading = false;
      this.#wake();
    }
  }

  #drop(): void {
    let through = this.#window.last;
    for (const route of this.#routes) through = Math.min(through, route.settledThrough);
    this.#window.drop(through);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

interface Route extends StdinRoute {
  settledThrough: number;
}
