/**
 * Notices that what is awaited does not come: a consumer that does not ask on, or a peer that says no more. It keeps
 * one timer for all waits, since they come by the thousand in a second, and to set and clear one for each costs more
 * than to look at the clock.
 */
export class StallWatch {
  readonly #afterMs: number;
  readonly #onStalled: () => void;
  #awaitedMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onStalled` is called when a wait has lasted for `afterMs`. */
  constructor(afterMs: number, onStalled: () => void) {
    this.#afterMs = afterMs;
    this.#onStalled = onStalled;
  }

  /** A wait begins. */
  awaits(): void {
    this.#awaitedMs = performance.now();
    this.#timer ??= this.#lookAfter(this.#afterMs);
  }

  /** It has ended. */
  came(): void {
    this.#awaitedMs = undefined;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      if (this.#awaitedMs === undefined) return;
      const leftMs = this.#awaitedMs + this.#afterMs - performance.now();
      if (leftMs <= 0) this.#onStalled();
      else this.#timer = this.#lookAfter(leftMs);
    }, ms);
  }
}
