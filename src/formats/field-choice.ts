import { fieldKey } from './export-entry.js';

export const FIELD_CHOICE_SLOTS = 1024;

/**
 * Which fields an entry keeps. It looks at no more than the length of a name, its first and its last byte, and now and
 * then takes a field for one of the chosen that is none: that costs a little memory, and asking takes a nanosecond.
 */
export class FieldChoice {
  /** By the slot of a field's key, 1 for the chosen. */
  readonly slots = new Uint8Array(FIELD_CHOICE_SLOTS);

  /** The address fields that every entry has are always among the chosen. */
  constructor(names: readonly string[]) {
    for (const name of [...names, ...addressFields]) this.slots[slotOf(fieldKey(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1)))] = 1;
  }

  /** `key`: the `fieldKey` of the name. */
  has(key: number): boolean {
    return this.slots[slotOf(key)] === 1;
  }
}

const addressFields = ['__CURSOR', '__REALTIME_TIMESTAMP', '__MONOTONIC_TIMESTAMP', '__SEQNUM', '__SEQNUM_ID', '_BOOT_ID'];

/** Multiplicative hashing with the golden ratio: the upper ten bits, as in assembly/export-scan.ts. */
function slotOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> 22;
}
