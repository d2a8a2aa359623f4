import { instantiate } from '../core/assembly.js';
import type { ByteWriter } from '../core/byte-writer.js';
import { fieldWidth, type FieldTable } from '../core/entry.js';
import { EntryMemory, type EntryAssembly } from './entry-memory.js';
import type { Rfc5424Options } from './rfc5424.js';
import code from './rfc5424-message.wasm.js';

/** `assembly/rfc5424-message.ts` says what this is. */
interface Assembly extends EntryAssembly {
  readonly encode: (from: number, to: number, fixedFacility: number, singleLine: boolean, limit: number) => number;
}

/** RFC 5424 messages of what nearly every entry is, byte for byte as `Rfc5424Encoder` makes them. */
export class Rfc5424Copier {
  readonly #assembly: Assembly;
  readonly #memory: EntryMemory;
  readonly #options: Rfc5424Options;

  private constructor(assembly: Assembly, options: Rfc5424Options) {
    this.#assembly = assembly;
    this.#memory = new EntryMemory(assembly);
    this.#options = options;
  }

  /** Undefined where there can be none, and for messages that are another matter: with structured data, a BOM, or names of our own. */
  static for(options: Rfc5424Options): Rfc5424Copier | undefined {
    if (options.structuredData.length > 0 || options.bom || options.hostname !== undefined || options.appName !== undefined) return undefined;
    const assembly = instantiate<Assembly>(code);
    return assembly && new Rfc5424Copier(assembly, options);
  }

  /** Appends the message and returns true; or appends nothing and returns false, where the entry is another one. */
  append(fields: FieldTable, out: ByteWriter): boolean {
    if (!this.#memory.load(fields)) return false;
    const { facility = -1, singleLine, maxMessageBytes = -1 } = this.#options;
    const length = this.#assembly.encode(fields.from / fieldWidth, fields.to / fieldWidth, facility, singleLine, maxMessageBytes);
    if (length < 0) return false;
    out.bytes(this.#memory.made(length));
    return true;
  }
}
