import type { Entry } from './entry.js';
import type { Position } from './position.js';

/** What one read of the underlying stream held. Chunks, not entries, cross asynchronous borders. */
export interface Chunk {
  readonly entries: readonly Entry[];
  /**
   * A position after the last of `entries` up to which the source has nothing more to give, where it knows one:
   * it lets a checkpoint move on while a filter matches nothing.
   */
  readonly through?: Position;
}

/** Where entries come from. */
export interface Source {
  /**
   * Yields entries in order, from the position `after` on (from where a first run starts, if undefined). Reads no
   * further than it is pulled, survives the death of what it reads from, and returns when there is nothing left
   * (only where it does not follow) or soon after `signal` aborts. Throws an OperatorError for what only an operator can mend;
   * where that is a ReadingGivenUp, what it gave before is to be delivered as at its end.
   * Read one pass to its end, or abort it, before the next begins.
   */
  read(after: Position | undefined, signal: AbortSignal): AsyncIterable<Chunk>;
  /** Why nothing can be read at present, as one clause, where attempt after attempt fails; undefined while it goes well. */
  readonly trouble?: string | undefined;
  /** Tells the source that it will not be asked again for anything up to `position`. */
  settled?(position: Position): void;
}
