import type { Logger } from './logger.js';
import type { ReaderEvents } from './reader-events.js';

/** So often what is read from may fail in a row where it is not followed. With the pauses between them, that is most of a minute. */
export const MAX_FAILURES = 10;

/** What the reader of a journal is told, be that journal this machine's or one that a gateway serves. */
export interface JournalReaderOptions {
  /** Where a first run begins: at the oldest entry, at the head of the running boot, or with what is logged from now on. */
  readonly start: 'head' | 'boot' | 'now';
  /** A time as journalctl takes it, for a gateway `@SECONDS.FRACTION`; wins over `start`. */
  readonly since?: string | undefined;
  /** False: stop at the end of the journal; or with a ReadingGivenUp after MAX_FAILURES in a row without an entry between them. */
  readonly follow: boolean;
  readonly logger: Logger;
  /** Told of every time that reading begins again and of every gap, which are logged too. */
  readonly events?: ReaderEvents | undefined;
  /** The host's name, where each gap is to become an entry of the stream. */
  readonly reportGapsAs?: string | undefined;
}
