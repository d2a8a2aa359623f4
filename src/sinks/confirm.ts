import type { Logger } from '../core/logger.js';
import { TcpRowReader } from './tcp-row-reader.js';
import { TcpState, TcpTimer } from './tcp-table.js';
import type { TcpRow } from './tcp-table.js';

export interface ConfirmationOptions {
  /** How long a send queue must have been empty before what was sent counts as received. */
  readonly confirmAfterMs: number;
  /** How many later bytes the peer's kernel must have acknowledged, where the queue is never empty. */
  readonly confirmBytes: number;
  /** Looks the connection up in the kernel's table; undefined where there is none to look in (Unix streams). */
  readonly readRow: (() => Promise<TcpRow | undefined>) | undefined;
  /** The share of the time that may go into reading the table; the kernel walks all its sockets for it. A hundredth by default. */
  readonly tableShare?: number;
  /** How long the peer's kernel may leave everything unanswered before `onDeadPath` is called. */
  readonly deadPathMs?: number;
  readonly onDeadPath: () => void;
  readonly logger: Logger;
}

/**
 * Decides which bytes of one connection the receiver can be taken to have read, where the protocol has no
 * acknowledgement of its own.
 *
 * Bytes are confirmed when the peer's kernel has acknowledged them, and either the send queue was then empty and
 * the connection healthy for `confirmAfterMs` since, or `confirmBytes` of later bytes were acknowledged. What the
 * kernel has acknowledged is what it was handed less the `tx_queue` of our row in /proc/self/net/tcp, and only while
 * the row's state says that the connection lives: a dying socket reports 0. Without a table, what the kernel took
 * stands in for what was acknowledged, so that time and later bytes decide alone.
 *
 * Offsets only ever err downwards. The table is read only while something is unconfirmed.
 */
export class Confirmations {
  readonly #options: ConfirmationOptions;
  readonly #deadPathMs: number;
  readonly #rows: TcpRowReader;

  /** Writes that the socket was given, and those of them that the kernel has taken whole. */
  #submitted = 0;
  #taken = 0;
  /** Bytes of the connection that the kernel has taken, TLS included. */
  #handedOver = 0;
  readonly #marks: Mark[] = [];
  readonly #idle: (() => void)[] = [];

  /** Moments at which the queue was all but empty, and up to where the peer's kernel had acknowledged; oldest first. */
  #calms: { readonly atMs: number; readonly offset: number }[] = [];
  #reading: Reading | undefined;
  #lastJudged: Reading | undefined;
  #silence: { readonly sinceMs: number; readonly acknowledged: number } | undefined;

