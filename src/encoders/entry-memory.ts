import type { AssemblyConstant, AssemblyMemory } from '../core/assembly.js';
import { fieldWidth, type FieldTable } from '../core/entry.js';

/** What each encoder's assembly exports; `assembly/fields.ts` says what it is. */
export interface EntryAssembly extends AssemblyMemory {
  readonly rowsAt: AssemblyConstant;
  readonly maxRows: AssemblyConstant;
  readonly textAt: AssemblyConstant;
  readonly maxTextBytes: AssemblyConstant;
  readonly outAt: AssemblyConstant;
}

/** Brings entries to an encoder's assembly: all those of a chunk at once, since they come one after the other. */
export class EntryMemory {
  readonly #bytes: Uint8Array;
  readonly #rows: Int32Array;
  readonly #textAt: number;
  readonly #maxTextBytes: number;
  readonly #maxNumbers: number;
  readonly #outAt: number;
  #text: Uint8Array | undefined;
  #table: Int32Array | undefined;

  constructor({ memory, rowsAt, maxRows, textAt, maxTextBytes, outAt }: EntryAssembly) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#rows = new Int32Array(memory.buffer, rowsAt.value);
    this.#textAt = textAt.value;
    this.#maxTextBytes = maxTextBytes.value;
    this.#maxNumbers = maxRows.value * fieldWidth;
    this.#outAt = outAt.value;
  }

  /** Returns false where the entry is too large. Otherwise its rows have the places in the assembly that they have in its table. */
  load({ bytes, table }: FieldTable): boolean {
    if (bytes === this.#text && table === this.#table) return true;
    if (bytes.length > this.#maxTextBytes || table.length > this.#maxNumbers) return false;
    this.#bytes.set(bytes, this.#textAt);
    this.#rows.set(table);
    this.#text = bytes;
    this.#table = table;
    return true;
  }

  /** What was made, until the next is. */
  made(length: number): Uint8Array {
    return this.#bytes.subarray(this.#outAt, this.#outAt + length);
  }

  /** Writes text where the assembly looks for what it is told, and returns its length in bytes. */
  tell(text: string): number {
    const bytes = Buffer.from(text);
    this.#bytes.set(bytes, this.#outAt);
    return bytes.length;
  }
}
