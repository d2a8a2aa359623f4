import { isUtf8 } from 'node:buffer';
import { instantiate, type AssemblyConstant } from '../core/assembly.js';
import type { ByteWriter } from '../core/byte-writer.js';
import { fieldWidth, type FieldTable } from '../core/entry.js';
import { EntryMemory, type EntryAssembly } from './entry-memory.js';
import type { FieldSelector } from './json-fields.js';
import code from './json-object.wasm.js';

/** `assembly/json-object.ts` says what these are. */
interface Assembly extends EntryAssembly {
  readonly maxPlaces: AssemblyConstant;
  readonly maxNames: AssemblyConstant;
  readonly reset: (places: number, tailBytes: number, tailNames: number) => void;
  readonly learn: (row: number, openingBytes: number, place: number, name: number) => boolean;
  readonly firstUnknown: (from: number, to: number) => number;
  readonly encode: (from: number, to: number) => number;
  readonly isAscii: () => boolean;
}

/**
 * The object of an entry whose values are valid UTF-8 and no two of whose members want one name, made without making a
 * string of any value: UTF-8 is what JSON is sent in, so that nothing but a few ASCII characters is to be escaped. Byte
 * for byte what JSON.stringify gives.
 */
export class JsonCopier {
  readonly #assembly: Assembly;
  readonly #memory: EntryMemory;
  readonly #selector: FieldSelector | undefined;
  /** The numbers of the names in the objects. */
  readonly #names = new Map<string, number>();

  private constructor(assembly: Assembly, selector: FieldSelector | undefined) {
    this.#assembly = assembly;
    this.#memory = new EntryMemory(assembly);
    this.#selector = selector;
    this.#reset();
  }

  /** `selector`: what is asked for, where it is not all fields under their own names. Undefined where there can be none, and for one that joins fields. */
  static for(selector: FieldSelector | undefined): JsonCopier | undefined {
    if (selector?.isOneToOne === false) return undefined;
    const assembly = instantiate<Assembly>(code);
    if (assembly === undefined || !fits(selector, assembly.maxPlaces.value)) return undefined;
    return new JsonCopier(assembly, selector);
  }

  /** Appends the object and returns true; or appends nothing and returns false, where the entry is another one. */
  append(fields: FieldTable, out: ByteWriter): boolean {
    if (!this.#memory.load(fields)) return false;
    const length = this.#encode(fields);
    if (length < 0) return false;
    const object = this.#memory.made(length);
    // What stands between the values is valid, and ends in ASCII, so that it all is UTF-8 if each of them is.
    if (!this.#assembly.isAscii() && !isUtf8(object)) return false;
    out.bytes(object);
    return true;
  }

  /** Its length, or less than 0. */
  #encode(fields: FieldTable): number {
    const from = fields.from / fieldWidth;
    const to = fields.to / fieldWidth;
    const length = this.#assembly.encode(from, to);
    if (length !== UNKNOWN) return length;
    if (this.#learnAll(fields, from, to)) return this.#assembly.encode(from, to);
    // More names than are kept in mind; of one entry alone they may be too many.
    this.#reset();
    return this.#learnAll(fields, from, to) ? this.#assembly.encode(from, to) : UNKNOWN;
  }

  #learnAll(fields: FieldTable, from: number, to: number): boolean {
    for (let row = this.#assembly.firstUnknown(from, to); row >= 0; row = this.#assembly.firstUnknown(row, to)) if (!this.#learn(fields, row)) return false;
    return true;
  }

  /** Tells the assembly what the field of a row becomes. False where there is no room for it. */
  #learn({ bytes, table }: FieldTable, row: number): boolean {
    const [key, from] = table.subarray(row * fieldWidth) as unknown as readonly [number, number];
    const field = Buffer.from(bytes.buffer, bytes.byteOffset + from, key >>> 16).toString('latin1');
    const name = this.#selector === undefined ? field : this.#selector.nameOf(field);
    const opening = name === undefined ? '' : `,${JSON.stringify(name)}:"`;
    if (opening.length > MAX_TEXT_LENGTH) return false;
    const number = this.#numberOf(name ?? '');
    return number < this.#assembly.maxNames.value && this.#assembly.learn(row, this.#memory.tell(opening), this.#selector?.placeOf(field) ?? -1, number);
  }

  #reset(): void {
    this.#names.clear();
    const added = this.#selector?.added ?? [];
    for (const { name } of added) this.#numberOf(name);
    this.#assembly.reset(this.#selector?.places ?? 0, this.#memory.tell(tailOf(this.#selector)), added.length);
  }

  #numberOf(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, this.#names.size);
    return this.#names.size - 1;
  }
}

/** What the assembly gives where it does not know a field. */
const UNKNOWN = -2;
/** Of the members that are added to each object, and of a name. Longer ones are for JSON.stringify. */
const MAX_TEXT_LENGTH = 16 * 1024;

function fits(selector: FieldSelector | undefined, maxPlaces: number): boolean {
  if (selector === undefined) return true;
  const addedNames = new Set(selector.added.map(({ name }) => name));
  return selector.places <= maxPlaces && addedNames.size === selector.added.length && tailOf(selector).length <= MAX_TEXT_LENGTH;
}

/** The members that every object ends with. */
function tailOf(selector: FieldSelector | undefined): string {
  return (selector?.added ?? []).map(({ name, value }) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`).join('');
}
