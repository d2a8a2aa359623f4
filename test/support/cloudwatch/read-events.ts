import { eventOverheadBytes } from './limits.js';
import { invalidParameter } from './service-error.js';
import { type StoredEvent, type Stream, inTime } from './store.js';

/** An answer holds at most so many events and bytes (API Reference, GetLogEvents). */
const pageEvents = 10_000;
const pageBytes = 1_048_576;

export interface GetOptions {
  readonly startTime?: number;
  /** Exclusive. */
  readonly endTime?: number;
  readonly nextToken?: string;
  readonly limit?: number;
  readonly startFromHead?: boolean;
}

/**
 * A page of one stream, ascending by time: the latest events without a token, unless the head is asked for. Both tokens
 * name a place between events, so that events that come meanwhile disturb nothing. At the end of the stream the token
 * that was passed comes back.
 */
export function getEvents(stream: Stream, { startTime = 0, endTime = Infinity, nextToken, limit = pageEvents, startFromHead = false }: GetOptions): {
  readonly events: readonly StoredEvent[];
  readonly nextForwardToken: string;
  readonly nextBackwardToken: string;
} {
  const place = nextToken === undefined ? undefined : parseToken(nextToken);
  const forward = place?.forward ?? startFromHead;
  const inWindow = stream.byTime().filter((event) => event.timestamp >= startTime && event.timestamp < endTime);
  const candidates = place === undefined ? inWindow : inWindow.filter((event) => (forward ? inTime(event, place.after) > 0 : inTime(event, place.after) <= 0));
  const events = forward ? page(candidates, limit) : page(candidates.toReversed(), limit).toReversed();
  const first = events[0];
  const last = events.at(-1);
  const here = place?.after ?? nowhere;
  return {
    events,
    nextForwardToken: token('f', last ?? here),
    nextBackwardToken: token('b', first === undefined ? here : { ...first, sequence: first.sequence - 1 }),
  };
}

export interface FilterOptions {
  readonly startTime?: number;
  /** Inclusive. */
  readonly endTime?: number;
  readonly filterPattern?: string;
  readonly nextToken?: string;
  readonly limit?: number;
}

export interface FoundEvent extends StoredEvent {
  readonly logStreamName: string;
}

/** A page of several streams, ascending by time; `nextToken` where there is more. Patterns are those of plain text: `term`, `"a phrase"`, `-not`, `?or`. */
export function filterEvents(streams: readonly Stream[], { startTime = 0, endTime = Infinity, filterPattern = '', nextToken, limit = pageEvents }: FilterOptions): {
  readonly events: readonly FoundEvent[];
  readonly nextToken?: string;
} {
  const matches = compilePattern(filterPattern);
  const after = nextToken === undefined ? nowhere : parseToken(nextToken).after;
  const found = streams
    .flatMap((stream) =>
      stream.events
        .filter((event) => event.timestamp >= startTime && event.timestamp <= endTime && inTime(event, after) > 0 && matches(event.message))
        .map((event) => ({ ...event, logStreamName: stream.name })),
    )
    .sort(inTime);
  const events = page(found, limit);
  return { events, ...(events.length < found.length ? { nextToken: token('f', events.at(-1) as StoredEvent) } : {}) };
}

/** What AWS gives as `eventId`: 56 digits, ascending with time. */
export const eventId = ({ timestamp, sequence }: Place): string => `${timestamp}`.padStart(20, '0') + `${sequence}`.padStart(36, '0');

type Place = Pick<StoredEvent, 'timestamp' | 'sequence'>;

const nowhere = { timestamp: 0, sequence: 0 } as StoredEvent;
const token = (direction: 'f' | 'b', place: Place): string => `${direction}/${eventId(place)}`;

function parseToken(text: string): { readonly forward: boolean; readonly after: StoredEvent } {
  const match = /^([fb])\/(\d{20})(\d{36})$/.exec(text);
  if (match === null) throw invalidParameter('The specified nextToken is invalid.');
  return { forward: match[1] === 'f', after: { timestamp: Number(match[2]), sequence: Number(match[3]) } as StoredEvent };
}

function page<E extends StoredEvent>(events: readonly E[], limit: number): readonly E[] {
  let bytes = 0;
  let count = 0;
  while (count < events.length && count < limit) {
    bytes += Buffer.byteLength((events[count] as E).message) + eventOverheadBytes;
    if (count > 0 && bytes > pageBytes) break;
    count++;
  }
  return events.slice(0, count);
}

function compilePattern(pattern: string): (message: string) => boolean {
  if (/^\s*[[{]/.test(pattern) || pattern.startsWith('%')) throw invalidParameter('Invalid filter pattern (the local service knows terms only, neither JSON, columns nor regular expressions)');
  const terms = [...pattern.matchAll(/([-?]?)(?:"([^"]*)"|(\S+))/g)].map(([, sign, phrase, word]) => ({ sign, text: phrase ?? word ?? '' }));
  const some = terms.filter(({ sign }) => sign === '?');
  return (message) =>
    terms.every(({ sign, text }) => sign === '?' || message.includes(text) === (sign === '')) && (some.length === 0 || some.some(({ text }) => message.includes(text)));
}
