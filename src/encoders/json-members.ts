import type { FieldSelector } from './json-fields.js';
import { literal, type JsonText, type Literal } from './json-text.js';

/** What a field becomes in an object. */
export interface MemberOf {
  /** `,"NAME":"`; undefined for a field that is left out. */
  readonly opening: Literal | undefined;
  /** Its place among those that come first; -1 for none. */
  readonly place: number;
  /** The name as such, one for all the fields that become it. */
  readonly name: MemberName;
}

/** A name in the object, and the last entry in whose object it was. */
export interface MemberName {
  seenIn: number;
}

/** More names than the journals of a machine have; they are anybody's to choose. */
const MAX_KNOWN = 1000;
const SLOTS_BITS = 10;

/** Tells of fields, by the bytes of their names, what they become: no string is made of a name that is known. */
export class Members {
  readonly #selector: FieldSelector | undefined;
  #slots: (Known | undefined)[] = [];
  #names = new Map<string, MemberName>();
  #count = 0;

  constructor(selector: FieldSelector | undefined) {
    this.#selector = selector;
    this.#forget();
  }

  /** Called between entries, since what is known of an entry's names must last until its end. */
  keepBounded(): void {
    if (this.#count > MAX_KNOWN) this.#forget();
  }

  /** `key`: the field's, in a field table; `from`: where its name begins in `bytes`, which `text` is to copy. */
  of(text: JsonText, bytes: Uint8Array, key: number, from: number): MemberOf {
    const length = key >>> 16;
    const slot = Math.imul(key + (bytes[from + (length >>> 1)]! << 8), 0x9e3779b1) >>> (32 - SLOTS_BITS);
    for (let known = this.#slots[slot]; known !== undefined; known = known.next) if (known.key === key && text.isAt(known.field, from)) return known;
    const field = Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString('latin1');
    const name = this.#selector === undefined ? field : this.#selector.nameOf(field);
    const known: Known = {
      key,
      field: literal(field),
      opening: name === undefined ? undefined : literal(`,${JSON.stringify(name)}:"`),
      place: this.#selector?.placeOf(field) ?? -1,
      name: this.named(name ?? ''),
      next: this.#slots[slot],
    };
    this.#slots[slot] = known;
    this.#count += 1;
    return known;
  }

  named(name: string): MemberName {
    let known = this.#names.get(name);
    if (known === undefined) this.#names.set(name, (known = { seenIn: -1 }));
    return known;
  }

  #forget(): void {
    this.#slots = new Array<Known | undefined>(1 << SLOTS_BITS).fill(undefined);
    this.#names = new Map();
    this.#count = 0;
  }
}

interface Known extends MemberOf {
  readonly key: number;
  readonly field: Literal;
  readonly next: Known | undefined;
}
