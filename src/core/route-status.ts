import type { Counts } from './checkpoint.js';
import type { Position } from './position.js';

/** What a route is doing, as `status` shows it. */
export interface RouteStatus {
  readonly name: string;
  readonly label: string;
  readonly state: 'starting' | 'forwarding' | 'retrying' | 'stopped';
  /** Up to where everything is settled. */
  readonly position: Position | undefined;
  /** The times of the first and of the last entry that this run read, settled or not; microseconds since the epoch. */
  readonly firstRead: number | undefined;
  readonly lastRead: number | undefined;
  /** Entries that this run was given by the source, those given again after a break included. */
  readonly read: number;
  readonly counts: Counts;
  /** The part of `counts` that this run alone has added. Never goes back, unlike `counts`, of which a sudden death forgets the last second. */
  readonly runCounts: Counts;
  /** Messages that became settled, each second, over the last minute or since the run began. */
  readonly perSecond: number;
  /** Batches that the sink has taken, those sent again included; and their bytes, frames included. */
  readonly batches: number;
  readonly bytes: number;
  /** Deliveries that are under way: attempted, or waiting to be attempted again. */
  readonly inFlight: number;
  readonly unconfirmedBatches: number;
  /** For how long nothing has been confirmed although something could be; 0 where everything is. */
  readonly waitingMs: number;
  readonly retries: number;
  readonly lastError: string | undefined;
  /** Why nothing can be read at present. */
  readonly sourceError: string | undefined;
  /** When the checkpoint was saved last, in milliseconds since the epoch; undefined where this run has not saved it. */
  readonly savedAtMs: number | undefined;
  /** For how long the saved checkpoint has been behind what is settled; 0 where it is not. */
  readonly unsavedMs: number;
  readonly saveFailures: number;
  readonly checkpointError: string | undefined;
}
