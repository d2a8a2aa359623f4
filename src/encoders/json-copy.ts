import { instantiate, type AssemblyConstant } from '../core/assembly.js';
import type { Frames, Room } from '../core/encoder.js';
import { rowWidth, type EntryRun, type EntryTable } from '../core/entry.js';
import type { Framing } from '../core/sink.js';
import type { Copier } from './copier.js';
import type { FieldSelector } from './json-fields.js';
import code from './json-object.wasm.js';
import { RunMemory, type RunAssembly } from './run-memory.js';

/** `assembly/json-object.ts` says what these are. */
interface Assembly extends RunAssembly {
  readonly maxPlaces: AssemblyConstant;
  readonly maxNames: AssemblyConstant;
  readonly reset: (places: number, tailBytes: number, tailNames: number) => void;
  readonly learn: (row: number, openingBytes: number, place: number, name: number) => boolean;
  readonly configure: (maxBytes: number) => void;
  readonly hasUnknown: () => boolean;
  readonly firstUnknown: (from: number, to: number) => number;
}

/**
 * The object of an entry whose values are valid UTF-8 and no two of whose members want one name, made without making a
 * string of any value: UTF-8 is what JSON is sent in, so that nothing but a few ASCII characters is to be escaped. Byte
 * for byte what JSON.stringify gives.
 */
export class JsonCopier implements Copier {
  readonly #assembly: Assembly;
  readonly #memory: RunMemory;
  readonly #selector: FieldSelector | undefined;
  /** The numbers of the names in the objects. */
  readonly #names = new Map<string, number>();

  private constructor(assembly: Assembly, maxBytes: number | undefined, selector: FieldSelector | undefined) {
    assembly.configure(maxBytes ?? -1);
    this.#assembly = assembly;
    this.#memory = new RunMemory(assembly);
    this.#selector = selector;
    this.#reset();
  }

  /** `maxBytes`: of an object, undefined for no limit. `selector`: what is asked for, where it is not all fields under their own names. Undefined where there can be none, and for one that joins fields. */
  static for(maxBytes: number | undefined, selector: FieldSelector | undefined): JsonCopier | undefined {
    if (selector?.isOneToOne === false) return undefined;
    const assembly = instantiate<Assembly>(code);
    if (assembly === undefined || !fits(selector, assembly.maxPlaces.value)) return undefined;
    return new JsonCopier(assembly, maxBytes, selector);
  }

  frames(run: EntryRun, framing: Framing, room: Room): Frames | undefined {
    if (!this.#memory.load(run.table)) return undefined;
    const frames = this.#memory.frames(run, framing, room);
    if (frames !== undefined || !this.#assembly.hasUnknown()) return frames;
    if (this.#learnAll(run)) return this.#memory.frames(run, framing, room);
    // More names than are kept in mind; of one entry alone they may be too many.
    this.#reset();
    return this.#learnAll(run) ? this.#memory.frames(run, framing, room) : undefined;
  }

  /** Tells the assembly what the fields of the first entry become. False where there is no room for them. */
  #learnAll({ table, from }: EntryRun): boolean {
    const end = table.ends[from]!;
    let row = from === 0 ? 0 : table.ends[from - 1]!;
    while ((row = this.#assembly.firstUnknown(row, end)) >= 0) if (!this.#learn(table, row)) return false;
    return true;
  }

  #learn({ bytes, rows }: EntryTable, row: number): boolean {
    const [key, from] = rows.subarray(row * rowWidth) as unknown as readonly [number, number];
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
