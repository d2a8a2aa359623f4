import { instantiate, type AssemblyConstant } from '../core/assembly.js';
import { rowWidth } from '../core/entry.js';
import { ExportEntry, type ExportTable } from './export-entry.js';
import code from './export-scan.wasm.js';
import { FIELD_SLOTS, FieldSlots, keyOfName } from './field-slots.js';

/** `assembly/export-scan.ts` says what these are. */
interface Assembly {
  readonly rowsAt: AssemblyConstant;
  readonly endsAt: AssemblyConstant;
  readonly choiceAt: AssemblyConstant;
  readonly metAt: AssemblyConstant;
  readonly textAt: AssemblyConstant;
  readonly maxTextBytes: AssemblyConstant;
  readonly scan: (from: number, to: number, most: number, maxEntryBytes: number) => number;
  readonly entryCount: () => number;
  readonly whyEnded: () => number;
}

/** Finds the entries of the export format that lie whole in a chunk. */
export class ExportScanner {
  readonly #assembly: Assembly;
  readonly #memory: Uint8Array;
  readonly #numbers: Int32Array;
  /** Where the rows and their ends begin, among the numbers. */
  readonly #rows: number;
  readonly #ends: number;
  readonly #met: number;
  #choice: FieldSlots | undefined;
  #chunk: Buffer = none;

  private constructor(assembly: Assembly, memory: ArrayBuffer) {
    this.#assembly = assembly;
    this.#memory = new Uint8Array(memory);
    this.#numbers = new Int32Array(memory);
    this.#rows = assembly.rowsAt.value / Int32Array.BYTES_PER_ELEMENT;
    this.#ends = assembly.endsAt.value / Int32Array.BYTES_PER_ELEMENT;
    this.#met = assembly.metAt.value;
    this.#memory.set(allFields, assembly.choiceAt.value);
  }

  /** Undefined where there can be none. */
  static make(): ExportScanner | undefined {
    const assembly = instantiate<Assembly>(code);
    return assembly && new ExportScanner(assembly, assembly.memory.buffer);
  }

  /** The largest chunk that can be loaded. */
  get maxChunkBytes(): number {
    return this.#assembly.maxTextBytes.value;
  }

  /** Takes a chunk in place of the one before. Its entries have the fields of `choice`; all where it is undefined. */
  load(chunk: Buffer, choice: FieldSlots | undefined): void {
    this.#memory.set(chunk, this.#assembly.textAt.value);
    if (choice !== this.#choice) this.#memory.set(choice?.slots ?? allFields, this.#assembly.choiceAt.value);
    this.#choice = choice;
    this.#chunk = chunk;
  }

  /** Whether the last scan ended where the chunk does: the entry there may go on in the next one. */
  get isAtEnd(): boolean {
    return this.#assembly.whyEnded() === END_OF_TEXT;
  }

  /**
   * Appends the entries from `from` on to `entries`, `most` at most, as views on the chunk, and returns where one begins that
   * is not among them: it does not lie whole in the chunk, is malformed, larger than `maxEntryBytes`, or has some ten
   * thousand fields.
   */
  scan(from: number, maxEntryBytes: number, entries: ExportEntry[], most = MOST): number {
    let at = from;
    let count = 0;
    do {
      at = this.#assembly.scan(at, this.#chunk.length, most - count, maxEntryBytes);
      const found = this.#assembly.entryCount();
      if (found === 0) break;
      count += found;
      const table = this.#tableOf(found);
      for (let index = 0; index < found; index++) entries.push(new ExportEntry(table, index));
    } while (count < most && this.#assembly.whyEnded() === ENOUGH);
    return at;
  }

  /** A copy of what was found. */
  #tableOf(found: number): ExportTable {
    const ends = this.#numbers.slice(this.#ends, this.#ends + found);
    const rows = this.#numbers.slice(this.#rows, this.#rows + ends[found - 1]! * rowWidth);
    const met = new FieldSlots(this.#memory.slice(this.#met, this.#met + FIELD_SLOTS));
    return { bytes: this.#chunk, rows, ends, mayHave: (name) => met.has(keyOfName(name)) };
  }
}

/** Why a scan has ended, as assembly/export-scan.ts has it. */
const END_OF_TEXT = 0;
const ENOUGH = 1;
const MOST = 0x7fffffff;
const none = Buffer.alloc(0);
const allFields = new Uint8Array(FIELD_SLOTS).fill(1);
