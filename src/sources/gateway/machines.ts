import type { Entry } from '../../core/entry.js';

/** Knows whether all entries of a journal are of one machine, as far as they were read. */
export class Machines {
  /** `_MACHINE_ID` of the first entry that has one. */
  #first: Buffer | undefined;

  /** Takes entries into account; false where one of them is of another machine than the first. */
  areOne(entries: readonly Entry[]): boolean {
    for (const entry of entries) {
      const machine = entry.bytes('_MACHINE_ID');
      if (machine === undefined) continue;
      if (this.#first === undefined) this.#first = Buffer.from(machine);
      else if (!this.#first.equals(machine)) return false;
    }
    return true;
  }
}
