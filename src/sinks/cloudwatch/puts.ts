import { isUtf8 } from 'node:buffer';
import type { Batch } from '../../core/sink.js';
import { EVENT_OVERHEAD_BYTES, MAX_PUT_BYTES, MAX_PUT_EVENTS, MAX_PUT_SPAN_MS } from './limits.js';

export interface LogEvent {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly message: string;
}

/** One request's events, within all limits of PutLogEvents. */
export interface Put {
  /** Ascending by time; in the order of the batch where times are the same. */
  readonly events: readonly LogEvent[];
  /** Which of the batch's messages each event is, or is a part of. */
  readonly indexes: readonly number[];
}

/**
 * A batch as requests, in the order in which to send them: one, as a rule, more where messages had to be split, times lie
 * more than a day apart, or bytes that are not UTF-8 grew when they became text. A message that is larger than `eventBytes`
 * allows becomes several events of the same time, split between characters; an empty one none. A time of 0 becomes `nowMs`.
 */
export function putsOf(batch: Batch, { eventBytes, nowMs }: { readonly eventBytes: number; readonly nowMs: number }): Put[] {
  const events: SizedEvent[] = [];
  const maxMessageBytes = eventBytes - EVENT_OVERHEAD_BYTES;
  let isAscending = true;
  let lastMs = 0;
  for (let index = 0; index < batch.count; index++) {
    const us = batch.timestamp(index);
    const timestamp = us > 0 ? Math.floor(us / 1000) : nowMs;
    isAscending &&= timestamp >= lastMs;
    lastMs = timestamp;
    const bytes = viewOf(batch.message(index));
    if (bytes.length <= maxMessageBytes && isUtf8(bytes)) {
      if (bytes.length > 0) events.push({ timestamp, message: bytes.toString('utf8'), size: bytes.length + EVENT_OVERHEAD_BYTES, index });
    } else {
      for (const piece of piecesOf(bytes, maxMessageBytes)) events.push({ timestamp, message: piece, size: Buffer.byteLength(piece) + EVENT_OVERHEAD_BYTES, index });
    }
  }
  // The clock was set back: the request must ascend all the same. Sorting is stable.
  if (!isAscending) events.sort((a, b) => a.timestamp - b.timestamp);
  return partsOf(events);
}

/** A put in two, for where the service says of the whole what is true of one event. */
export function halvesOf({ events, indexes }: Put): readonly [Put, Put] {
  const middle = events.length >> 1;
  return [
    { events: events.slice(0, middle), indexes: indexes.slice(0, middle) },
    { events: events.slice(middle), indexes: indexes.slice(middle) },
  ];
}

interface SizedEvent extends LogEvent {
  readonly size: number;
  readonly index: number;
}

function partsOf(events: readonly SizedEvent[]): Put[] {
  const puts: Put[] = [];
  let current: { events: LogEvent[]; indexes: number[] } | undefined;
  let bytes = 0;
  let firstMs = 0;
  for (const { timestamp, message, size, index } of events) {
    if (current === undefined || bytes + size > MAX_PUT_BYTES || current.events.length >= MAX_PUT_EVENTS || timestamp - firstMs >= MAX_PUT_SPAN_MS) {
      current = { events: [], indexes: [] };
      puts.push(current);
      bytes = 0;
      firstMs = timestamp;
    }
    current.events.push({ timestamp, message });
    current.indexes.push(index);
    bytes += size;
  }
  return puts;
}

/** Text of at most so many bytes each, split between characters; what is not UTF-8 becomes U+FFFD first. */
function piecesOf(bytes: Buffer, maxBytes: number): string[] {
  const text = isUtf8(bytes) ? bytes : Buffer.from(bytes.toString('utf8'));
  const pieces: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + maxBytes, text.length);
    // Not before a continuation byte, which would tear a character apart.
    while (to < text.length && (text[to]! & 0xc0) === 0x80) to -= 1;
    pieces.push(text.toString('utf8', from, to));
    from = to;
  }
  return pieces;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
