/**
 * How many bytes of messages go into one request, found out by trying: half of what was too much, and more again as
 * long as that goes well, up to what the settings allow.
 */
export class RequestSize {
  readonly #most: number;
  readonly #nowMs: () => number;
  #bytes: number;
  /** The smallest that a server has called too large, and when it did. */
  #ceiling = Infinity;
  #ceilingMs = 0;
  /** Requests that broke off, one after another. */
  #breaks = 0;

  constructor(mostBytes: number, nowMs: () => number = () => performance.now()) {
    this.#most = mostBytes;
    this.#bytes = mostBytes;
    this.#nowMs = nowMs;
  }

  /** What to send at most; a single message may be larger. */
  get bytes(): number {
    return this.#bytes;
  }

  taken(byteCount: number): void {
    this.#breaks = 0;
    if (byteCount < this.#bytes / 2 || this.#bytes >= this.#most) return;
    // The limits of servers are changed now and then.
    if (this.#nowMs() - this.#ceilingMs > CEILING_LASTS_MS) this.#ceiling = Infinity;
    const next = this.#ceiling === Infinity ? this.#bytes * 2 : Math.floor((this.#bytes + this.#ceiling) / 2);
    // So near to the limit, each further step would cost a request that is refused.
    if (next > this.#bytes * 1.1) this.#bytes = Math.min(next, this.#most);
  }

  tooLarge(byteCount: number): void {
    this.#ceiling = Math.min(this.#ceiling, byteCount);
    this.#ceilingMs = this.#nowMs();
    this.#bytes = Math.max(1, Math.min(this.#bytes, Math.floor(byteCount / 2)));
  }

  /**
   * No answer came in time, or the connection broke. Seen a few times in a row, that is what a slow path does to a
   * large body, or a server that hangs up instead of saying 413. Not at once: the same batch, sent again, is to have the same key.
   */
  brokeOff(): void {
    this.#breaks += 1;
    if (this.#breaks % BREAKS_TO_SHRINK === 0) this.#bytes = Math.max(1, Math.floor(this.#bytes / 2));
  }
}

const CEILING_LASTS_MS = 600_000;
const BREAKS_TO_SHRINK = 3;
