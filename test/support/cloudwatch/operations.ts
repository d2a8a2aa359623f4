import { type Fault } from './faults.js';
import { type InputEvent, type Limits, judge } from './limits.js';
import { eventId, filterEvents, getEvents } from './read-events.js';
import { ServiceError, invalidParameter } from './service-error.js';
import type { Action } from './shapes.js';
import type { Group, Store, Stream } from './store.js';
import type { Input } from './validate.js';

export const accountId = '123456789012';

export interface Context {
  readonly store: Store;
  readonly limits: Limits;
  readonly nowMs: number;
  readonly region: string;
  /** The one that befalls this request, of a kind that lets it through. */
  readonly fault: Fault | undefined;
}

/** Does what a request asks, and returns what is answered, where there is an answer. The input has passed `checkInput`. */
export function operate(action: Action, input: Input, context: Context): object | undefined {
  // What checkInput has established, by the shape.
  const text = (name: string): string => input[name] as string;
  const { store, nowMs } = context;
  switch (action) {
    case 'CreateLogGroup':
      if (/^aws\//i.test(text('logGroupName'))) throw invalidParameter('Log groups starting with AWS/ are reserved for AWS.');
      return store.createGroup(text('logGroupName'), nowMs) as undefined;
    case 'DeleteLogGroup':
      return store.deleteGroup(text('logGroupName')) as undefined;
    case 'CreateLogStream':
      return store.createStream(text('logGroupName'), text('logStreamName'), nowMs) as undefined;
    case 'DeleteLogStream':
      return store.deleteStream(text('logGroupName'), text('logStreamName')) as undefined;
    case 'PutRetentionPolicy': {
      const days = input['retentionInDays'] as number;
      if (!retentionDays.includes(days)) {
        throw invalidParameter(`1 validation error detected: Value '${days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [${retentionDays.join(', ')}]`);
      }
      store.group(text('logGroupName')).retentionDays = days;
      return undefined;
    }
    case 'DeleteRetentionPolicy':
      store.group(text('logGroupName')).retentionDays = undefined;
      return undefined;
    case 'PutLogEvents':
      return putLogEvents(input, context);
    case 'DescribeLogGroups':
      return describeLogGroups(input, context);
    case 'DescribeLogStreams':
      return describeLogStreams(input, context);
    case 'GetLogEvents': {
      const { events, ...tokens } = getEvents(store.stream(groupOf(input, store).name, text('logStreamName')), input);
      return { events: events.map(({ timestamp, message, ingestionTime }) => ({ timestamp, message, ingestionTime })), ...tokens };
    }
    case 'FilterLogEvents': {
      const { events, ...next } = filterEvents(streamsOf(input, store), input);
      const found = events.map((event) => ({ logStreamName: event.logStreamName, timestamp: event.timestamp, message: event.message, ingestionTime: event.ingestionTime, eventId: eventId(event) }));
      return { events: found, searchedLogStreams: [], ...next };
    }
  }
}

/** What an AccessDeniedException names. */
export function resourceOf(input: Input, region: string): string {
  const name = typeof input['logGroupName'] === 'string' ? input['logGroupName'] : '';
  const stream = typeof input['logStreamName'] === 'string' ? input['logStreamName'] : '';
  return `arn:aws:logs:${region}:${accountId}:log-group:${name}:log-stream:${stream}`;
}

/** API Reference, PutRetentionPolicy. */
const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

function putLogEvents(input: Input, { store, limits, nowMs, fault }: Context): object {
  const [group, stream, events] = [input['logGroupName'] as string, input['logStreamName'] as string, input['logEvents'] as readonly InputEvent[]];
  store.stream(group, stream);
  const forced = fault?.kind === 'reject' ? { tooOld: fault.tooOld, expired: fault.expired, tooNew: fault.tooNew } : {};
  const { start, end, bytes, rejected } = judge(events, { limits, nowMs, retentionDays: store.group(group).retentionDays, forced });
  const batch = { events: events.length, bytes, rejected: events.length - (end - start), receivedMs: nowMs };
  store.append(group, stream, start === 0 && end === events.length ? events : events.slice(start, end), batch);
  return { nextSequenceToken, ...(rejected === undefined ? {} : { rejectedLogEventsInfo: rejected }) };
}

/** Still given, and ignored when it comes back (API Reference, PutLogEvents). */
const nextSequenceToken = '49590302938281232393746582934857203948571029384756102938';

function describeLogGroups(input: Input, { store, region }: Context): object {
  const prefix = (input['logGroupNamePrefix'] as string | undefined) ?? '';
  const pattern = (input['logGroupNamePattern'] as string | undefined) ?? '';
  if (prefix !== '' && pattern !== '') throw invalidParameter('LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.');
  const wanted = (input['logGroupIdentifiers'] as readonly string[] | undefined)?.map(nameIn);
  const groups = [...store.groups.values()].filter(({ name }) => (wanted?.includes(name) ?? true) && name.startsWith(prefix) && name.toLowerCase().includes(pattern.toLowerCase())).sort(byName);
  const { items, ...next } = pageOf(groups, input, ({ name }) => name);
  return {
    logGroups: items.map((group) => {
      const arn = `arn:aws:logs:${region}:${accountId}:log-group:${group.name}`;
      const retention = group.retentionDays === undefined ? {} : { retentionInDays: group.retentionDays };
      return { logGroupName: group.name, creationTime: group.createdMs, ...retention, metricFilterCount: 0, arn: `${arn}:*`, storedBytes: 0, logGroupClass: 'STANDARD', logGroupArn: arn };
    }),
    ...next,
  };
}

function describeLogStreams(input: Input, { store, region }: Context): object {
  const group = groupOf(input, store);
  const prefix = input['logStreamNamePrefix'] as string | undefined;
  const byTime = input['orderBy'] === 'LastEventTime';
  if (byTime && prefix !== undefined) throw invalidParameter('Cannot order by LastEventTime with a logStreamNamePrefix.');
  const streams = [...group.streams.values()].filter(({ name }) => name.startsWith(prefix ?? '')).sort(byTime ? (a, b) => (a.lastEventMs ?? 0) - (b.lastEventMs ?? 0) || byName(a, b) : byName);
  if (input['descending'] === true) streams.reverse();
  const { items, ...next } = pageOf(streams, input, ({ name }) => name);
  const described = (stream: Stream): object => ({
    logStreamName: stream.name,
    creationTime: stream.createdMs,
    firstEventTimestamp: stream.firstEventMs,
    lastEventTimestamp: stream.lastEventMs,
    lastIngestionTime: stream.lastIngestionMs,
    uploadSequenceToken: nextSequenceToken,
    arn: `arn:aws:logs:${region}:${accountId}:log-group:${group.name}:log-stream:${stream.name}`,
    storedBytes: 0,
  });
  return { logStreams: items.map(described), ...next };
}

/** By `logGroupName`, or by `logGroupIdentifier`, which is a name or an ARN. */
function groupOf(input: Input, store: Store): Group {
  const name = input['logGroupName'] as string | undefined;
  const identifier = input['logGroupIdentifier'] as string | undefined;
  if ((name === undefined) === (identifier === undefined)) {
    throw new ServiceError('InvalidParameterException', name === undefined ? 'Either logGroupName or logGroupIdentifier must be specified' : 'Only one of logGroupName and logGroupIdentifier can be specified');
  }
  return store.group(name ?? nameIn(identifier as string));
}

const nameIn = (identifier: string): string => /^arn:[^:]*:logs:[^:]*:\d*:log-group:([^:]*)$/.exec(identifier)?.[1] ?? identifier;

function streamsOf(input: Input, store: Store): readonly Stream[] {
  const group = groupOf(input, store);
  const names = input['logStreamNames'] as readonly string[] | undefined;
  const prefix = input['logStreamNamePrefix'] as string | undefined;
  if (names !== undefined && prefix !== undefined) throw invalidParameter('logStreamNamePrefix and logStreamNames are mutually exclusive parameters.');
  if (names !== undefined) return names.map((name) => store.stream(group.name, name));
  return [...group.streams.values()].filter(({ name }) => name.startsWith(prefix ?? ''));
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** The token is the last name of the page before. */
function pageOf<T>(items: readonly T[], input: Input, nameOf: (item: T) => string): { readonly items: readonly T[]; readonly nextToken?: string } {
  const limit = (input['limit'] as number | undefined) ?? 50;
  const last = input['nextToken'] === undefined ? undefined : Buffer.from(input['nextToken'] as string, 'base64url').toString();
  const start = last === undefined ? 0 : items.findIndex((item) => nameOf(item) === last) + 1;
  if (last !== undefined && start === 0) throw invalidParameter('The specified nextToken is invalid.');
  const page = items.slice(start, start + limit);
  if (start + limit >= items.length) return { items: page };
  return { items: page, nextToken: Buffer.from(nameOf(page.at(-1) as T)).toString('base64url') };
}
