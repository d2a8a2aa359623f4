import type { Entry } from '../../core/entry.js';
import { OperatorError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { ExportReader } from '../../formats/export.js';
import { type ExportEntry } from '../../formats/export-entry.js';
import { jsonLines } from '../../formats/json-lines.js';
import { jsonFault, parseJsonEntry } from '../../formats/json.js';
import { PlainLines } from '../../formats/plain-lines.js';
import { PlainEntry } from './plain-entry.js';
import { Recogniser } from './recognise.js';

/** A piece of the input that is no entry. */
export interface MalformedInput {
  /** The line's number, or for the export format the entry's, counted from 1. */
  readonly number: number;
  /** The same in words: `line 2`, `entry 3`. */
  readonly place: string;
  /** What is wrong, in words that hold nothing of the content. */
  readonly reason: string;
  /** As it came; of what exceeds a limit, the beginning. */
  readonly content: Uint8Array;
}

export interface InputOptions {
  /** Called for each malformed piece, in order, and awaited before the input is read on. */
  readonly onMalformed: (input: MalformedInput) => Promise<void>;
  readonly logger: Logger;
  /** The longest line of JSON, and the largest entry of the export format, in bytes. */
  readonly maxEntryBytes: number;
  /** The longest plain line that is one entry, in bytes. */
  readonly maxPlainLineBytes: number;
  /** The fields, besides MESSAGE and the time, that each plain line gets. */
  readonly plainFields: ReadonlyMap<string, string>;
  /** Microseconds since the epoch. */
  readonly now: () => number;
}

/** What one read of the input held. */
export interface InputEntries {
  readonly entries: readonly Entry[];
  /** What they took in the input; about what they hold in memory. */
  readonly byteCount: number;
}

/**
 * The entries of an input in JSON lines, in the export format or in plain lines, whichever its first bytes show it
 * to be: each as soon as it is complete, in arrays that are never empty. A last line or entry need not be ended.
 */
export async function* readEntries(input: AsyncIterable<Uint8Array>, options: InputOptions): AsyncGenerator<InputEntries, void> {
  const chunks = readable(input);
  try {
    const recogniser = new Recogniser(options.maxEntryBytes);
    let format;
    while (format === undefined) {
      const next = await chunks.next();
      if (next.done === true) {
        format = recogniser.end();
        break;
      }
      format = recogniser.push(next.value);
    }
    if (format === undefined) return;
    options.logger.debug(`Standard input is read as ${formatNames[format]}.`);
    yield* readers[format](startingWith(recogniser.head, chunks), options);
  } finally {
    await chunks.return();
  }
}

const formatNames = { json: 'JSON lines', export: 'the journal export format', plain: 'plain lines' };

const readers = { json: readJson, export: readExport, plain: readPlain };

async function* readJson(input: AsyncIterable<Uint8Array>, options: InputOptions): AsyncGenerator<InputEntries, void> {
  const runs = jsonLines(input, {
    maxLineBytes: options.maxEntryBytes,
    onTooLong: (line) => {
      const reason = `longer than ${options.maxEntryBytes} bytes, of which only the beginning is kept`;
      return setAside(options, 'line', { number: line.lineNumber, reason, content: line.head });
    },
  });
  for await (const run of runs) {
    let entries: Entry[] = [];
    let byteCount = 0;
    for (const [index, line] of run.lines.entries()) {
      const entry = parseJsonEntry(line);
      if (entry !== undefined) {
        entries.push(entry);
        byteCount += line.length + 1;
      } else if (line.trim() !== '') {
        // What came before it need not wait for the dead letter to be written.
        if (entries.length > 0) yield { entries, byteCount };
        entries = [];
        byteCount = 0;
        await setAside(options, 'line', { number: run.first + index, reason: jsonFault(line), content: run.bytesOf(index) });
      }
    }
    if (entries.length > 0) yield { entries, byteCount };
  }
}

async function* readExport(input: AsyncIterable<Uint8Array>, options: InputOptions): AsyncGenerator<InputEntries, void> {
  const faults: Omit<MalformedInput, 'place'>[] = [];
  const reader = new ExportReader({
    maxEntryBytes: options.maxEntryBytes,
    onMalformed: (reason, content, number) => faults.push({ number, reason, content }),
  });
  /** What was read since entries were last given: an entry may have come in many chunks. */
  let byteCount = 0;
  async function* give(entries: readonly ExportEntry[]): AsyncGenerator<InputEntries, void> {
    for (const { truncatedFields } of entries) {
      if (truncatedFields !== undefined) logTruncated(options, truncatedFields);
    }
    if (entries.length > 0) yield { entries, byteCount };
    if (entries.length > 0 || faults.length > 0) byteCount = 0;
    for (const fault of faults.splice(0)) await setAside(options, 'entry', fault);
  }
  for await (const chunk of input) {
    byteCount += chunk.length;
    yield* give(reader.push(chunk));
  }
  yield* give(reader.end());
}

async function* readPlain(input: AsyncIterable<Uint8Array>, options: InputOptions): AsyncGenerator<InputEntries, void> {
  const splitter = new PlainLines(options.maxPlainLineBytes);
  const entriesOf = (lines: ReturnType<PlainLines['push']>): InputEntries => {
    const now = options.now();
    let byteCount = 0;
    const entries: Entry[] = [];
    for (const line of lines) {
      // As journald, which makes no entry of an empty line of a service's output.
      if (line.bytes.length === 0) continue;
      byteCount += line.bytes.length + 1;
      entries.push(new PlainEntry(line, now, options.plainFields));
    }
    return { entries, byteCount };
  };
  for await (const chunk of input) {
    const read = entriesOf(splitter.push(chunk));
    if (read.entries.length > 0) yield read;
  }
  const last = entriesOf(splitter.end());
  if (last.entries.length > 0) yield last;
}

async function setAside(options: InputOptions, kind: 'line' | 'entry', input: Omit<MalformedInput, 'place'>): Promise<void> {
  await options.onMalformed({ ...input, place: `${kind} ${input.number}` });
}

function logTruncated(options: InputOptions, fields: readonly string[]): void {
  options.logger.error(`An entry of standard input exceeds ${options.maxEntryBytes} bytes: fields were cut.`, {
    fields: fields.slice(0, 20).join(','),
  });
}

/** The input's chunks; a failure to read becomes an error that says so. */
async function* readable(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunk of input) yield chunk;
  } catch (cause) {
    const message = `Cannot read standard input to its end: ${(cause as Error).message}. Check the program that writes to it.`;
    throw new OperatorError('ERR_STDIN', message, { cause });
  }
}

async function* startingWith(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield head;
  yield* rest;
}