  #timer: NodeJS.Timeout | undefined;
  #finAcknowledged = false;
  #peerClosed = false;
  #failed = false;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
    this.#deadPathMs = options.deadPathMs ?? 60_000;
    const { confirmAfterMs, readRow, tableShare, logger } = options;
    const leastIntervalMs = Math.min(LEAST_INTERVAL_MS, Math.max(confirmAfterMs, 1));
    this.#rows = new TcpRowReader({ readRow, tableShare, leastIntervalMs, mayBeGone: () => this.#peerClosed, logger });
  }

  /** The socket was given something to write. What that is on the wire need not be known yet. */
  submit(): void {
    this.#submitted++;
    this.#schedule();
  }

  /**
   * The kernel has taken the next of the submitted writes, which ends at `end` on the wire, or before it; of the whole
   * connection it has taken `handedOver` bytes, or more. The promise tells of that write; it never rejects.
   */
  handOver(end: number, handedOver = end): Promise<boolean> {
    this.#handedOver = handedOver;
    this.#taken++;
    for (const reading of [this.#lastJudged, this.#reading]) if (reading?.submitted === this.#taken) reading.end = end;
    if (this.#failed) return Promise.resolve(false);
    const confirmed = new Promise<boolean>((settle) => this.#marks.push({ offset: end, settle }));
    this.#schedule();
    return confirmed;
  }

  /** The connection is gone: nothing more can be confirmed. */
  fail(): void {
    if (this.#failed) return;
    this.#failed = true;
    clearTimeout(this.#timer);
    for (const mark of this.#marks.splice(0)) mark.settle(false);
    this.#wakeIdle();
  }

  /**
   * The peer closed its side normally after we had closed ours. It has read everything, unless the two FINs crossed:
   * then its kernel answers our last bytes with RST, and the connection does not end in TIME_WAIT.
   */
  peerClosed(): void {
    this.#peerClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#reading === undefined) void this.#look();
  }

  /** Resolves when nothing is unconfirmed any more, or nothing more can be confirmed. */
  async idle(): Promise<void> {
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #isIdle(): boolean {
    return this.#failed || (this.#marks.length === 0 && this.#taken === this.#submitted);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#reading !== undefined || this.#isIdle()) return;
    // A little out of step each time, or a sender with a period of its own might be met with a full queue for ever.
    this.#timer = setTimeout(() => void this.#look(), this.#rows.intervalMs * (1 + Math.random() / 4));
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    // Taken before the row is read: bytes handed over meanwhile can make the queue longer, never the count too large.
    const isAllTaken = this.#taken === this.#submitted;
    const before: Reading = { submitted: this.#submitted, isAllTaken, handedOver: this.#handedOver, peerClosed: this.#peerClosed, end: isAllTaken ? this.#handedOver : undefined };
    this.#reading = before;
    const row = await this.#rows.read();
    this.#reading = undefined;
    if (this.#failed) return;
    if (before.peerClosed) this.#judgeClosed(row);
    else if (row === 'no table') this.#judge(before, 0, undefined);
    else if (row !== undefined) this.#judgeRow(before, row);
    if (this.#peerClosed && !before.peerClosed) void this.#look();
    else this.#schedule();
    this.#wakeIdle();
  }

  #judgeRow(before: Reading, row: TcpRow): void {
    if (row.state === TcpState.established || row.state === TcpState.finWait1) {
      this.#judge(before, row.queuedBytes, row);
    } else if (row.state === TcpState.finWait2) {
      this.#finAcknowledged = true; // And with the FIN everything before it.
      this.#judge(before, 0, undefined);
    }
  }

  #judge(before: Reading, queuedBytes: number, row: TcpRow | undefined): void {
    const nowMs = performance.now();
    const acknowledged = Math.max(before.handedOver - queuedBytes, 0);
    this.#confirm(acknowledged - this.#options.confirmBytes);

    const empty = queuedBytes === 0 && before.isAllTaken;
    const flows = this.#lastJudged?.end !== undefined && acknowledged >= this.#lastJudged.end;
    this.#lastJudged = before;
    if (empty || flows) {
      this.#confirmCalms(nowMs);
      // On a long path with a steady trickle there is always something on its way: that is not a queue.
      if (empty || (before.isAllTaken && queuedBytes <= TRICKLE_BYTES)) this.#noteCalm(nowMs, acknowledged);
    } else {
      // The receiver has stopped or is slow: what its kernel took before may still lie unread in its buffer.
      this.#calms = [];
    }
    if (row !== undefined) this.#watchPath(nowMs, acknowledged, row);
  }

  #judgeClosed(row: TcpRow | 'no table' | undefined): void {
    if (row === 'no table' || (row === undefined && this.#finAcknowledged) || (row !== undefined && row.state === TcpState.timeWait)) {
      this.#confirm(this.#handedOver);
    } else if (row === undefined || row.state === TcpState.close) {
      this.fail();
    }
  }

  #noteCalm(atMs: number, offset: number): void {
    if (this.#calms.at(-1)?.offset !== offset) this.#calms.push({ atMs, offset });
  }

  #confirmCalms(nowMs: number): void {
    while (this.#calms[0] !== undefined && nowMs - this.#calms[0].atMs >= this.#options.confirmAfterMs) {
      this.#confirm(this.#calms[0].offset);
      this.#calms.shift();
    }
  }

  #confirm(offset: number): void {
    while (this.#marks[0] !== undefined && this.#marks[0].offset <= offset) this.#marks.shift()?.settle(true);
  }

  /** A cut cable sends no FIN, and the kernel alone would notice only after a quarter of an hour (tcp_retries2). */
  #watchPath(nowMs: number, acknowledged: number, row: TcpRow): void {
    const unanswered =
      (row.timer === TcpTimer.retransmission && row.retransmits > 0) || (row.timer === TcpTimer.zeroWindowProbe && row.unansweredProbes > 0);
    if (!unanswered || row.queuedBytes === 0) this.#silence = undefined;
    else if (this.#silence === undefined || acknowledged > this.#silence.acknowledged) this.#silence = { sinceMs: nowMs, acknowledged };
    else if (nowMs - this.#silence.sinceMs >= this.#deadPathMs) this.#options.onDeadPath();
  }

  #wakeIdle(): void {
    if (this.#isIdle()) for (const wake of this.#idle.splice(0)) wake();
  }
}

/** Often enough for a checkpoint each second. */
const LEAST_INTERVAL_MS = 250;
const TRICKLE_BYTES = 16 * 1024;

interface Mark {
  readonly offset: number;
  readonly settle: (confirmed: boolean) => void;
}

/** How things stood when the table was about to be read. */
interface Reading {
  readonly submitted: number;
  readonly isAllTaken: boolean;
  readonly handedOver: number;
  readonly peerClosed: boolean;
  /** Where the last write that was submitted then ends; undefined until the kernel has taken it. */
  end: number | undefined;
}
