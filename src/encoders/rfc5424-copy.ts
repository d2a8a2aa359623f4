import { instantiate } from '../core/assembly.js';
import type { Frames, Room } from '../core/encoder.js';
import type { EntryRun } from '../core/entry.js';
import type { Framing } from '../core/sink.js';
import type { Copier } from './copier.js';
import type { Rfc5424Options } from './rfc5424.js';
import code from './rfc5424-message.wasm.js';
import { RunMemory, type RunAssembly } from './run-memory.js';

/** `assembly/rfc5424-message.ts` says what this is. */
interface Assembly extends RunAssembly {
  readonly configure: (facility: number, singleLine: boolean, limit: number) => void;
}

/** RFC 5424 messages of what nearly every entry is, byte for byte as `Rfc5424Encoder` makes them. */
export class Rfc5424Copier implements Copier {
  readonly #memory: RunMemory;

  private constructor(assembly: Assembly, { facility = -1, singleLine, maxMessageBytes = -1 }: Rfc5424Options) {
    assembly.configure(facility, singleLine, maxMessageBytes);
    this.#memory = new RunMemory(assembly);
  }

  /** Undefined where there can be none, and for messages that are another matter: with structured data, a BOM, or names of our own. */
  static for(options: Rfc5424Options): Rfc5424Copier | undefined {
    if (options.structuredData.length > 0 || options.bom || options.hostname !== undefined || options.appName !== undefined) return undefined;
    const assembly = instantiate<Assembly>(code);
    return assembly && new Rfc5424Copier(assembly, options);
  }

  frames(run: EntryRun, framing: Framing, room: Room): Frames | undefined {
    return this.#memory.load(run.table) ? this.#memory.frames(run, framing, room) : undefined;
  }
}
