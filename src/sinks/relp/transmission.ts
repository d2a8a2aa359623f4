import { LAST_TXNR } from '../../core/relp-frame.js';

/** The transactions of one batch, a message each, and which of them the receiver has acknowledged. */
export class Transmission {
  /** The transaction number of the first message. */
  readonly first: number;
  readonly count: number;
  readonly #acknowledged: Uint8Array;
  #left: number;
  #head = 0;

  constructor(first: number, count: number) {
    this.first = first;
    this.count = count;
    this.#acknowledged = new Uint8Array(count);
    this.#left = count;
  }

  /** How many messages at the head are acknowledged. */
  get head(): number {
    return this.#head;
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  /** True where a message is acknowledged behind one that is not. */
  get hasGap(): boolean {
    return this.count - this.#left > this.#head;
  }

  /** Whether a transaction is one of these and waits for its answer. */
  awaits(txnr: number): boolean {
    const index = this.#indexOf(txnr);
    return index < this.count && this.#acknowledged[index] === 0;
  }

  /** Notes an awaited transaction as acknowledged. */
  acknowledge(txnr: number): void {
    this.#acknowledged[this.#indexOf(txnr)] = 1;
    this.#left -= 1;
    while (this.#head < this.count && this.#acknowledged[this.#head] === 1) this.#head += 1;
  }

  #indexOf(txnr: number): number {
    return txnr >= this.first ? txnr - this.first : txnr - this.first + LAST_TXNR;
  }
}
