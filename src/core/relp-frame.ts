import { ByteWriter } from './byte-writer.js';

/** The last transaction number, after which 1 follows. 0 is kept for hints, which nobody answers. */
export const LAST_TXNR = 999_999_999;

/** What RELP carries, in either direction: `TXNR SP COMMAND SP DATALEN [SP DATA] LF` (librelp, doc/relp.md, "RELP frame"). */
export interface RelpFrame {
  readonly txnr: number;
  readonly command: string;
  readonly data: Buffer;
}

/** The stream is not RELP; the connection has to end. */
export class RelpFrameError extends Error {
  override readonly name = 'RelpFrameError';
}

/** The transaction number that is `count` after another. */
export function txnrAfter(txnr: number, count = 1): number {
  return ((txnr - 1 + count) % LAST_TXNR) + 1;
}

/** Appends a frame. */
export function writeRelpFrame(out: ByteWriter, txnr: number, command: string, data: Uint8Array): void {
  if (data.length === 0) {
    out.text(`${txnr} ${command} 0`);
  } else {
    out.text(`${txnr} ${command} ${data.length} `);
    out.bytes(data);
  }
  out.byte(LF);
}

/** How many bytes of a frame at most are not its data. */
export const RELP_FRAME_OVERHEAD = 9 + 1 + 32 + 1 + 9 + 1 + 1;

/**
 * Cuts a byte stream into RELP frames, whatever the pieces in which it arrives. Memory grows with what has arrived of
 * a frame, never with what a length promises.
 */
export class RelpFrameReader {
  readonly #maxDataBytes: number;
  #state: 'txnr' | 'command' | 'length' | 'data' | 'end' = 'txnr';
  #txnr = 0;
  #command = '';
  #length = 0;
  #digits = 0;
  /** What has arrived of data that began in an earlier chunk. */
  readonly #partial = new ByteWriter(256);
  #data: Buffer = NOTHING;

  constructor(maxDataBytes: number) {
    this.#maxDataBytes = maxDataBytes;
  }

  /** True in the middle of a frame. */
  get isInside(): boolean {
    return this.#state !== 'txnr' || this.#digits > 0;
  }

  /** The frames that `chunk` completes, in order; their data may be views into it. Throws a RelpFrameError. */
  push(chunk: Buffer): RelpFrame[] {
    const frames: RelpFrame[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (this.#state === 'data') {
        at = this.#takeData(chunk, at);
        continue;
      }
      const byte = chunk[at++]!;
      switch (this.#state) {
        case 'txnr':
          if (isDigit(byte)) this.#txnr = this.#number(this.#txnr, byte);
          else this.#endNumber(byte, 'a transaction number', 'command');
          break;
        case 'command':
          if (isLetter(byte) && this.#command.length < MAX_COMMAND_LENGTH) this.#command += String.fromCharCode(byte);
          else if (byte === SPACE && this.#command !== '') this.#state = 'length';
          else throw new RelpFrameError(`a command of at most ${MAX_COMMAND_LENGTH} letters was expected and ${shown(byte)} came`);
          break;
        case 'length':
          if (isDigit(byte)) this.#length = this.#number(this.#length, byte);
          else if (byte === LF && this.#digits > 0 && this.#length === 0) frames.push(this.#complete());
          else this.#beginData(byte);
          break;
        case 'end':
          if (byte !== LF) throw new RelpFrameError(`a line feed was expected behind the data and ${shown(byte)} came`);
          frames.push(this.#complete());
          break;
      }
    }
    return frames;
  }

  #number(value: number, digit: number): number {
    if (++this.#digits > MAX_DIGITS) throw new RelpFrameError(`a number has more than ${MAX_DIGITS} digits`);
    return value * 10 + digit - ZERO;
  }

  #endNumber(byte: number, what: string, next: 'command' | 'data' | 'end'): void {
    if (byte !== SPACE || this.#digits === 0) throw new RelpFrameError(`${what} and a space were expected and ${shown(byte)} came`);
    this.#digits = 0;
    this.#state = next;
  }

  #beginData(byte: number): void {
    if (this.#length > this.#maxDataBytes) throw new RelpFrameError(`data of ${this.#length} bytes was announced, and ${this.#maxDataBytes} is the most`);
    // librelp tolerates a space behind a length of 0, and some senders write it.
    this.#endNumber(byte, 'a length', this.#length === 0 ? 'end' : 'data');
  }

  #takeData(chunk: Buffer, at: number): number {
    const piece = chunk.subarray(at, at + this.#length - this.#partial.length);
    if (piece.length === this.#length) {
      this.#data = piece;
    } else {
      this.#partial.bytes(piece);
      if (this.#partial.length < this.#length) return at + piece.length;
      this.#data = Buffer.from(this.#partial.view());
      this.#partial.clear(KEPT_BYTES);
    }
    this.#state = 'end';
    return at + piece.length;
  }

  #complete(): RelpFrame {
    const frame = { txnr: this.#txnr, command: this.#command, data: this.#data };
    this.#state = 'txnr';
    this.#txnr = 0;
    this.#command = '';
    this.#length = 0;
    this.#digits = 0;
    this.#data = NOTHING;
    return frame;
  }
}

const NOTHING = Buffer.alloc(0);
const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const MAX_DIGITS = 9;
const MAX_COMMAND_LENGTH = 32;
/** What a connection keeps once a large frame has passed. */
const KEPT_BYTES = 64 * 1024;

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
}

function shown(byte: number): string {
  return byte > SPACE && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte ${byte}`;
}
