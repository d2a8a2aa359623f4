/** What ends a pass before its source does: a stop, an abort, a break, a batch that was given up, or a bug. */
export class Interruption {
  /** Ends attempts that are under way. */
  readonly cut: AbortSignal;
  /** Ends pauses, and forbids further attempts. */
  readonly giveUp: AbortSignal;
  readonly #broken = new AbortController();
  #hasGivenUp = false;
  #failure: unknown;

  constructor(stop: AbortSignal, abort: AbortSignal) {
    this.cut = AbortSignal.any([abort, this.#broken.signal]);
    this.giveUp = AbortSignal.any([stop, abort, this.#broken.signal]);
  }

  /** What was sent may be lost, so that everything unsettled must be read again. */
  get isBroken(): boolean {
    return this.#broken.signal.aborted;
  }

  /** A batch was given up: nothing may overtake it. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Nothing may be delivered any more. */
  get isFinal(): boolean {
    return this.#hasGivenUp || this.isBroken;
  }

  /** A bug's exception, which ends the route; undefined where there is none. */
  get failure(): unknown {
    return this.#failure;
  }

  break(): void {
    this.#broken.abort();
  }

  giveUpBatch(): void {
    this.#hasGivenUp = true;
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.break();
  }
}
