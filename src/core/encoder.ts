import type { ByteWriter } from './byte-writer.js';
import type { Entry } from './entry.js';

/** Turns an entry into a message: the content that a frame will hold. */
export interface Encoder {
  /** The journal fields it reads, or undefined for all of them. Sources read no others where they can choose. */
  readonly fields: readonly string[] | undefined;
  /**
   * Appends the entry's message to `out` and returns true; or appends nothing and returns false where the format
   * has nothing to say of such an entry (`short` and `cat`, of one without MESSAGE: as journalctl).
   * Never throws: what the format cannot carry is escaped, truncated with a mark, or left out.
   */
  encode(entry: Entry, out: ByteWriter): boolean;
}
