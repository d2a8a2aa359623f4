import { type InputEvent, batchBytes, batchEvents } from './limits.js';
import { ServiceError } from './service-error.js';

export interface StoredEvent extends InputEvent {
  readonly ingestionTime: number;
  /** Ascending in the order of arrival, over all streams. */
  readonly sequence: number;
}

/** What one PutLogEvents brought. */
export interface Batch {
  /** Of the request, with what was rejected. */
  readonly events: number;
  /** Of the request: UTF-8 bytes and 26 for each event. */
  readonly bytes: number;
  readonly rejected: number;
  readonly receivedMs: number;
}

export interface Totals {
  readonly batches: number;
  /** Those that were stored. */
  readonly events: number;
  readonly rejected: number;
  readonly bytes: number;
  /** 0 to 1: how full batches were on average, by bytes or by events, whichever is more. */
  readonly meanFill: number;
}

export interface StoreOptions {
  /** Off for large runs: only counts stay, and GetLogEvents finds nothing. */
  readonly keepEvents: boolean;
  /** Called with what was stored of each batch, before it is answered. */
  readonly onBatch?: ((group: string, stream: string, events: readonly InputEvent[], batch: Batch) => void) | undefined;
}

/** Groups, streams and events, as an account has them in one region. */
export class Store {
  readonly groups = new Map<string, Group>();
  readonly #options: StoreOptions;
  #sequence = 0;
  #totals = { batches: 0, events: 0, rejected: 0, bytes: 0, fill: 0 };

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  createGroup(name: string, nowMs: number): void {
    if (this.groups.has(name)) throw new ServiceError('ResourceAlreadyExistsException', 'The specified log group already exists');
    this.groups.set(name, { name, createdMs: nowMs, retentionDays: undefined, streams: new Map() });
  }

  createStream(groupName: string, name: string, nowMs: number): void {
    const { streams } = this.group(groupName);
    if (streams.has(name)) throw new ServiceError('ResourceAlreadyExistsException', 'The specified log stream already exists');
    streams.set(name, new Stream(name, nowMs));
  }

  deleteGroup(name: string): void {
    this.group(name);
    this.groups.delete(name);
  }

  deleteStream(groupName: string, name: string): void {
    this.stream(groupName, name);
    this.group(groupName).streams.delete(name);
  }

  group(name: string): Group {
    const group = this.groups.get(name);
    if (group === undefined) throw new ServiceError('ResourceNotFoundException', 'The specified log group does not exist.');
    return group;
  }

  stream(groupName: string, name: string): Stream {
    const stream = this.group(groupName).streams.get(name);
    if (stream === undefined) throw new ServiceError('ResourceNotFoundException', 'The specified log stream does not exist.');
    return stream;
  }

  append(groupName: string, streamName: string, events: readonly InputEvent[], batch: Batch): void {
    const stream = this.stream(groupName, streamName);
    this.#options.onBatch?.(groupName, streamName, events, batch);
    const totals = this.#totals;
    totals.batches++;
    totals.events += events.length;
    totals.rejected += batch.rejected;
    totals.bytes += batch.bytes;
    totals.fill += Math.max(batch.bytes / batchBytes, batch.events / batchEvents);
    const stored = events.map(({ timestamp, message }) => ({ timestamp, message, ingestionTime: batch.receivedMs, sequence: ++this.#sequence }));
    stream.append(stored, batch, this.#options.keepEvents);
  }

  totals(): Totals {
    const { batches, events, rejected, bytes, fill } = this.#totals;
    return { batches, events, rejected, bytes, meanFill: batches === 0 ? 0 : fill / batches };
  }
}

export interface Group {
  readonly name: string;
  readonly createdMs: number;
  retentionDays: number | undefined;
  readonly streams: Map<string, Stream>;
}

export class Stream {
  readonly name: string;
  readonly createdMs: number;
  /** In the order of arrival. */
  readonly events: StoredEvent[] = [];
  readonly batches: Batch[] = [];
  firstEventMs: number | undefined;
  lastEventMs: number | undefined;
  lastIngestionMs: number | undefined;
  #byTime: readonly StoredEvent[] | undefined;

  constructor(name: string, createdMs: number) {
    this.name = name;
    this.createdMs = createdMs;
  }

  append(events: readonly StoredEvent[], batch: Batch, keep: boolean): void {
    const first = events[0];
    if (first !== undefined) {
      this.firstEventMs = Math.min(this.firstEventMs ?? Infinity, first.timestamp);
      this.lastEventMs = Math.max(this.lastEventMs ?? 0, (events.at(-1) as StoredEvent).timestamp);
      this.lastIngestionMs = batch.receivedMs;
    }
    if (!keep) return;
    this.batches.push(batch);
    for (const event of events) this.events.push(event);
    this.#byTime = undefined;
  }

  /** Ascending by time, then by arrival. */
  byTime(): readonly StoredEvent[] {
    return (this.#byTime ??= this.events.toSorted(inTime));
  }
}

export const inTime = (a: StoredEvent, b: StoredEvent): number => a.timestamp - b.timestamp || a.sequence - b.sequence;
