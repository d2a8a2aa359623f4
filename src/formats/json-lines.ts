import split from 'split2';
import { ByteWriter } from '../core/byte-writer.js';

/** The whole lines that one read held. */
export interface Lines {
  /** The number of the first line, counted from 1. */
  readonly first: number;
  /** Without their line feeds. Bytes that are not UTF-8 are U+FFFD. */
  readonly lines: readonly string[];
  /** A line as it came, byte for byte. Looked up only now: meant for the few that turn out to be malformed. */
  bytesOf(index: number): Uint8Array;
}

export interface JsonLinesOptions {
  /** The longest line that is given, in bytes. A longer one is skipped while it streams. */
  readonly maxLineBytes: number;
  /** Called for each longer line, after the lines before it were given, and awaited before those after it are. */
  readonly onTooLong: (line: LongLine) => Promise<void>;
}

/** A line that exceeds `maxLineBytes`. */
export interface LongLine {
  /** The line's number, counted from 1. */
  readonly lineNumber: number;
  /** Its beginning: as much of it as was held when it became too long, at most `maxLineBytes`. */
  readonly head: Uint8Array;
}

/**
 * Splits a stream into lines, and gives for each chunk of it the lines that the chunk completes, at once; at the end
 * also a last line without a line feed. Holds a chunk and `maxLineBytes` at most. Reads on when it is pulled.
 *
 * split2 decodes and splits, but is handed whole lines only. Its own `maxLength` would not do: it looks at the
 * unfinished line alone, counts UTF-16 units, fails with lines before it still unread, or with `skipOverflow` says
 * nothing and gives the head of a last line that is too long as if it were the whole; and it searches an unfinished
 * line again from its start with every chunk, which takes quadratic time.
 */
export async function* jsonLines(input: AsyncIterable<Uint8Array>, options: JsonLinesOptions): AsyncGenerator<Lines, void> {
  const wholeLines = new WholeLines(options.maxLineBytes);
  const decoder = new LineDecoder();
  let number = 1;
  async function* take(pieces: Iterable<Buffer | TooLong>): AsyncGenerator<Lines, void> {
    for (const piece of pieces) {
      if (piece instanceof TooLong) {
        await options.onTooLong({ lineNumber: number++, head: piece.head });
      } else {
        const lines = await decoder.decode(piece);
        const first = number;
        number += lines.length;
        yield { first, lines, bytesOf: (index) => lineOf(piece, index) };
      }
    }
  }
  try {
    for await (const chunk of input) yield* take(wholeLines.push(chunk));
    yield* take(wholeLines.end());
  } finally {
    decoder.close();
  }
}

/** Where, in the order of the input, a line was left out. */
class TooLong {
  constructor(readonly head: Buffer) {}
}

/** Cuts chunks at line feeds, and holds an unfinished line back. */
class WholeLines {
  readonly #maxLineBytes: number;
  readonly #held = new ByteWriter();
  /** Within a line that is too long: its head was given already. */
  #skipping = false;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** Runs of whole lines, each line ending in a line feed, with the places of the lines that were left out. */
  *push(chunk: Uint8Array): Generator<Buffer | TooLong> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    if (this.#skipping) {
      at = bytes.indexOf(lf) + 1;
      if (at === 0) return;
      this.#skipping = false;
    }
    // Only where held bytes and chunk together exceed the limit can any line in them do so.
    if (this.#held.length + bytes.length > this.#maxLineBytes) {
      let runAt = at;
      for (let end = bytes.indexOf(lf, at); ; end = bytes.indexOf(lf, at)) {
        const lineEnd = end < 0 ? bytes.length : end;
        if (this.#lineBytes(runAt, at, lineEnd) > this.#maxLineBytes) {
          if (at > runAt) yield this.#take(bytes.subarray(runAt, at));
          const head = this.#take(bytes.subarray(at, lineEnd)).subarray(0, this.#maxLineBytes);
          yield new TooLong(head);
          this.#skipping = end < 0;
          runAt = lineEnd + 1;
        }
        if (end < 0) break;
        at = end + 1;
      }
      if (this.#skipping) return;
      at = runAt;
    }
    const end = bytes.lastIndexOf(lf) + 1;
    if (end > at) yield this.#take(bytes.subarray(at, end));
    const rest = bytes.subarray(Math.max(at, end));
    if (rest.length > 0) this.#held.bytes(rest);
  }

  *end(): Generator<Buffer> {
    if (this.#held.length > 0) yield this.#take(lineFeed);
  }

  /** The length of the line at `from`, to which the held bytes belong if it is the first of its run. */
  #lineBytes(runAt: number, from: number, to: number): number {
    return to - from + (from === runAt ? this.#held.length : 0);
  }

  #take(bytes: Buffer): Buffer {
    if (this.#held.length === 0) return bytes;
    const whole = Buffer.concat([this.#held.view(), bytes]);
    this.#held.clear(keptBytes);
    return whole;
  }
}

/** split2, driven by hand: a run of whole lines in, all of its lines out. */
class LineDecoder {
  // With room for all lines of a run, the callback of a write comes without anybody having read.
  readonly #splitter = split('\n', { readableHighWaterMark: Number.MAX_SAFE_INTEGER });

  async decode(run: Buffer): Promise<string[]> {
    await new Promise<void>((resolve, reject) => {
      this.#splitter.write(run, (error) => (error ? reject(error) : resolve()));
    });
    const lines: string[] = [];
    for (let line = this.#splitter.read() as string | null; line !== null; line = this.#splitter.read() as string | null) {
      lines.push(line);
    }
    return lines;
  }

  close(): void {
    this.#splitter.destroy();
  }
}

const lf = 0x0a;
const lineFeed = Buffer.from('\n');
/** The capacity that is kept for the next unfinished line: a chunk of a pipe. */
const keptBytes = 64 * 1024;

function lineOf(run: Buffer, index: number): Buffer {
  let from = 0;
  for (let line = 0; line < index; line++) from = run.indexOf(lf, from) + 1;
  return run.subarray(from, run.indexOf(lf, from));
}
