/** Cuts a byte stream into the messages that were framed as RFC 6587 says, however the stream was split in transit. */
export class Deframer {
  readonly #framing: 'octet-counting' | 'lf';
  readonly #onMessage: (message: Buffer) => void;
  /** What came of a message that is not complete, in pieces: joining them anew with each chunk would cost the square of a large message's length. */
  #pieces: Buffer[] = [];
  #held = 0;
  /** How many bytes the pieces must hold before looking at them can be of use. */
  #needed = 0;

  constructor(framing: 'octet-counting' | 'lf', onMessage: (message: Buffer) => void) {
    this.#framing = framing;
    this.#onMessage = onMessage;
  }

  /** Tells the messages that `chunk` completes. Throws where a frame does not begin with its length. */
  push(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed || (this.#framing === 'lf' && !chunk.includes(0x0a))) return;
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    const used = this.#framing === 'lf' ? this.#lines(bytes) : this.#counted(bytes);
    this.#pieces = used < bytes.length ? [bytes.subarray(used)] : [];
    this.#held = bytes.length - used;
  }

  #lines(bytes: Buffer): number {
    let from = 0;
    for (let end; (end = bytes.indexOf(0x0a, from)) !== -1; from = end + 1) this.#onMessage(bytes.subarray(from, end));
    return from;
  }

  #counted(bytes: Buffer): number {
    let from = 0;
    for (;;) {
      let length = 0;
      let at = from;
      for (; at < bytes.length && bytes[at] !== 0x20; at++) {
        const digit = (bytes[at] as number) - 0x30;
        if (digit < 0 || digit > 9 || (digit === 0 && at === from) || at - from > 9) {
          throw new Error(`A frame must begin with its length, not with ${JSON.stringify(bytes.toString('latin1', from, from + 40))}.`);
        }
        length = length * 10 + digit;
      }
      const end = at + 1 + length;
      if (at >= bytes.length || end > bytes.length) {
        this.#needed = at >= bytes.length ? 0 : end - from;
        return from;
      }
      if (at === from) throw new Error('A frame must begin with its length, not with a space.');
      this.#onMessage(bytes.subarray(at + 1, end));
      from = end;
    }
  }
}
