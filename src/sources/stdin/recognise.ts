import { byteKind, maxNameLength } from '../../formats/export-limits.js';
import { parseJsonEntry } from '../../formats/json.js';
import { ByteWriter } from '../../core/byte-writer.js';

export type InputFormat = 'json' | 'export' | 'plain';

/**
 * Tells an input's format from its first bytes, and asks for no more of them than that takes.
 * - `export`: the first line begins with `__NAME=`. Without the underscores it is plain: `PATH=/bin` is no entry.
 * - `json`: the first line is a JSON object; or it begins with `{`, and the second one is.
 * - `plain`: all else.
 * Leading empty lines, and spaces before a `{`, do not count. A UTF-8 byte order mark is left out.
 */
export class Recogniser {
  readonly #maxLineBytes: number;
  readonly #head = new ByteWriter();
  /** Up to where no line feed was found, so that a long first line is searched once. */
  #searched = 0;
  /** Where the second line begins, once the first has turned out to be no JSON object. */
  #secondLine: number | undefined;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** All that was pushed, for the format's reader to begin with. Valid until the next `push`. */
  get head(): Buffer {
    return this.#head.view(this.#markBytes());
  }

  /** Takes the next chunk, and gives the format once it is certain. */
  push(chunk: Uint8Array): InputFormat | undefined {
    this.#head.bytes(chunk);
    return this.#format(false);
  }

  /** The format of an input that has ended; undefined where it has no content. */
  end(): InputFormat | undefined {
    return this.#head.length === this.#markBytes() ? undefined : (this.#format(true) ?? 'plain');
  }

  #format(ended: boolean): InputFormat | undefined {
    const bytes = this.#head.view();
    const from = this.#markBytes();
    if (from === 0 && bytes.length < mark.length && mark.subarray(0, bytes.length).equals(bytes)) return undefined;
    const first = afterSpace(bytes, from);
    if (first === bytes.length) return first > maxSpaceBytes ? 'plain' : undefined;
    if (bytes[first] === brace) return this.#json(bytes, first, ended);
    const startsLine = first === from || bytes[first - 1] === lf;
    return startsLine ? exportOrPlain(bytes, first) : 'plain';
  }

  #json(bytes: Buffer, first: number, ended: boolean): InputFormat | undefined {
    if (this.#secondLine === undefined) {
      const end = this.#lineEnd(bytes, first, ended);
      if (end === undefined) return bytes.length - first > this.#maxLineBytes ? longLine(bytes, first) : undefined;
      if (isJson(bytes, first, end)) return 'json';
      this.#secondLine = end;
      this.#searched = end;
    }
    const second = afterSpace(bytes, this.#secondLine);
    if (second === bytes.length) return ended || second - this.#secondLine > maxSpaceBytes ? 'plain' : undefined;
    if (bytes[second] !== brace) return 'plain';
    const end = this.#lineEnd(bytes, second, ended);
    if (end === undefined) return bytes.length - second > this.#maxLineBytes ? longLine(bytes, second) : undefined;
    return isJson(bytes, second, end) ? 'json' : 'plain';
  }

  #lineEnd(bytes: Buffer, first: number, ended: boolean): number | undefined {
    const end = bytes.indexOf(lf, Math.max(first, this.#searched));
    this.#searched = bytes.length;
    return end >= 0 ? end : ended ? bytes.length : undefined;
  }

  #markBytes(): number {
    const start = this.#head.view(0, Math.min(this.#head.length, mark.length));
    return start.equals(mark) ? mark.length : 0;
  }
}

const mark = Buffer.from('\ufeff');
const lf = 0x0a;
const brace = 0x7b;
const underscore = 0x5f;
const equals = 0x3d;
const maxSpaceBytes = 64 * 1024;

function afterSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isSpace(bytes[at] as number)) at++;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function exportOrPlain(bytes: Buffer, first: number): InputFormat | undefined {
  let at = first;
  while (at < bytes.length && byteKind[bytes[at] as number] === 1 && at - first <= maxNameLength) {
    if (at - first < 2 && bytes[at] !== underscore) return 'plain';
    at++;
  }
  if (at - first > maxNameLength) return 'plain';
  if (at === bytes.length) return undefined;
  return at - first > 2 && bytes[at] === equals ? 'export' : 'plain';
}

function isJson(bytes: Buffer, from: number, to: number): boolean {
  return parseJsonEntry(bytes.toString('utf8', from, to)) !== undefined;
}

/** A line too long to be parsed goes by how it begins: the reader of JSON reports it then and goes on after it. */
function longLine(bytes: Buffer, from: number): InputFormat {
  return /^\{\s*"[^"\\]*"\s*:/.test(bytes.toString('latin1', from, from + 1024)) ? 'json' : 'plain';
}
