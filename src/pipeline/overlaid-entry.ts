import { isUtf8 } from 'node:buffer';
import type { Cursor, Entry, FieldValue } from '../core/entry.js';

/** An entry at another position, or with another MESSAGE; all else is the entry's. */
export class OverlaidEntry implements Entry {
  readonly cursor: Cursor;
  readonly timestamp: number;
  readonly #entry: Entry;
  readonly #message: Buffer | undefined;

  constructor(entry: Entry, { cursor = entry.cursor, message }: { readonly cursor?: Cursor; readonly message?: Buffer }) {
    this.cursor = cursor;
    this.timestamp = entry.timestamp;
    this.#entry = entry;
    this.#message = message;
  }

  get(name: string): FieldValue | undefined {
    if (name !== 'MESSAGE' || this.#message === undefined) return this.#entry.get(name);
    return isUtf8(this.#message) ? this.#message.toString('utf8') : this.#message;
  }

  bytes(name: string): Uint8Array | undefined {
    return name === 'MESSAGE' && this.#message !== undefined ? this.#message : this.#entry.bytes(name);
  }

  names(): Iterable<string> {
    return this.#entry.names();
  }
}
