import type { Cursor, Entry, FieldValue } from '../../core/entry.js';
import { textOrBytes } from '../../formats/field-value.js';
import type { PlainLine } from '../../formats/plain-lines.js';

/**
 * A plain line as an entry: MESSAGE, when it was read, and the fields that all lines of the input share. A line that
 * goes on in the next entry says so as journald does, with `_LINE_BREAK=line-max`.
 */
export class PlainEntry implements Entry {
  readonly cursor = '' as Cursor;
  readonly timestamp: number;
  readonly #line: PlainLine;
  readonly #shared: ReadonlyMap<string, string>;

  constructor(line: PlainLine, timestamp: number, shared: ReadonlyMap<string, string>) {
    this.timestamp = timestamp;
    this.#line = line;
    this.#shared = shared;
  }

  get(name: string): FieldValue | undefined {
    if (name === 'MESSAGE') return textOrBytes(Buffer.from(this.#line.bytes.buffer, this.#line.bytes.byteOffset, this.#line.bytes.length));
    if (name === '__REALTIME_TIMESTAMP') return String(this.timestamp);
    if (name === '_LINE_BREAK') return this.#line.continues ? 'line-max' : undefined;
    return this.#shared.get(name);
  }

  bytes(name: string): Uint8Array | undefined {
    if (name === 'MESSAGE') return this.#line.bytes;
    const value = this.get(name) as string | undefined;
    return value === undefined ? undefined : Buffer.from(value);
  }

  *names(): Iterable<string> {
    yield 'MESSAGE';
    yield '__REALTIME_TIMESTAMP';
    if (this.#line.continues) yield '_LINE_BREAK';
    yield* this.#shared.keys();
  }
}
