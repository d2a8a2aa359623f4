import { cutMark } from './truncate.js';

/** A field as it stands in the object, with the member beside it that has its exact bytes, where it needs one. */
export interface Member {
  readonly name: string;
  readonly value: JsonValue;
  readonly exact?: { readonly name: string; readonly value: JsonValue } | undefined;
}

type JsonValue = string | readonly string[];

/**
 * The members that make an object of at most `maxBytes` (2 or more), when all of them are too much. In turn, each only as far as needed:
 * 1. MESSAGE is shortened, to no less than 64 bytes; it ends in the mark, and its exact bytes go;
 * 2. so are the other values, the longest first, except those of address fields (`__CURSOR`): half of one is none;
 * 3. whole fields are left out, the longest first, then MESSAGE, and the address fields last.
 * `__TRUNCATED`, a name that the journal does not have, tells how many fields were shortened or left out.
 */
export function shrunk(members: readonly Member[], maxBytes: number): Member[] {
  const fields = members.filter(({ name }) => name !== truncatedName).map((member) => ({ member, size: sizeOf(member), isCut: false, isOut: false }));
  const note: Member = { name: truncatedName, value: String(members.length) };
  // Two braces, and one comma less than there are members.
  let excess = 1 + sizeOf(note) + fields.reduce((sum, { size }) => sum + size, 0) - maxBytes;

  const byRank = (rank: (name: string) => number) => (a: SizedMember, b: SizedMember) =>
    rank(a.member.name) - rank(b.member.name) || b.size - a.size;

  for (const field of fields.filter(({ member }) => !isAddress(member.name)).sort(byRank((name) => (name === 'MESSAGE' ? 0 : 1)))) {
    if (excess <= 0) break;
    const shorter = shortened(field.member, field.size - excess);
    const size = sizeOf(shorter);
    if (size >= field.size) continue;
    excess -= field.size - size;
    field.member = shorter;
    field.size = size;
    field.isCut = true;
  }
  for (const field of [...fields].sort(byRank((name) => (isAddress(name) ? 2 : name === 'MESSAGE' ? 1 : 0)))) {
    if (excess <= 0) break;
    excess -= field.size;
    field.isOut = true;
  }
  if (excess > 0) return [];
  const left = fields.filter(({ isOut }) => !isOut).map(({ member }) => member);
  const touched = fields.filter(({ isCut, isOut }) => isCut || isOut).length + members.length - fields.length;
  return [...left, { name: truncatedName, value: String(touched) }];
}

interface SizedMember {
  member: Member;
  size: number;
  isCut: boolean;
  isOut: boolean;
}

const truncatedName = '__TRUNCATED';
const leastValueBytes = 64;

function isAddress(name: string): boolean {
  return name.startsWith('__');
}

/** In the object, the comma after it included. */
function sizeOf({ name, value, exact }: Member): number {
  return encodedBytes(name) + encodedBytes(value) + 2 + (exact === undefined ? 0 : sizeOf(exact));
}

function encodedBytes(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function shortened({ name, value }: Member, maxBytes: number): Member {
  const room = Math.max(maxBytes - encodedBytes(name) - 2, leastValueBytes);
  return { name, value: typeof value === 'string' ? cutString(value, room) : cutArray(value, room) };
}

/** The values that fit, then one that is cut; those after it are left out. */
function cutArray(values: readonly string[], maxBytes: number): readonly string[] {
  const kept: string[] = [];
  let room = maxBytes - 2;
  for (const [index, value] of values.entries()) {
    const size = encodedBytes(value) + 1;
    const reserve = index === values.length - 1 ? 0 : cutMark.length + 3;
    if (size + reserve > room) return [...kept, cutString(value, Math.min(room, size - 1) - 1)];
    kept.push(value);
    room -= size;
  }
  return kept;
}

function cutString(text: string, maxBytes: number): string {
  if (encodedBytes(text) <= maxBytes) return text;
  let room = maxBytes - 2 - cutMark.length;
  let end = 0;
  for (const character of text) {
    room -= bytesInJson(character);
    if (room < 0) break;
    end += character.length;
  }
  return text.slice(0, end) + cutMark;
}

function bytesInJson(character: string): number {
  const code = character.codePointAt(0) as number;
  if (code === 0x22 || code === 0x5c) return 2;
  if (code < 0x20) return code === 8 || code === 9 || code === 10 || code === 12 || code === 13 ? 2 : 6;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  if (code >= 0xd800 && code <= 0xdfff) return 6;
  return code < 0x10000 ? 3 : 4;
}
