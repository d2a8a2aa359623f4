import { ByteWriter } from '../core/byte-writer.js';

/** A line of bytes, without its line feed, or CR and line feed. */
export interface PlainLine {
  readonly bytes: Uint8Array;
  /** True where the line was longer than a piece may be: it goes on in the next one. */
  readonly continues: boolean;
}

/**
 * Splits bytes into lines, decoding nothing. A line longer than `maxLineBytes` is given in pieces, cut between two
 * UTF-8 characters where it is text, so that nothing is lost and memory stays bounded. Lines are views on the chunks
 * where they lie in one.
 */
export class PlainLines {
  readonly #maxLineBytes: number;
  readonly #held = new ByteWriter();

  constructor(maxLineBytes: number) {
    // Room for one character at least, or cutting between characters would make no progress.
    this.#maxLineBytes = Math.max(4, maxLineBytes);
  }

  /** Takes the next chunk, and gives the lines that it completes. */
  push(chunk: Uint8Array): PlainLine[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lines: PlainLine[] = [];
    let at = 0;
    for (let end = bytes.indexOf(lf); end >= 0; end = bytes.indexOf(lf, at)) {
      const line = this.#take(bytes.subarray(at, end));
      this.#cut(line[line.length - 1] === cr ? line.subarray(0, -1) : line, lines);
      at = end + 1;
    }
    // An unfinished line may be one byte longer: that byte can be a CR, whose line feed is still to come.
    const unfinishedBytes = this.#maxLineBytes + 1;
    while (this.#held.length + bytes.length - at > unfinishedBytes) {
      const next = at + Math.max(0, unfinishedBytes + 1 - this.#held.length);
      const held = this.#take(bytes.subarray(at, next));
      const end = betweenCharacters(held, this.#maxLineBytes);
      lines.push({ bytes: held.subarray(0, end), continues: true });
      this.#held.bytes(held.subarray(end));
      at = next;
    }
    this.#held.bytes(bytes.subarray(at));
    return lines;
  }

  /** Tells that the input has ended, and gives a last line that has no line feed. */
  end(): PlainLine[] {
    const lines: PlainLine[] = [];
    if (this.#held.length > 0) this.#cut(this.#take(noBytes), lines);
    return lines;
  }

  #cut(line: Buffer, lines: PlainLine[]): void {
    let rest = line;
    while (rest.length > this.#maxLineBytes) {
      const end = betweenCharacters(rest, this.#maxLineBytes);
      lines.push({ bytes: rest.subarray(0, end), continues: true });
      rest = rest.subarray(end);
    }
    lines.push({ bytes: rest, continues: false });
  }

  #take(bytes: Buffer): Buffer {
    if (this.#held.length === 0) return bytes;
    const whole = Buffer.concat([this.#held.view(), bytes]);
    this.#held.clear(keptBytes);
    return whole;
  }
}

const lf = 0x0a;
const cr = 0x0d;
const noBytes = Buffer.alloc(0);
const keptBytes = 64 * 1024;

/** The last place at or up to three bytes before `at` where a UTF-8 character begins; `at` where there is none. */
function betweenCharacters(bytes: Buffer, at: number): number {
  for (let place = at; place > at - 4; place--) {
    if (((bytes[place] as number) & 0xc0) !== 0x80) return place;
  }
  return at;
}
