import type { Cursor } from './entry.js';

/** A place in a source, just after one entry, or just before it. */
export interface Position {
  readonly cursor: Cursor;
  /** The entry's `__REALTIME_TIMESTAMP` in microseconds: where to look when the cursor leads nowhere any more. */
  readonly timestamp: number;
  /** The place is before the entry, which is still to come: where a first run begins. */
  readonly before?: true;
}
