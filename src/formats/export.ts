import type { ExportEntry } from './export-entry.js';
import { PartialEntry } from './export-partial.js';
import { ExportScanner } from './export-scan.js';
import { FieldSlots } from './field-slots.js';

const none = Buffer.alloc(0);
/** Every entry has them, and they are always kept. */
const addressFields = ['__CURSOR', '__REALTIME_TIMESTAMP', '__MONOTONIC_TIMESTAMP', '__SEQNUM', '__SEQNUM_ID', '_BOOT_ID'];
/** A longer beginning of an entry is not copied to the rest of it, but goes on piece by piece. */
const MAX_REST_BYTES = 32 * 1024;
/** How much of a chunk is copied to the beginning of an entry: enough for the rest of nearly every one. */
const HEAD_BYTES = 4 * 1024;

export interface ExportReaderOptions {
  /** The largest entry that is kept whole, in bytes as it stands in the stream. 64 MiB by default. */
  readonly maxEntryBytes?: number;
  /** The fields that are asked for, beside the address fields; all where it is absent. Of the others most are not kept. */
  readonly fields?: readonly string[] | undefined;
  /**
   * Called, from within `push` and `end`, for what is not in the format. `bytes` is all that was skipped, from the
   * start of the malformed entry to the empty line after it, cut where it exceeds `maxEntryBytes`; it may be kept.
   * `number` is the entry's place in the stream, counted from 1.
   */
  readonly onMalformed?: (reason: string, bytes: Uint8Array, number: number) => void;
}

/**
 * A reader of the Journal Export Format (systemd.io/JOURNAL_EXPORT_FORMATS), fed with chunks cut anywhere.
 *
 * Entries are views on the chunks, which must not be written to afterwards; only an entry that spans chunks is
 * copied, once. An entry is given as soon as the empty line after it has come. One that is larger than `maxEntryBytes`
 * has its large values cut, so that its small ones are kept, and says which (`ExportEntry.truncatedFields`);
 * what was cut is skipped while it streams. Neither method throws.
 */
export class ExportReader {
  readonly #maxEntryBytes: number;
  readonly #choice: FieldSlots | undefined;
  readonly #partial: PartialEntry;
  /** How many entries were given or refused before the current chunk, and those that the current chunk has completed. */
  #passed = 0;
  #entries: ExportEntry[] = [];
  /** The beginning of an entry that the chunk before did not have whole. */
  #rest: Buffer = none;

  constructor(options: ExportReaderOptions = {}) {
    this.#maxEntryBytes = Math.min(options.maxEntryBytes ?? 64 * 1024 * 1024, 1024 * 1024 * 1024);
    this.#choice = options.fields && FieldSlots.of([...options.fields, ...addressFields]);
    this.#partial = new PartialEntry(this.#maxEntryBytes, this.#choice, (reason, malformed) => {
      options.onMalformed?.(reason, malformed, ++this.#passed + this.#entries.length);
    });
  }

  /** Takes the next chunk of the stream, and gives the entries that it completes. */
  push(chunk: Uint8Array): ExportEntry[] {
    const scanner = theScanner();
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (scanner === undefined) this.#takeSlowly(bytes);
    else if (bytes.length <= scanner.maxChunkBytes) this.#take(bytes, scanner);
    else for (let from = 0; from < bytes.length; from += scanner.maxChunkBytes) this.#take(bytes.subarray(from, from + scanner.maxChunkBytes), scanner);
    return this.#give();
  }

  /** Tells that the stream has ended, and gives its last entry where no empty line followed it. */
  end(): ExportEntry[] {
    this.#takeSlowly(this.#rest);
    this.#rest = none;
    this.#partial.end();
    this.#takePartial();
    return this.#give();
  }

  /** Entries that lie in the chunk whole are found by the scanner; what it leaves is taken slowly. */
  #take(chunk: Buffer, scanner: ExportScanner): void {
    let isLoaded = false;
    for (let at = this.#finish(chunk, scanner); at < chunk.length; ) {
      if (!this.#partial.begun) {
        if (!isLoaded) scanner.load(chunk, this.#choice);
        isLoaded = true;
        at = scanner.scan(at, this.#maxEntryBytes, this.#entries);
        if (scanner.isAtEnd && chunk.length - at <= MAX_REST_BYTES) {
          this.#rest = chunk.subarray(at);
          return;
        }
      }
      at = this.#partial.push(chunk, at);
      this.#takePartial();
    }
  }

  /** Takes the entry of which the beginning came with the chunk before, if there is one, and returns where the next one begins. */
  #finish(chunk: Buffer, scanner: ExportScanner): number {
    const rest = this.#rest;
    if (rest.length === 0) return 0;
    this.#rest = none;
    const count = this.#entries.length;
    scanner.load(Buffer.concat([rest, chunk.subarray(0, HEAD_BYTES)]), this.#choice);
    const at = scanner.scan(0, this.#maxEntryBytes, this.#entries, 1);
    if (this.#entries.length > count) return at - rest.length;
    this.#takeSlowly(rest);
    return 0;
  }

  /** Byte by byte, through the partial entry. */
  #takeSlowly(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      at = this.#partial.push(bytes, at);
      this.#takePartial();
    }
  }

  #takePartial(): void {
    const entry = this.#partial.take();
    if (entry !== undefined) this.#entries.push(entry);
  }

  #give(): ExportEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#passed += entries.length;
    return entries;
  }
}

let made: { readonly scanner: ExportScanner | undefined } | undefined;

/** One for all readers, since it keeps nothing of a chunk from one push to the next; made with the first push. Undefined where there can be none. */
function theScanner(): ExportScanner | undefined {
  return (made ??= { scanner: ExportScanner.make() }).scanner;
}
