import type { ExportEntry } from './export-entry.js';
import { PartialEntry } from './export-partial.js';
import { ExportScanner, MAX_CHUNK_BYTES } from './export-scan.js';
import { FieldChoice } from './field-choice.js';

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
  readonly #choice: FieldChoice | undefined;
  readonly #partial: PartialEntry;
  /** How many entries were given or refused before the current chunk, and those that the current chunk has completed. */
  #passed = 0;
  #entries: ExportEntry[] = [];

  constructor(options: ExportReaderOptions = {}) {
    this.#maxEntryBytes = Math.min(options.maxEntryBytes ?? 64 * 1024 * 1024, 1024 * 1024 * 1024);
    this.#choice = options.fields && new FieldChoice(options.fields);
    this.#partial = new PartialEntry(this.#maxEntryBytes, this.#choice, (reason, malformed) => {
      options.onMalformed?.(reason, malformed, ++this.#passed + this.#entries.length);
    });
  }

  /** Takes the next chunk of the stream, and gives the entries that it completes. */
  push(chunk: Uint8Array): ExportEntry[] {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (bytes.length <= MAX_CHUNK_BYTES) this.#take(bytes);
    else for (let from = 0; from < bytes.length; from += MAX_CHUNK_BYTES) this.#take(bytes.subarray(from, from + MAX_CHUNK_BYTES));
    return this.#give();
  }

  /** Tells that the stream has ended, and gives its last entry where no empty line followed it. */
  end(): ExportEntry[] {
    this.#partial.end();
    this.#takePartial();
    return this.#give();
  }

  /** Entries that lie in the chunk whole are found by the scanner; any other goes through the partial entry, which copies it. */
  #take(chunk: Buffer): void {
    scanner ??= ExportScanner.make() ?? 'none';
    let isLoaded = false;
    for (let at = 0; at < chunk.length; ) {
      if (scanner !== 'none' && !this.#partial.begun) {
        if (!isLoaded) scanner.load(chunk, this.#choice);
        isLoaded = true;
        at = scanner.scan(at, this.#maxEntryBytes, this.#entries);
      }
      if (at < chunk.length) at = this.#partial.push(chunk, at);
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

/** Of all readers, since it keeps nothing of a chunk from one push to the next. Made with the first push. */
let scanner: ExportScanner | 'none' | undefined;
