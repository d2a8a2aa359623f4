import { ByteWriter } from '../core/byte-writer.js';

/** How a stream tells its messages apart; `auto` looks at each frame's first byte, as rsyslog does. */
export type StreamFraming = 'auto' | 'octet-counting' | 'lf';

/** The stream cannot be understood from here on; the connection has to end. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

/**
 * Cuts a byte stream into messages, whatever the pieces in which it arrives (RFC 6587).
 *
 * With `auto`, a frame that begins with a number and a space is octet-counted, and any other ends with LF; so a line
 * that itself begins with a number and a space needs `lf`. Empty lines are passed over. Memory grows with what has
 * arrived of one message, never with what a count promises.
 */
export class Deframer {
  readonly #framing: StreamFraming;
  readonly #maxMessageBytes: number;
  /** What has arrived of a message that began in an earlier chunk. */
  readonly #partial = new ByteWriter(1024);
  #state: 'start' | 'count' | 'counted' | 'line' = 'start';
  /** The count while its digits arrive, then how many bytes of the message are yet to come. */
  #count = 0;

  constructor(framing: StreamFraming, maxMessageBytes: number) {
    this.#framing = framing;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** The messages that `chunk` completes, in order. Those that it holds whole are views into it. Throws a FramingError. */
  push(chunk: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'start') at = this.#start(chunk, at);
      else if (this.#state === 'count') at = this.#digit(chunk, at);
      else if (this.#state === 'counted') at = this.#counted(chunk, at, messages);
      else at = this.#line(chunk, at, messages);
    }
    return messages;
  }

  /** The last line where its LF is missing, or undefined. Throws a FramingError if the stream ended inside a counted message. */
  end(): Buffer | undefined {
    if (this.#state === 'counted') {
      throw new FramingError(`the stream ended ${this.#count} bytes before the end of a message, of which ${this.#partial.length} bytes had arrived`);
    }
    if (this.#state === 'count' && this.#framing === 'octet-counting') throw new FramingError(`the stream ended inside a message's length`);
    return this.#partial.length > 0 ? this.#takePartial() : undefined;
  }

  #start(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    if (byte === LF) return at + 1;
    this.#count = 0;
    this.#state = this.#framing !== 'lf' && byte > ZERO && byte <= NINE ? 'count' : 'line';
    if (this.#state === 'line' && this.#framing === 'octet-counting') throw new FramingError(`a message length was expected and byte ${byte} came`);
    return at;
  }

  #digit(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    if (byte >= ZERO && byte <= NINE && this.#partial.length < MAX_DIGITS) {
      this.#count = this.#count * 10 + byte - ZERO;
      this.#partial.byte(byte);
      return at + 1;
    }
    if (byte === SPACE) {
      if (this.#count > this.#maxMessageBytes) throw new FramingError(`a message of ${this.#count} bytes was announced, and ${this.#maxMessageBytes} is the most`);
      this.#partial.clear();
      this.#state = 'counted';
      return at + 1;
    }
    if (this.#framing === 'octet-counting') throw new FramingError(`a space was expected behind a message's length and byte ${byte} came`);
    this.#state = 'line';
    return at;
  }

  #counted(chunk: Buffer, at: number, messages: Buffer[]): number {
    const piece = chunk.subarray(at, at + this.#count);
    this.#count -= piece.length;
    if (this.#count > 0) this.#partial.bytes(piece);
    else this.#complete(piece, messages);
    return at + piece.length;
  }

  #line(chunk: Buffer, at: number, messages: Buffer[]): number {
    const end = chunk.indexOf(LF, at);
    const piece = chunk.subarray(at, end === -1 ? chunk.length : end);
    if (this.#partial.length + piece.length > this.#maxMessageBytes) throw new FramingError(`a line is longer than ${this.#maxMessageBytes} bytes`);
    if (end === -1) {
      this.#partial.bytes(piece);
      return chunk.length;
    }
    this.#complete(piece, messages);
    return end + 1;
  }

  #complete(lastPiece: Buffer, messages: Buffer[]): void {
    this.#state = 'start';
    if (this.#partial.length === 0) {
      messages.push(lastPiece);
      return;
    }
    this.#partial.bytes(lastPiece);
    messages.push(this.#takePartial());
  }

  #takePartial(): Buffer {
    const message = Buffer.from(this.#partial.view());
    this.#partial.clear(KEPT_BYTES);
    return message;
  }
}

const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
/** A longer run of digits is text, as it is for rsyslog. */
const MAX_DIGITS = 10;
/** What a connection keeps once a large message has passed. */
const KEPT_BYTES = 64 * 1024;
