/** Limits of PutLogEvents (CloudWatch Logs API Reference, PutLogEvents). Sizes are in bytes of UTF-8. */

/** The largest sum over a request's events of message and overhead. */
export const MAX_PUT_BYTES = 1_048_576;
export const MAX_PUT_EVENTS = 10_000;
/** What each event counts beyond its message. */
export const EVENT_OVERHEAD_BYTES = 26;
/** The largest event, its overhead included; 262,144 in older documents. */
export const MAX_EVENT_BYTES = 1_048_576;
/** The longest time between the first and the last event of a request. */
export const MAX_PUT_SPAN_MS = 24 * 3_600_000;
/** Older events are refused, whatever the group's retention. */
export const MAX_AGE_MS = 14 * 24 * 3_600_000;
/** Characters of a log stream's name. */
export const MAX_STREAM_NAME = 512;
