import { isUtf8 } from 'node:buffer';
import type { ByteWriter } from '../core/byte-writer.js';
import { fieldWidth, type FieldTable } from '../core/entry.js';
import type { FieldSelector } from './json-fields.js';
import { Members, type MemberOf } from './json-members.js';

/** A larger entry is not copied: room for it would have to be six times as large. */
const MAX_BYTES = 64 * 1024;
/** What an escape takes at most (`\u001b`), for a byte. */
const ESCAPE_BYTES = 6;

/**
 * The object of an entry whose values are valid UTF-8 and no two of whose members want one name, made without making a
 * string of any value: UTF-8 is what JSON is sent in, so that nothing but a few ASCII characters is to be escaped. Byte
 * for byte what JSON.stringify gives.
 */
export class JsonCopier {
  readonly #members: Members;
  readonly #added: readonly { readonly name: string; readonly member: Uint8Array }[];
  /** Of the entry at hand, what each field becomes, in the order of the table. */
  readonly #found: MemberOf[] = [];
  /** Where those fields stand in the table that come first; -1 for one that the entry has not. */
  readonly #first: Int32Array;
  /** Whether all bytes of its values are. */
  #isAscii = true;
  #entry = 0;

  /** `selector`: what is asked for, where it is not all fields under their own names; it must not join fields. */
  constructor(selector: FieldSelector | undefined) {
    this.#members = new Members(selector);
    this.#added = (selector?.added ?? []).map(({ name, value }) => ({ name, member: Buffer.from(`,${JSON.stringify(name)}:${JSON.stringify(value)}`) }));
    this.#first = new Int32Array(selector?.places ?? 0);
  }

  /** Appends the object and returns true; or appends nothing and returns false, where the entry is another one. */
  append(fields: FieldTable, out: ByteWriter): boolean {
    const { bytes, table, from, to } = fields;
    if (to === from || table[to - 1]! - table[from + 1]! > MAX_BYTES) return false;
    const room = this.#look(fields);
    if (room === undefined) return false;
    const start = out.length;
    const target = out.room(room);
    let at = start;
    const found = this.#found;
    const first = this.#first;
    this.#isAscii = true;
    for (let place = 0; place < first.length; place++) {
      const field = first[place]!;
      if (field >= 0) at = this.#copy(found[(field - from) / fieldWidth]!.opening!, bytes, table[field + 2]!, table[field + 3]!, target, at);
    }
    for (let field = from, index = 0; field < to; field += fieldWidth, index++) {
      const { opening, place } = found[index]!;
      if (place < 0 && opening !== undefined) at = this.#copy(opening, bytes, table[field + 2]!, table[field + 3]!, target, at);
    }
    for (const { member } of this.#added) {
      target.set(member, at);
      at += member.length;
    }
    if (at === start) return false;
    target[start] = OPENING_BRACE;
    target[at++] = CLOSING_BRACE;
    // What stands between the values is valid, and ends in ASCII, so that it all is UTF-8 if each of them is.
    if (!this.#isAscii && !isUtf8(target.subarray(start, at))) return false;
    out.advance(at - start);
    return true;
  }

  /** Finds out what the fields become, and returns how much room they need at most; undefined where two want one name. */
  #look({ bytes, table, from, to }: FieldTable): number | undefined {
    const members = this.#members;
    members.keepBounded();
    const entry = (this.#entry = (this.#entry + 1) & 0x3fffffff);
    this.#first.fill(-1);
    let room = 1;
    for (const { name, member } of this.#added) {
      const named = members.named(name);
      if (named.seenIn === entry) return undefined;
      named.seenIn = entry;
      room += member.length;
    }
    const found = this.#found;
    for (let field = from, index = 0; field < to; field += fieldWidth, index++) {
      const member = members.of(bytes, table[field]!, table[field + 1]!);
      found[index] = member;
      if (member.opening === undefined) continue;
      if (member.name.seenIn === entry) return undefined;
      member.name.seenIn = entry;
      if (member.place >= 0) this.#first[member.place] = field;
      room += member.opening.length + (table[field + 3]! - table[field + 2]!) * ESCAPE_BYTES + 1;
    }
    return room;
  }

  /** Writes a member, and returns where the next one goes on. */
  #copy(opening: Uint8Array, bytes: Uint8Array, from: number, to: number, target: Uint8Array, start: number): number {
    let at = start;
    for (let i = 0; i < opening.length; i++) target[at++] = opening[i]!;
    let all = 0;
    for (let i = from; i < to; i++) {
      const byte = bytes[i]!;
      if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) {
        const escape = ESCAPES[byte]!;
        for (let j = 0; j < escape.length; j++) target[at++] = escape[j]!;
      } else {
        all |= byte;
        target[at++] = byte;
      }
    }
    if (all > 0x7f) this.#isAscii = false;
    target[at++] = QUOTE;
    return at;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** What stands for a byte between the quotes. */
const ESCAPES: readonly Uint8Array[] = Array.from({ length: 0x60 }, (_, byte) => Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)));
