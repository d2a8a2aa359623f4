import type { ByteWriter } from '../core/byte-writer.js';
import type { Encoder } from '../core/encoder.js';
import type { Entry } from '../core/entry.js';
import { appendEscaped, atMost, LINE_FEED, withoutLastLineFeed } from './message-text.js';
import { cutTo } from './truncate.js';

/**
 * MESSAGE and nothing else, its bytes as they are: what `journalctl -o cat` prints, without the LF that ends it.
 * On a single line, one LF at the end of the message is left out, and any other is `#012`, or what is asked for.
 */
export class CatEncoder implements Encoder {
  readonly fields = ['MESSAGE'];
  readonly #maxBytes: number | undefined;
  readonly #singleLine: boolean;

  readonly #lineFeed: string;

  constructor(options: { readonly maxMessageBytes: number | undefined; readonly singleLine: boolean; readonly lineFeed?: string | undefined }) {
    this.#maxBytes = options.maxMessageBytes;
    this.#singleLine = options.singleLine;
    this.#lineFeed = options.lineFeed ?? LINE_FEED;
  }

  encode(entry: Entry, out: ByteWriter): boolean {
    const message = entry.bytes('MESSAGE');
    if (message === undefined) return false;
    const start = out.length;
    appendEscaped(out, atMost(withoutLastLineFeed(message, this.#singleLine), this.#maxBytes), { lineFeed: this.#singleLine ? this.#lineFeed : undefined });
    cutTo(out, start, this.#maxBytes);
    return true;
  }
}
