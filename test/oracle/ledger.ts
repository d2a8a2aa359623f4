import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { writerOf } from './writers.js';

export interface Connection {
  readonly id: string;
  /** Milliseconds since the epoch; 0 for datagrams. */
  readonly openedMs: number;
  received: number;
  /** The number that each writer's entries have come to. */
  readonly newest: Map<number, number>;
}

/** What a destination's receivers have read in all their lives, and in which order. Follows the files that they write. */
export class Ledger {
  readonly #folder: string;
  readonly #name: string;
  readonly #files: { readonly path: string; handle?: FileHandle; offset: number; rest: string }[] = [];
  /** How often each number came. */
  readonly times = new Map<number, number>();
  readonly connections = new Map<string, Connection>();
  /** Messages that stood behind a later one in their connection. */
  readonly misplaced: string[] = [];
  readonly malformed: string[] = [];
  received = 0;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** A file for one receiver's life. */
  newFile(): string {
    const path = join(this.#folder, `${this.#name}.${this.#files.length + 1}.received`);
    this.#files.push({ path, offset: 0, rest: '' });
    return path;
  }

  get duplicates(): number {
    return this.received - this.times.size;
  }

  /** Reads what has been added. */
  async catchUp(): Promise<void> {
    const chunk = Buffer.allocUnsafe(1 << 18);
    for (const file of this.#files) {
      file.handle ??= await open(file.path, 'r').catch(() => undefined as never);
      if (file.handle === undefined) continue;
      for (let read; (read = (await file.handle.read(chunk, 0, chunk.length, file.offset)).bytesRead) > 0; ) {
        file.offset += read;
        const lines = (file.rest + chunk.toString('latin1', 0, read)).split('\n');
        file.rest = lines.pop()!;
        for (const line of lines) this.#enter(line);
      }
    }
  }

  async close(): Promise<void> {
    for (const { handle } of this.#files) await handle?.close();
  }

  #enter(line: string): void {
    const [what, id = '', ...rest] = line.split(' ');
    if (what === 'open') this.connections.set(id, { id, openedMs: Number(rest[0]), received: 0, newest: new Map() });
    else if (what === 'bad') this.malformed.push(line);
    else for (const number of rest) this.#receive(Number(number), this.connections.get(id)!);
  }

  #receive(number: number, connection: Connection): void {
    this.received += 1;
    this.times.set(number, (this.times.get(number) ?? 0) + 1);
    connection.received += 1;
    const writer = writerOf(number);
    const newest = connection.newest.get(writer);
    if (newest !== undefined && number <= newest) this.misplaced.push(`${number} after ${newest} in connection ${connection.id}`);
    else connection.newest.set(writer, number);
  }
}
