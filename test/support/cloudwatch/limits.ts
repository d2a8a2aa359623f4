import { invalidParameter } from './service-error.js';

/** What PutLogEvents takes (CloudWatch Logs API Reference, PutLogEvents). Sizes are UTF-8 bytes, `eventOverheadBytes` included. */
export interface Limits {
  readonly batchBytes: number;
  /** 1 MB today, 262,144 in older documents and, until 2025, in the service. */
  readonly eventBytes: number;
  readonly futureMs: number;
  readonly ageMs: number;
}

export const batchBytes = 1_048_576;
export const batchEvents = 10_000;
export const eventOverheadBytes = 26;
export const dayMs = 86_400_000;
export const defaultLimits: Limits = { batchBytes, eventBytes: 1_048_576, futureMs: 2 * 3_600_000, ageMs: 14 * dayMs };

export interface InputEvent {
  readonly timestamp: number;
  readonly message: string;
}

export interface RejectedEvents {
  /** Inclusive. */
  readonly tooNewLogEventStartIndex?: number;
  /** Exclusive. */
  readonly tooOldLogEventEndIndex?: number;
  /** Exclusive. */
  readonly expiredLogEventEndIndex?: number;
}

export interface Judgement {
  readonly bytes: number;
  /** The events from `start` (inclusive) to `end` (exclusive) are stored. */
  readonly start: number;
  readonly end: number;
  readonly rejected?: RejectedEvents;
}

export interface JudgeOptions {
  readonly limits: Limits;
  readonly nowMs: number;
  /** The group's, if it has one. */
  readonly retentionDays: number | undefined;
  /** So many events at least are rejected whatever their time: the first as too old, those that follow as expired, the last as too new. */
  readonly forced?: { readonly tooOld?: number | undefined; readonly expired?: number | undefined; readonly tooNew?: number | undefined };
}

/**
 * Which events of a batch the service takes at `nowMs`. Throws where the whole batch is refused: too large, an event too
 * large, not ascending, or valid events over more than 24 hours. What is too old by the service's own limit is told as
 * too old, what is only older than the group keeps events as expired.
 */
export function judge(events: readonly InputEvent[], { limits, nowMs, retentionDays, forced = {} }: JudgeOptions): Judgement {
  let bytes = 0;
  let largest = 0;
  let previousMs = 0;
  for (const { timestamp, message } of events) {
    const size = Buffer.byteLength(message) + eventOverheadBytes;
    bytes += size;
    if (size > largest) largest = size;
    if (timestamp < previousMs) throw invalidParameter('Log events in a single PutLogEvents request must be in chronological order.');
    previousMs = timestamp;
  }
  if (largest > limits.eventBytes) throw invalidParameter(`Log event too large: ${largest} bytes exceeds limit of ${limits.eventBytes}`);
  if (bytes > limits.batchBytes) throw invalidParameter(`Upload too large: ${bytes} bytes exceeds limit of ${limits.batchBytes}`);

  const firstNotBefore = (timeMs: number): number => {
    const index = events.findIndex(({ timestamp }) => timestamp >= timeMs);
    return index < 0 ? events.length : index;
  };
  const count = (index: number): number => Math.min(index, events.length);
  const tooOldEnd = count(Math.max(firstNotBefore(nowMs - limits.ageMs), forced.tooOld ?? 0));
  const expiredEnd = count(Math.max(retentionDays === undefined ? 0 : firstNotBefore(nowMs - retentionDays * dayMs), forced.expired === undefined ? 0 : tooOldEnd + forced.expired));
  const start = Math.max(tooOldEnd, expiredEnd);
  const end = Math.max(start, Math.min(firstNotBefore(nowMs + limits.futureMs + 1), events.length - (forced.tooNew ?? 0)));
  if (end > start && (events[end - 1] as InputEvent).timestamp - (events[start] as InputEvent).timestamp > dayMs) {
    throw invalidParameter('The batch of log events in a single PutLogEvents request cannot span more than 24 hours.');
  }
  const rejected = {
    ...(end < events.length ? { tooNewLogEventStartIndex: end } : {}),
    ...(tooOldEnd > 0 ? { tooOldLogEventEndIndex: tooOldEnd } : {}),
    ...(expiredEnd > tooOldEnd ? { expiredLogEventEndIndex: expiredEnd } : {}),
  };
  return { bytes, start, end, ...(Object.keys(rejected).length > 0 ? { rejected } : {}) };
}
