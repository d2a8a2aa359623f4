import { isUtf8 } from 'node:buffer';
import type { ByteWriter } from '../core/byte-writer.js';
import { fieldWidth, type FieldTable } from '../core/entry.js';
import type { FieldSelector } from './json-fields.js';
import { Members, type MemberOf } from './json-members.js';
import { ESCAPE_BYTES, JsonText, literal, SPILL_BYTES, type Literal } from './json-text.js';

/** A larger entry is not copied: room for it would have to be six times as large. */
const MAX_BYTES = 64 * 1024;

/**
 * The object of an entry whose values are valid UTF-8 and no two of whose members want one name, made without making a
 * string of any value: UTF-8 is what JSON is sent in, so that nothing but a few ASCII characters is to be escaped. Byte
 * for byte what JSON.stringify gives.
 */
export class JsonCopier {
  readonly #members: Members;
  readonly #added: readonly { readonly name: string; readonly member: Literal }[];
  readonly #text = new JsonText();
  /** Of the entry at hand, what each field becomes, in the order of the table. */
  readonly #found: MemberOf[] = [];
  /** Where those fields stand in the table that come first; -1 for one that the entry has not. */
  readonly #first: Int32Array;
  #entry = 0;

  /** `selector`: what is asked for, where it is not all fields under their own names; it must not join fields. */
  constructor(selector: FieldSelector | undefined) {
    this.#members = new Members(selector);
    this.#added = (selector?.added ?? []).map(({ name, value }) => ({ name, member: literal(`,${JSON.stringify(name)}:${JSON.stringify(value)}`) }));
    this.#first = new Int32Array(selector?.places ?? 0);
  }

  /** Appends the object and returns true; or appends nothing and returns false, where the entry is another one. */
  append(fields: FieldTable, out: ByteWriter): boolean {
    const { bytes, table, from, to } = fields;
    if (to === from || table[to - 1]! - table[from + 1]! > MAX_BYTES) return false;
    const text = this.#text;
    text.from(bytes);
    const room = this.#look(fields);
    if (room === undefined) return false;
    const start = out.length;
    const target = out.room(room);
    text.into(target);
    let at = start;
    const found = this.#found;
    const first = this.#first;
    for (let place = 0; place < first.length; place++) {
      const field = first[place]!;
      if (field < 0) continue;
      at = text.literal(found[(field - from) / fieldWidth]!.opening!, at);
      at = text.text(table[field + 2]!, table[field + 3]!, at);
      target[at++] = QUOTE;
    }
    for (let field = from, index = 0; field < to; field += fieldWidth, index++) {
      const { opening, place } = found[index]!;
      if (place >= 0 || opening === undefined) continue;
      at = text.literal(opening, at);
      at = text.text(table[field + 2]!, table[field + 3]!, at);
      target[at++] = QUOTE;
    }
    for (const { member } of this.#added) at = text.literal(member, at);
    if (at === start) return false;
    target[start] = OPENING_BRACE;
    target[at++] = CLOSING_BRACE;
    // What stands between the values is valid, and ends in ASCII, so that it all is UTF-8 if each of them is.
    if (!text.isAscii && !isUtf8(target.subarray(start, at))) return false;
    out.advance(at - start);
    return true;
  }

  /** Finds out what the fields become, and returns how much room they need at most; undefined where two want one name. */
  #look({ bytes, table, from, to }: FieldTable): number | undefined {
    const members = this.#members;
    members.keepBounded();
    const entry = (this.#entry = (this.#entry + 1) & 0x3fffffff);
    this.#first.fill(-1);
    let room = 1 + SPILL_BYTES;
    for (const { name, member } of this.#added) {
      const named = members.named(name);
      if (named.seenIn === entry) return undefined;
      named.seenIn = entry;
      room += member.length;
    }
    const found = this.#found;
    for (let field = from, index = 0; field < to; field += fieldWidth, index++) {
      const member = members.of(this.#text, bytes, table[field]!, table[field + 1]!);
      found[index] = member;
      if (member.opening === undefined) continue;
      if (member.name.seenIn === entry) return undefined;
      member.name.seenIn = entry;
      if (member.place >= 0) this.#first[member.place] = field;
      room += member.opening.length + (table[field + 3]! - table[field + 2]!) * ESCAPE_BYTES + 1;
    }
    return room;
  }
}

const QUOTE = 0x22;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
