/**
 * Notices a consumer that does not ask on. It keeps one timer for all that is given, since chunks come by the thousand
 * in a second, and to set and clear one for each costs more than to look at the clock.
 */
export class StallWatch {
  readonly #afterMs: number;
  readonly #onStalled: () => void;
  #givenMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onStalled` is called when nothing was asked for `afterMs` after something was given. */
  constructor(afterMs: number, onStalled: () => void) {
    this.#afterMs = afterMs;
    this.#onStalled = onStalled;
  }

  gives(): void {
    this.#givenMs = performance.now();
    this.#timer ??= this.#lookAfter(this.#afterMs);
  }

  /** The consumer asks on. */
  isAsked(): void {
    this.#givenMs = undefined;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      if (this.#givenMs === undefined) return;
      const leftMs = this.#givenMs + this.#afterMs - performance.now();
      if (leftMs <= 0) this.#onStalled();
      else this.#timer = this.#lookAfter(leftMs);
    }, ms);
  }
}
