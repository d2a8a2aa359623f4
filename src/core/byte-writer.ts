/** A growing byte buffer that is written at its end. Reused from batch to batch, so its views are short-lived. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends one byte. */
  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** Appends text as UTF-8; lone surrogates become U+FFFD. */
  text(value: string): void {
    if (value.length < 32) {
      this.#shortText(value);
      return;
    }
    this.#reserve(value.length * 3);
    this.#length += this.#buffer.write(value, this.#length);
  }

  /** Appends bytes as they are. */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Appends a part of `value` and returns true, or appends nothing and returns false where `allowed` is 0 at one of its bytes. */
  sliceOf(allowed: Uint8Array, value: Uint8Array, from: number, to: number): boolean {
    this.#reserve(to - from);
    const buffer = this.#buffer;
    let at = this.#length;
    for (let i = from; i < to; i++) {
      const byte = value[i] as number;
      if (allowed[byte] === 0) return false;
      buffer[at++] = byte;
    }
    this.#length = at;
    return true;
  }

  /** Leaves so many bytes for what is to be written over them. */
  leave(bytes: number): void {
    this.#reserve(bytes);
    this.#length += bytes;
  }

  /** Moves what was written from `from` on so many bytes towards the end, or with less than 0 towards the start. */
  shift(from: number, by: number): void {
    if (by > 0) this.#reserve(by);
    this.#buffer.copyWithin(from + by, from, this.#length);
    this.#length += by;
  }

  /** Writes a number of so many decimal digits, and one more byte, over what stands at `at`. */
  overwrite(at: number, value: number, digits: number, last: number): void {
    let rest = value;
    for (let i = at + digits - 1; i >= at; i--) {
      const tens = Math.trunc(rest / 10);
      this.#buffer[i] = 0x30 + rest - tens * 10;
      rest = tens;
    }
    this.#buffer[at + digits] = last;
  }

  /** Forgets everything from `length` on. */
  truncate(length: number): void {
    if (length < this.#length) this.#length = length;
  }

  /** Empties the writer, and gives memory back that only an unusual batch needed. */
  clear(keepBytes = Infinity): void {
    this.#length = 0;
    if (this.#buffer.length > keepBytes) this.#buffer = Buffer.allocUnsafeSlow(keepBytes);
  }

  /** What was written between two offsets, without a copy: valid until the next write. */
  view(from = 0, to = this.#length): Buffer {
    return this.#buffer.subarray(from, to);
  }

  #shortText(value: string): void {
    this.#reserve(value.length * 3);
    const start = this.#length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#length = start + this.#buffer.write(value, start);
        return;
      }
      this.#buffer[start + i] = code;
    }
    this.#length = start + value.length;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
