import type { Position } from './position.js';

/** Totals of a destination, kept over restarts. */
export interface Counts {
  /** Entries that were delivered (for streams: and confirmed). */
  readonly delivered: number;
  /** Entries that a filter left out, or of which the format has nothing to say. */
  readonly filtered: number;
  /** Entries that the receiver refused, and that went to the dead letters. */
  readonly rejected: number;
}

/** Where one destination stands, as it is kept over restarts. */
export interface Checkpoint {
  readonly position: Position;
  readonly counts: Counts;
}

/** Keeps a destination's checkpoint. */
export interface CheckpointStore {
  /** What was saved last, or undefined on a first run. A cursor that is empty means: look for the time. */
  load(): Promise<Checkpoint | undefined>;
  /** Saves durably: after it resolves, no crash brings back an older one. Rejects when it cannot; the old one is then intact. */
  save(checkpoint: Checkpoint): Promise<void>;
}
