import type { ByteWriter } from './byte-writer.js';
import type { Entry, EntryRun } from './entry.js';
import type { Framing } from './sink.js';

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
  /**
   * Makes the frames of a run's entries in one go, from the first on, until a message is not one of the usual, or there is no
   * `room` for its frame: what each frame holds is what `encode` appends, and that is not nothing. Undefined where the first
   * one is not made. Absent where the format has no such way, as it is asked for: then nobody looks for runs.
   */
  readonly encodeRun?: ((run: EntryRun, framing: Framing, room: Room) => Frames | undefined) | undefined;
}

/** How many messages there may be, and how many bytes their frames may have together, from the offset `from` on. */
export interface Room {
  readonly from: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Frames, one after the other as `Framing` says. Valid until the encoder is asked again. */
export interface Frames {
  readonly bytes: Uint8Array;
  /** Of each message where it begins and where it ends; `bytes` begins at the offset from which there was room. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}
