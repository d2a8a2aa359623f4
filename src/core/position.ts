import type { Cursor } from './entry.js';

/** A place in a source, just after one entry. */
export interface Position {
  readonly cursor: Cursor;
  /** The entry's `__REALTIME_TIMESTAMP` in microseconds: where to look when the cursor leads nowhere any more. */
  readonly timestamp: number;
}
