/**
 * A moment that is put off, or dropped, far oftener than it comes: the end of a wait for a consumer that does not ask on,
 * for a peer that says no more, for what would make a piece larger. Keeps one timer for all of them, since they come by the
 * thousand in a second, and to set and clear one for each costs more than to look at the clock.
 */
export class Deadline {
  readonly #onDue: () => void;
  /** As performance.now() tells it. */
  #dueMs = Infinity;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is due, which is to look at the clock. */
  #lookMs = 0;

  /** `onDue` is called each time that it comes. */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** It comes in `ms` milliseconds, and not when it would have come otherwise. */
  set(ms: number): void {
    const nowMs = performance.now();
    this.#dueMs = nowMs + ms;
    if (this.#timer !== undefined && this.#lookMs <= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#lookAfter(ms, nowMs);
  }

  /** It does not come. Its timer stays for the next one, and the process with it until that is due. */
  drop(): void {
    this.#dueMs = Infinity;
  }

  /** It does not come, and nothing stays. */
  stop(): void {
    this.drop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookAfter(ms: number, nowMs: number): void {
    this.#lookMs = nowMs + ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#dueMs === Infinity) return;
    const nowMs = performance.now();
    // A timer may be early by a part of a millisecond.
    if (nowMs < this.#dueMs) return this.#lookAfter(this.#dueMs - nowMs, nowMs);
    this.drop();
    this.#onDue();
  }
}
