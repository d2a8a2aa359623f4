import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type EntryFields, EntryGenerator } from './corpus-entries.js';

export interface CorpusOptions {
  readonly entries: number;
  /** The same seed makes the same entries, to the byte. */
  readonly seed: number;
  /** In microseconds; a fixed day by default. */
  readonly startTime?: number | undefined;
  /** Where `journal/system.journal` and `corpus.json` are put; what was there before is replaced. */
  readonly directory: string;
}

export interface Corpus {
  /** For `journalctl -D`. */
  readonly journal: string;
  readonly entries: number;
  readonly seed: number;
  /** How long the entries are in the journal export format, without their cursors. */
  readonly exportBytes: number;
}

/**
 * Makes a real journal of a busy cluster node: kernel, systemd, sshd, cron, kubelet, containerd, containers, nginx and a
 * Java service; 3 % stack traces, 1 % colours, 0.2 % bytes that are not text; about 1.1 kB an entry in export format.
 * Each MESSAGE ends with its number, `~Q000000123~`, so that a receiver sees loss, repetition and truncation.
 * Takes about 1 s for 20,000 entries, most of it spent by systemd-journal-remote.
 */
export async function makeCorpus({ entries, seed, startTime, directory }: CorpusOptions): Promise<Corpus> {
  const journal = join(directory, 'journal');
  await rm(journal, { recursive: true, force: true });
  await mkdir(journal, { recursive: true });
  // Readers that want the system's journal only choose files by this name.
  const writer = spawn('/lib/systemd/systemd-journal-remote', ['-o', join(journal, 'system.journal'), '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let words = '';
  writer.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  writer.stdin.on('error', () => {}); // Its exit code and words tell more than a broken pipe.
  const ended = once(writer, 'close').catch((cause: unknown) => {
    throw new Error('Cannot run systemd-journal-remote: install the Debian package systemd-journal-remote.', { cause });
  });
  let exportBytes = 0;
  for (const block of exportBlocks(entries, seed, startTime)) {
    exportBytes += block.length;
    if (!writer.stdin.write(block)) await Promise.race([once(writer.stdin, 'drain'), ended]);
  }
  writer.stdin.end();
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`systemd-journal-remote ended with ${code}: ${words.trim()}`);
  const corpus = { journal, entries, seed, exportBytes };
  await writeFile(join(directory, 'corpus.json'), `${JSON.stringify({ entries, seed, exportBytes })}\n`);
  return corpus;
}

/** As `makeCorpus`, kept below `.cache` until the generator changes: for tests, which may ask for it several at a time. */
export async function cachedCorpus(entries: number, seed = 1, startTime?: number): Promise<Corpus> {
  const sources = await Promise.all(['corpus.ts', 'corpus-entries.ts'].map((file) => readFile(new URL(file, import.meta.url))));
  const version = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12);
  const cache = fileURLToPath(new URL('../.cache/', import.meta.url));
  const directory = join(cache, ['corpus', version, entries, seed, startTime].filter((part) => part !== undefined).join('-'));
  const known = async (): Promise<Corpus> => {
    const { exportBytes } = JSON.parse(await readFile(join(directory, 'corpus.json'), 'utf8')) as { readonly exportBytes: number };
    return { journal: join(directory, 'journal'), entries, seed, exportBytes };
  };
  if (await exists(directory)) return known();
  await mkdir(cache, { recursive: true });
  const making = await mkdtemp(join(cache, 'making-corpus-'));
  await makeCorpus({ entries, seed, startTime, directory: making });
  // Another process may have been faster; its corpus is the same.
  await rename(making, directory).catch(() => rm(making, { recursive: true, force: true }));
  return known();
}

/** The corpus in the journal export format, in blocks of about 1 MiB. */
export function* exportBlocks(entries: number, seed: number, startTime?: number): Generator<Buffer> {
  const generator = new EntryGenerator(seed, startTime);
  let parts: Buffer[] = [];
  let bytes = 0;
  for (let number = 0; number < entries; number++) {
    const entry = exportFormat(generator.next(number));
    parts.push(entry);
    bytes += entry.length;
    if (bytes < 1 << 20) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  yield Buffer.concat(parts);
}

function exportFormat(fields: EntryFields): Buffer {
  let text = '';
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    if (typeof value !== 'string' || value.includes('\n')) {
      const bytes = Buffer.from(value);
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      parts.push(Buffer.from(`${text}${name}\n`), length, bytes);
      text = '\n';
    } else {
      text += `${name}=${value}\n`;
    }
  }
  return Buffer.concat([...parts, Buffer.from(`${text}\n`)]);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { entries: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, out: { type: 'string' } } });
  if (values.out === undefined || !(Number(values.entries) > 0)) {
    process.stderr.write('Usage: npx tsx bench/corpus.ts [--entries 100000] [--seed 1] --out DIR\n');
    process.exitCode = 2;
  } else {
    const corpus = await makeCorpus({ entries: Number(values.entries), seed: Number(values.seed), directory: resolve(values.out) });
    process.stdout.write(`${corpus.entries} entries, ${Math.round(corpus.exportBytes / corpus.entries)} bytes each in export format: journalctl -D ${corpus.journal}\n`);
  }
}
