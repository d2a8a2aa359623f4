import type { Counts } from '../core/checkpoint.js';
import type { RouteStatus } from '../core/route-status.js';
import type { Chunk } from '../core/source.js';
import type { Advance } from './ack-tracker.js';
import { Throughput } from './throughput.js';

/** What a route has counted, and when it last got on: in this run, and of what became settled over all runs. */
export class Tally {
  /** What earlier runs had counted. */
  #before: Counts = { delivered: 0, filtered: 0, rejected: 0 };
  #counts = { delivered: 0, filtered: 0, rejected: 0 };
  readonly #throughput = new Throughput();
  #read = 0;
  #firstRead: number | undefined;
  #lastRead: number | undefined;
  #batches = 0;
  #bytes = 0;
  #attempts = 0;
  #retries = 0;
  #sentMs = -Infinity;
  /** When something was settled last, or when the first batch since then was sent. */
  #movedMs = 0;

  /** Over all runs. */
  get counts(): Counts {
    return { ...this.#counts };
  }

  /** Whether any attempt has ended, in whatever way. */
  get hasAttempted(): boolean {
    return this.#attempts > 0;
  }

  /** When a batch was last given to be delivered, as performance.now() tells it; -Infinity before the first. */
  get sentMs(): number {
    return this.#sentMs;
  }

  /** For how long nothing has become settled, where something is there to be. */
  get waitingMs(): number {
    return performance.now() - this.#movedMs;
  }

  status(): Pick<RouteStatus, 'firstRead' | 'lastRead' | 'read' | 'counts' | 'runCounts' | 'perSecond' | 'batches' | 'bytes' | 'retries'> {
    const { delivered, filtered, rejected } = this.#counts;
    const before = this.#before;
    return {
      firstRead: this.#firstRead,
      lastRead: this.#lastRead,
      read: this.#read,
      counts: this.counts,
      runCounts: { delivered: delivered - before.delivered, filtered: filtered - before.filtered, rejected: rejected - before.rejected },
      perSecond: this.#throughput.perSecond(performance.now()),
      batches: this.#batches,
      bytes: this.#bytes,
      retries: this.#retries,
    };
  }

  /** Counts on from where earlier runs ended. */
  goOnFrom(before: Counts): void {
    this.#before = before;
    this.#counts = { ...before };
  }

  /** A chunk's entries are all in batches, or filtered. */
  noteRead({ entries }: Chunk): void {
    this.#read += entries.length;
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#firstRead ??= entries[0]!.timestamp;
    this.#lastRead = last.timestamp;
  }

  /** A batch is about to be delivered. `isFirst`: all those that were sent before it are settled. */
  noteSent(isFirst: boolean): void {
    this.#sentMs = performance.now();
    if (isFirst) this.#movedMs = this.#sentMs;
  }

  noteAttempt(): void {
    this.#attempts += 1;
  }

  noteRetry(): void {
    this.#retries += 1;
  }

  /** The sink has taken a batch. */
  noteTaken(byteLength: number): void {
    this.#batches += 1;
    this.#bytes += byteLength;
  }

  noteSettled({ messages, rejected, filtered }: Advance): void {
    this.#counts.delivered += messages - rejected;
    this.#counts.rejected += rejected;
    this.#counts.filtered += filtered;
    this.#movedMs = performance.now();
    this.#throughput.add(messages, this.#movedMs);
  }
}
