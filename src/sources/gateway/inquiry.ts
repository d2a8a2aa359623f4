import type { Cursor } from '../../core/entry.js';
import type { Position } from '../../core/position.js';
import { isCursor } from '../../formats/cursor.js';
import { ExportReader } from '../../formats/export.js';
import { GatewayFault, type GatewayClient } from './client.js';
import { NEWEST_RANGE, queryFor } from './query.js';

/** Questions to a gateway beside the reading. Each rejects with a GatewayFault where there is no answer. */
export class Inquiry {
  readonly #client: GatewayClient;
  readonly #answerMs: number;
  #clock: { readonly theirsUs: number; readonly oursMs: number } | undefined;

  constructor(client: GatewayClient, answerMs: number) {
    this.#client = client;
    this.#answerMs = answerMs;
  }

  /** The time by the gateway's clock, as far as an answer has told it; else by ours. In microseconds since the epoch. */
  nowUs(): number {
    if (this.#clock === undefined) return Date.now() * 1000;
    return this.#clock.theirsUs + (performance.now() - this.#clock.oursMs) * 1000;
  }

  /** The newest entry that the matches select; undefined where there is none. */
  newest(matches: readonly string[], signal: AbortSignal): Promise<Position | undefined> {
    return this.#lastOf(queryFor(matches, { follow: false }), NEWEST_RANGE, signal);
  }

  /** The entry that the gateway takes a cursor for; undefined where there is none at or after it. */
  async entryAt(cursor: Cursor, signal: AbortSignal): Promise<Position | undefined> {
    return this.#lastOf('', `${cursor}:0:1`, signal);
  }

  /** The boot that runs on the gateway's machine. */
  async bootId(signal: AbortSignal): Promise<string | undefined> {
    const { boot_id: id } = await this.#client.machine(signal);
    return typeof id === 'string' && /^[0-9a-f]{32}$/.test(id) ? id : undefined;
  }

  /** What the journal's files take on the disk: a text that changes when there are others, as after a rotation. */
  async usage(signal: AbortSignal): Promise<string> {
    const { usage } = await this.#client.machine(signal);
    return String(usage);
  }

  async #lastOf(query: string, range: string, signal: AbortSignal): Promise<Position | undefined> {
    const timeout = AbortSignal.timeout(this.#answerMs);
    const either = AbortSignal.any([signal, timeout]);
    const answer = await this.#client.entries(query, range, either).catch((error: unknown) => {
      throw timeout.aborted && !signal.aborted ? this.#noAnswer() : error;
    });
    try {
      if (answer.dateUs !== undefined) this.#clock = { theirsUs: answer.dateUs, oursMs: performance.now() };
      const reader = new ExportReader({ maxEntryBytes: 64 * 1024 });
      let last: Position | undefined;
      for await (const bytes of answer.bytes) {
        for (const entry of reader.push(bytes)) if (isCursor(entry.cursor)) last = { cursor: entry.cursor, timestamp: entry.timestamp };
      }
      if (timeout.aborted && !signal.aborted) throw this.#noAnswer();
      return last;
    } finally {
      answer.close();
    }
  }

  #noAnswer(): GatewayFault {
    return new GatewayFault('disconnected', `no answer within ${this.#answerMs / 1000} s`);
  }
}
