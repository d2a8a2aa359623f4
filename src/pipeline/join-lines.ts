import { textOf, type Entry } from '../core/entry.js';
import type { Position } from '../core/position.js';
import type { Chunk, Source } from '../core/source.js';
import { Lookahead } from './lookahead.js';
import { OverlaidEntry } from './overlaid-entry.js';

export interface JoinLimits {
  /** How long a line may wait for its next piece. journald has the pieces of one line within milliseconds. */
  readonly maxWaitMs: number;
  /** The longest line that is made, in bytes of MESSAGE; a longer one stays in several entries. */
  readonly maxLineBytes: number;
  /** How many bytes of pieces are held, over all lines. */
  readonly maxBytes: number;
  /** How many chunks are held behind an unfinished line: at most 768 KiB each, unless an entry is larger. */
  readonly maxChunks: number;
  /** How many lines may be unfinished at a time. */
  readonly maxLines: number;
}

const LIMITS: JoinLimits = { maxWaitMs: 1000, maxLineBytes: 16 * 1024 * 1024, maxBytes: 32 * 1024 * 1024, maxChunks: 64, maxLines: 256 };

const LINE_MAX = Buffer.from('line-max');
/** Lines that overlap without an end are given up together after so many times the wait of one. */
const MAX_WAITS = 5;

/** The fields that joining reads. */
export const JOINED_FIELDS: readonly string[] = ['MESSAGE', '_LINE_BREAK', '_STREAM_ID'];

/**
 * A source in which the pieces of a line are one entry again. journald splits a line on a service's output that is
 * longer than `LineMax=` (48 KiB, journald.conf(5)) into entries with `_LINE_BREAK=line-max` and one `_STREAM_ID`.
 *
 * The whole stands where its last piece stood, and is that piece but for its MESSAGE. Order is kept. What the consumer
 * settles never leads past a piece that is held: entries between the pieces of a line are given behind nothing
 * that is unfinished, and with the position before the line. What exceeds a limit, or waits for too long, is given as
 * it is. A piece that a filter leaves out upstream is missing from the line.
 */
export function joinLines(source: Source, limits: Partial<JoinLimits> = {}): Source {
  const all = { ...LIMITS, ...limits };
  return {
    read: (after, signal) => joinedChunks(source.read(after, signal), new Joiner(after, all)),
    get trouble() {
      return source.trouble;
    },
    settled: (position) => source.settled?.(position),
  };
}

async function* joinedChunks(chunks: AsyncIterable<Chunk>, joiner: Joiner): AsyncGenerator<Chunk, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const ahead = new Lookahead(iterator);
  try {
    for (;;) {
      const waitMs = joiner.waitMs(performance.now());
      if (waitMs === undefined || (await ahead.readyWithin(waitMs))) {
        const chunk = await ahead.next();
        if (chunk === undefined) break;
        joiner.push(chunk, performance.now());
      }
      joiner.giveUpOverdue(performance.now());
      yield* joiner.take();
    }
    joiner.giveUpAll();
    yield* joiner.take();
  } finally {
    ahead.close();
    await iterator.return?.();
  }
}

/** A line of which the last piece has not come. */
interface OpenLine {
  readonly stream: string;
  readonly pieces: Uint8Array[];
  readonly sinceMs: number;
  bytes: number;
  last: Entry;
}

/** What waits, in the order of the source: a chunk, or the place of an unfinished line's first or last piece. */
type Held = { readonly chunk: Chunk; pin: Position | undefined; readonly isJoined: boolean } | { readonly line: OpenLine };

/**
 * Holds chunks back behind the first piece of an unfinished line. While any line is unfinished, all that is held is
 * pinned to the position before the first of them: whoever settles it will read the pieces again.
 */
class Joiner {
  readonly #limits: JoinLimits;
  /** In the order in which they began. */
  readonly #open = new Map<string, OpenLine>();
  #held: Held[] = [];
  #bytes = 0;
  #passed: Position | undefined;
  #pin: Position | undefined;
  #pinnedSinceMs = 0;

  constructor(after: Position | undefined, limits: JoinLimits) {
    this.#passed = after;
    this.#limits = limits;
  }

