/**
 * Writes parts of JSON objects into a buffer, four bytes at a time: that takes two fifths of the time of one byte at a
 * time. Text is UTF-8, copied with what JSON escapes, byte for byte as JSON.stringify does; whether it is valid
 * UTF-8 is the caller's to know.
 */
export class JsonText {
  #bytes: Uint8Array = none;
  #source = viewOf(none);
  #target: Uint8Array = none;
  #sink = viewOf(none);
  /** Whether all text since the last `from` was. */
  isAscii = true;

  /** What it copies from now on. Of many entries in turn it is the same, and so is where they are copied to. */
  from(bytes: Uint8Array): void {
    if (bytes !== this.#bytes) this.#source = viewOf((this.#bytes = bytes));
    this.isAscii = true;
  }

  /** Where it writes from now on. */
  into(target: Uint8Array): void {
    if (target !== this.#target) this.#sink = viewOf((this.#target = target));
  }

  /** Whether `literal` is what it is to copy from `at` on. */
  isAt({ words, length }: Literal, at: number): boolean {
    const whole = length >>> 2;
    for (let i = 0; i < whole; i++) if (this.#source.getInt32(at + i * 4, true) !== words[i]) return false;
    // Not as a word: there may be no four bytes.
    for (let i = whole * 4; i < length; i++) if (this.#bytes[at + i] !== ((words[whole]! >>> ((i & 3) * 8)) & 0xff)) return false;
    return true;
  }

  /** Writes `literal` at `at`, and may write up to three bytes more. Returns where the next one goes on, as all here do. */
  literal({ words, length }: Literal, at: number): number {
    const sink = this.#sink;
    for (let i = 0; i < words.length; i++) sink.setInt32(at + i * 4, words[i]!, true);
    return at + length;
  }

  /** Writes what lies between two offsets, escaped: at most `ESCAPE_BYTES` for each byte. */
  text(from: number, to: number, at: number): number {
    const source = this.#source;
    const sink = this.#sink;
    const lastWord = to - 4;
    let seen = 0;
    let i = from;
    while (i < to) {
      for (; i <= lastWord; i += 4, at += 4) {
        const word = source.getInt32(i, true);
        if (hasEscape(word)) break;
        seen |= word;
        sink.setInt32(at, word, true);
      }
      // The word with the escape, or the bytes that make no word.
      for (const end = Math.min(to, i + 4); i < end; i++) {
        const byte = this.#bytes[i]!;
        seen |= byte;
        if (isEscaped(byte)) at = this.literal(ESCAPES[byte]!, at);
        else this.#target[at++] = byte;
      }
    }
    if ((seen & HIGH_BITS) !== 0) this.isAscii = false;
    return at;
  }
}

/** Bytes that are written again and again, in words of four, little endian. */
export interface Literal {
  readonly words: Int32Array;
  readonly length: number;
}

export function literal(text: string): Literal {
  const bytes = Buffer.from(text);
  const padded = viewOf(Buffer.concat([bytes, Buffer.alloc(3)]));
  return { words: Int32Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) => padded.getInt32(i * 4, true)), length: bytes.length };
}

/** What an escape takes at most (`\u001b`), for a byte. */
export const ESCAPE_BYTES = 6;
/** What may be written beyond the end. */
export const SPILL_BYTES = 3;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Of each byte in a word, the lowest and the highest bit. */
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080;

/**
 * Whether one of a word's bytes is escaped: below U+0020, a quote or a backslash. A byte is below n where subtracting n
 * sets its highest bit, which was not set before; it is another one where both combined by XOR are below 1. The borrow
 * of one that is found may feign a second.
 */
function hasEscape(word: number): boolean {
  const quotes = word ^ (QUOTE * LOW_BITS);
  const backslashes = word ^ (BACKSLASH * LOW_BITS);
  return ((((word - 0x20 * LOW_BITS) & ~word) | ((quotes - LOW_BITS) & ~quotes) | ((backslashes - LOW_BITS) & ~backslashes)) & HIGH_BITS) !== 0;
}

function isEscaped(byte: number): boolean {
  return byte < 0x20 || byte === QUOTE || byte === BACKSLASH;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const none = new Uint8Array();

/** What stands for a byte between the quotes. */
const ESCAPES: readonly Literal[] = Array.from({ length: BACKSLASH + 1 }, (_, byte) => literal(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)));
