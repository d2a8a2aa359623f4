/**
 * The memory that an encoder and its assembly share: the text of entries, the rows of their fields as `EntryTable` has them,
 * and what is made of both.
 */

/** A field. Its key are the length of the name and its first and last byte; the others are offsets into the text. */
@unmanaged
export class Row {
  readonly key: i32;
  readonly nameFrom: i32;
  readonly valueFrom: i32;
  readonly valueTo: i32;

  @inline
  static at(index: i32): Row {
    return changetype<Row>(rowsAt + <usize>index * offsetof<Row>());
  }

  @inline
  get next(): Row {
    return changetype<Row>(changetype<usize>(this) + offsetof<Row>());
  }

  @inline
  get nameBytes(): usize {
    return this.key >>> 16;
  }

  /** Where the name begins in memory. */
  @inline
  get name(): usize {
    return textAt + this.nameFrom;
  }

  @inline
  get value(): usize {
    return textAt + this.valueFrom;
  }

  @inline
  get valueEnd(): usize {
    return textAt + this.valueTo;
  }
}

export const maxRows: i32 = 64 * 1024;
export const rowsAt = memory.data(64 * 1024 * 16, 16);
export const maxEntries: i32 = 16 * 1024;
/** Of each entry the number of the row after its last. */
export const entriesAt = memory.data(16 * 1024 * 4, 16);
export const maxTextBytes: i32 = 1024 * 1024;
/** The text, with bytes behind it that may be read, whatever they are. */
export const textAt = memory.data(1024 * 1024 + 64, 16);
export const maxOutBytes: usize = 512 * 1024;
/** What is made. What is written may exceed its end by 32 bytes. */
export const outAt = memory.data(512 * 1024 + 64, 16);