  /** How long the oldest unfinished line may yet wait; undefined where there is none. */
  waitMs(nowMs: number): number | undefined {
    const oldest = this.#oldest;
    return oldest === undefined ? undefined : Math.max(0, oldest.sinceMs + this.#limits.maxWaitMs - nowMs);
  }

  push(chunk: Chunk, nowMs: number): void {
    let from = 0;
    for (let i = 0; i < chunk.entries.length; i++) {
      const entry = chunk.entries[i]!;
      const isPiece = isLinePiece(entry);
      if (!isPiece && this.#open.size === 0) continue;
      const stream = textOf(entry, '_STREAM_ID');
      if (stream === undefined || !(isPiece || this.#open.has(stream))) continue;
      this.#hold(from === i ? [] : chunk.entries.slice(from, i));
      from = i + 1;
      this.#pushPiece(entry, stream, isPiece, nowMs);
    }
    this.#hold(from === 0 ? chunk.entries : chunk.entries.slice(from), chunk.through);
    while (this.#isTooMuch) this.#giveUp(this.#oldest!);
  }

  /** The chunks that nothing unfinished stands before. */
  *take(): Generator<Chunk> {
    const firstLine = this.#held.findIndex((held) => 'line' in held);
    const ready = firstLine < 0 ? this.#held : this.#held.slice(0, firstLine);
    // Copied rather than shifted: what is given must not be held by what waits behind it.
    this.#held = firstLine < 0 ? [] : this.#held.slice(firstLine);
    for (const held of ready) {
      if ('chunk' in held) yield held.pin === undefined ? held.chunk : pinned(held.chunk, held.pin);
    }
  }

  /** Gives up lines that have waited for too long; all of them, where one follows upon the other without an end. */
  giveUpOverdue(nowMs: number): void {
    const { maxWaitMs } = this.#limits;
    if (this.#open.size > 0 && nowMs - this.#pinnedSinceMs > maxWaitMs * MAX_WAITS) this.giveUpAll();
    for (const line of this.#open.values()) if (nowMs - line.sinceMs >= maxWaitMs) this.#giveUp(line);
  }

  giveUpAll(): void {
    for (const line of this.#open.values()) this.#giveUp(line);
  }

  get #oldest(): OpenLine | undefined {
    return this.#open.values().next().value;
  }

  get #isTooMuch(): boolean {
    const { maxBytes, maxChunks, maxLines } = this.#limits;
    return this.#open.size > 0 && (this.#bytes > maxBytes || this.#held.length > maxChunks || this.#open.size > maxLines);
  }

  #hold(entries: readonly Entry[], through?: Position): void {
    if (entries.length === 0 && through === undefined) return;
    this.#held.push({ chunk: through === undefined ? { entries } : { entries, through }, pin: this.#open.size > 0 ? this.#pin : undefined, isJoined: false });
    const last = through ?? entries.at(-1)!;
    this.#passed = { cursor: last.cursor, timestamp: last.timestamp };
  }

  #pushPiece(entry: Entry, stream: string, isPiece: boolean, nowMs: number): void {
    const piece = copyOf(entry);
    let line = this.#open.get(stream);
    if (line === undefined) {
      line = { stream, pieces: [], sinceMs: nowMs, bytes: 0, last: entry };
      if (this.#open.size === 0) {
        // Before the first entry of all there is no position: then that of the piece has to do.
        this.#pin = this.#passed ?? { cursor: entry.cursor, timestamp: entry.timestamp };
        this.#pinnedSinceMs = nowMs;
      }
      this.#open.set(stream, line);
    } else if (line.pieces.length > 1) {
      this.#held.splice(this.#placeOf(line), 1);
    }
    line.pieces.push(piece);
    line.bytes += piece.length;
    line.last = entry;
    this.#bytes += piece.length;
    this.#held.push({ line });
    this.#passed = { cursor: entry.cursor, timestamp: entry.timestamp };
    if (!isPiece || line.bytes >= this.#limits.maxLineBytes) this.#giveUp(line);
  }

  /** Puts what there is of a line in the place of its last piece. */
  #giveUp(line: OpenLine): void {
    this.#open.delete(line.stream);
    this.#bytes -= line.bytes;
    const at = this.#placeOf(line);
    this.#held[at] = { chunk: { entries: [joined(line.last, line.pieces)] }, pin: this.#pin, isJoined: true };
    if (line.pieces.length > 1) this.#held.splice(this.#held.findIndex((held) => 'line' in held && held.line === line), 1);
    if (this.#open.size === 0) this.#unpinAfterLast();
  }

  /** When no line is unfinished any more, the last whole one has its own position, and so has what comes after it. */
  #unpinAfterLast(): void {
    for (let i = this.#held.length - 1; i >= 0; i--) {
      const held = this.#held[i]!;
      if ('line' in held) return;
      held.pin = undefined;
      if (held.isJoined) return;
    }
  }

  #placeOf(line: OpenLine): number {
    return this.#held.findLastIndex((held) => 'line' in held && held.line === line);
  }
}

function isLinePiece(entry: Entry): boolean {
  const lineBreak = entry.bytes('_LINE_BREAK');
  return lineBreak !== undefined && LINE_MAX.equals(lineBreak);
}

/** A chunk whose entries all stand at one position, for whoever settles them. */
function pinned(chunk: Chunk, at: Position): Chunk {
  return { entries: chunk.entries.map((entry) => new OverlaidEntry(entry, { cursor: at.cursor })) };
}

/** The bytes of MESSAGE, which the entry shares with its neighbours. */
function copyOf(entry: Entry): Uint8Array {
  const bytes = entry.bytes('MESSAGE');
  return bytes === undefined ? new Uint8Array() : Buffer.from(bytes);
}

/** The last piece of a line with the whole of it as its MESSAGE. */
function joined(last: Entry, pieces: readonly Uint8Array[]): Entry {
  return pieces.length === 1 ? last : new OverlaidEntry(last, { message: Buffer.concat(pieces) });
}
