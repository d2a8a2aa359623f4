import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a journal held in all its life: a number, and the time of its entry in microseconds. */
export type Truth = ReadonlyMap<number, number>;

/** Vacuums a journal as far as it may be, and keeps a second name for each file that goes, so that nothing is forgotten. */
export class JournalArchive {
  readonly #journal: string;
  readonly #kept: string;
  #removed = 0;

  /** `journal` holds the files; `kept`, on the same file system, will. */
  constructor(journal: string, kept: string) {
    this.#journal = journal;
    this.#kept = kept;
  }

  /** Where `truth` has put every file that there ever was. */
  get folder(): string {
    return this.#kept;
  }

  /** How many files were vacuumed. */
  get removed(): number {
    return this.#removed;
  }

  /** Removes the archived files whose every entry is older than a time; resolves to how many. */
  async vacuum(beforeUs: number): Promise<number> {
    let count = 0;
    for (const name of await journalFiles(this.#journal)) {
      if (!name.includes('@')) continue;
      const newest = await newestOf(join(this.#journal, name));
      if (newest === undefined || newest >= beforeUs) continue;
      await this.#keep(name);
      await unlink(join(this.#journal, name));
      count += 1;
    }
    this.#removed += count;
    return count;
  }

  /** Reads every numbered entry that there ever was. Nothing must write any more. */
  async truth(): Promise<Truth> {
    for (const name of await journalFiles(this.#journal)) await this.#keep(name);
    return readNumbers(['-D', this.#kept]);
  }

  async #keep(name: string): Promise<void> {
    await mkdir(this.#kept, { recursive: true });
    await link(join(this.#journal, name), join(this.#kept, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function journalFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /\.journal~?$/.test(name));
}

async function newestOf(file: string): Promise<number | undefined> {
  let newest: number | undefined;
  for await (const line of lines(['--file', file, '-n1'])) {
    if (line.startsWith('__REALTIME_TIMESTAMP=')) newest = Number(line.slice(21));
  }
  return newest;
}

async function readNumbers(from: readonly string[]): Promise<Truth> {
  const truth = new Map<number, number>();
  let timestamp = 0;
  for await (const line of lines([...from, '-m', '-a', '--output-fields=MESSAGE'])) {
    if (line.startsWith('__REALTIME_TIMESTAMP=')) timestamp = Number(line.slice(21));
    const number = /^MESSAGE=~Q(\d{9})~/.exec(line)?.[1];
    if (number !== undefined) truth.set(Number(number), timestamp);
  }
  return truth;
}

async function* lines(args: readonly string[]): AsyncGenerator<string> {
  const child = spawn('journalctl', ['-q', '-o', 'export', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(child, 'close');
  yield* createInterface(child.stdout);
  await closed;
}
