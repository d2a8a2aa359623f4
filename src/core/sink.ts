import type { Cursor, Entry } from './entry.js';

/**
 * How messages are delimited: `octet-counting` (RFC 6587 section 3.4.1, `LENGTH SP MESSAGE`), `lf` (section 3.4.2,
 * each ends with LF), or `none` (the transport keeps them apart, as UDP does).
 */
export type Framing = 'octet-counting' | 'lf' | 'none';

/** The messages of one delivery. Valid until the promise that `deliver` returned has settled. */
export interface Batch {
  /** The lane that all its messages belong to; empty where the sink has no lanes. */
  readonly lane: string;
  readonly count: number;
  /** The frames one after another, just as a stream carries them. */
  readonly bytes: Uint8Array;
  /** One message without its frame. */
  message(index: number): Uint8Array;
  /** The time of a message's entry, in microseconds since the epoch. */
  timestamp(index: number): number;
  /** Where a message's entry stands in what it was read from; no other entry there has the same. */
  cursor(index: number): Cursor;
}

/** How an attempt to deliver ended. What a network can bring about is data, not an exception. */
export type Delivery =
  | { readonly outcome: 'delivered' }
  | {
      /** The sink took the bytes, which may be forgotten, and will yet learn whether the receiver got them. */
      readonly outcome: 'sent';
      /**
       * True once the receiver can be taken to have the batch; false when that can no longer become known, and
       * then everything from the last confirmed entry on must be read and sent again. Never rejects.
       */
      readonly confirmed: Promise<boolean>;
    }
  | {
      readonly outcome: 'retryable';
      /** What failed, as one clause: it follows the destination's name in a log line. */
      readonly reason: string;
      readonly code: string;
      /** How many messages at the head of the batch need not be sent again. 0 where it is absent. */
      readonly deliveredCount?: number;
      /** Which of those the receiver refused for good. */
      readonly rejections?: readonly Rejection[];
      /** True where no waiting helps, as with a wrong path or wrong credentials. */
      readonly needsOperator?: boolean;
      /** The pause that the receiver asked for. */
      readonly retryAfterMs?: number;
    }
  | {
      /** The receiver refused these messages for good, and has all the others. */
      readonly outcome: 'rejected';
      readonly rejections: readonly Rejection[];
    };

/** Why a message was refused for good: one of few words, by which refusals are counted. */
export type RejectionKind = 'refused' | 'too-large' | 'too-old' | 'too-new' | 'expired';

/** A message that the receiver refused for good. */
export interface Rejection {
  readonly index: number;
  /** `refused` where it is absent. */
  readonly kind?: RejectionKind;
  /** Why, in words that hold nothing of the message. */
  readonly reason: string;
}

export interface SinkLimits {
  readonly maxMessages: number;
  /** The largest sum of a batch's frames, in bytes. A single larger frame is a batch of its own. */
  readonly maxBytes: number;
  /** What the receiver counts for each message beyond its frame, towards `maxBytes`. 0 where it is absent. */
  readonly overheadBytes?: number;
  /** The receiver takes no message without content: an entry of which the format makes one is left out, as filtered. */
  readonly refusesEmpty?: boolean;
  /** How many deliveries may be under way at a time. */
  readonly maxInFlight: number;
  /** How long a batch may wait for more, from its first entry; 0 sends as soon as the source has no more at hand. */
  readonly maxAgeMs: number;
}

/**
 * The places within one destination, such as streams of a group, each of which has batches of its own. Entries keep
 * their order within a lane, and lanes are delivered side by side, at most one batch of each at a time.
 */
export interface Lanes {
  /** The journal fields that `laneOf` reads; undefined for any of them. */
  readonly fields: readonly string[] | undefined;
  /** How many batches may be kept at a time, filling, waiting and under way; then the oldest is sent as it is, and reading waits. */
  readonly maxBatches: number;
  /** How many bytes of frames they may hold together; then the largest is sent as it is, and reading waits. */
  readonly maxHeldBytes: number;
  /** The lane of an entry; undefined for one that the destination would refuse whatever its content: it is left out, as filtered. */
  laneOf(entry: Entry): string | undefined;
}

/** Where messages go. */
export interface Sink {
  readonly framing: Framing;
  /** May change from one batch to the next, as a receiver's rules or its patience do. */
  readonly limits: SinkLimits;
  /** Absent where the destination is one place. */
  readonly lanes?: Lanes;
  /** Why the last connection broke, as one clause: the explanation of a `confirmed` that became false. */
  readonly lastBreak?: string | undefined;
  /**
   * How long an attempt can take, in milliseconds, while `isHeldUp` is false: one that takes longer hangs, and no
   * retry would ever follow it. A minute where it is absent.
   */
  readonly attemptTimeoutMs?: number;
  /** True while an attempt waits for a receiver that takes its time, for which there is no limit: a closed window, a full pipe. */
  readonly isHeldUp?: boolean;
  /** Told that a batch has begun, which will be delivered: the time until then is there for connecting. Says nothing of a failure, which the delivery finds for itself. */
  expect?(): void;
  /**
   * Attempts one delivery and says how it ended; a rejected promise is a bug. Deliveries (of one lane) are attempted
   * in the order of the calls. Resolves soon after `signal` aborts, as retryable.
   */
  deliver(batch: Batch, signal: AbortSignal): Promise<Delivery>;
  /**
   * Ends the connection in such a way that everything which was sent becomes confirmed if it can be, and then
   * resolves; when `signal` aborts, gives up, resolves `confirmed` as false where it is open, and frees everything.
   * A later `deliver` opens it anew.
   */
  close(signal: AbortSignal): Promise<void>;
  /** Tries the destination without sending a message. Resolves to undefined, or to what is wrong. */
  probe(signal: AbortSignal): Promise<string | undefined>;
}
