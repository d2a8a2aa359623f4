import type { AssemblyConstant, AssemblyMemory } from '../core/assembly.js';
import type { Frames, Room } from '../core/encoder.js';
import { rowWidth, type EntryRun, type EntryTable } from '../core/entry.js';
import type { Framing } from '../core/sink.js';

/** What each encoder's assembly exports; `assembly/fields.ts` and `assembly/frames.ts` say what it is. */
export interface RunAssembly extends AssemblyMemory {
  readonly rowsAt: AssemblyConstant;
  readonly maxRows: AssemblyConstant;
  readonly entriesAt: AssemblyConstant;
  readonly maxEntries: AssemblyConstant;
  readonly textAt: AssemblyConstant;
  readonly maxTextBytes: AssemblyConstant;
  readonly outAt: AssemblyConstant;
  readonly startsAt: AssemblyConstant;
  readonly endsAt: AssemblyConstant;
  readonly encode: (first: number, count: number, framing: number, maxFramesBytes: number, base: number) => number;
}

/** Brings entries to an encoder's assembly, all those of a table at once, and has it make their frames. */
export class RunMemory {
  readonly #assembly: RunAssembly;
  readonly #bytes: Uint8Array;
  readonly #numbers: Int32Array;
  #table: EntryTable | undefined;

  constructor(assembly: RunAssembly) {
    this.#assembly = assembly;
    this.#bytes = new Uint8Array(assembly.memory.buffer);
    this.#numbers = new Int32Array(assembly.memory.buffer);
  }

  /** Returns false where the table is too large. Otherwise rows and entries have the numbers in the assembly that they have in the table. */
  load(table: EntryTable): boolean {
    if (table === this.#table) return true;
    const { rowsAt, maxRows, entriesAt, maxEntries, textAt, maxTextBytes } = this.#assembly;
    const { bytes, rows, ends } = table;
    if (bytes.length > maxTextBytes.value || rows.length > maxRows.value * rowWidth || ends.length > maxEntries.value) return false;
    this.#bytes.set(bytes, textAt.value);
    this.#numbers.set(rows, numberAt(rowsAt));
    this.#numbers.set(ends, numberAt(entriesAt));
    this.#table = table;
    return true;
  }

  /** The frames of the first entries of a run whose table is loaded, until others are made; undefined where there are none. */
  frames(run: EntryRun, framing: Framing, room: Room): Frames | undefined {
    const { encode, outAt, startsAt, endsAt } = this.#assembly;
    const made = encode(run.from, Math.min(run.to - run.from, room.messages), FRAMINGS[framing], Math.min(room.bytes, MAX_BYTES), room.from);
    if (made === 0) return undefined;
    const ends = this.#numbers.subarray(numberAt(endsAt), numberAt(endsAt) + made);
    const length = ends[made - 1]! - room.from + (framing === 'lf' ? 1 : 0);
    return { bytes: this.#bytes.subarray(outAt.value, outAt.value + length), starts: this.#numbers.subarray(numberAt(startsAt), numberAt(startsAt) + made), ends };
  }

  /** Writes text where the assembly looks for what it is told, and returns its length in bytes. */
  tell(text: string): number {
    const bytes = Buffer.from(text);
    this.#bytes.set(bytes, this.#assembly.outAt.value);
    return bytes.length;
  }
}

/** As assembly/frames.ts numbers them. */
const FRAMINGS: Readonly<Record<Framing, number>> = { none: 0, lf: 1, 'octet-counting': 2 };
/** More is never made at a time. */
const MAX_BYTES = 0x7fffffff;

function numberAt({ value }: AssemblyConstant): number {
  return value / Int32Array.BYTES_PER_ELEMENT;
}
