import { createHash } from 'node:crypto';
import { copyFile, link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Checkpoint, CheckpointStore, Counts } from '../core/checkpoint.js';
import type { Cursor } from '../core/entry.js';
import { OperatorError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { makeFolder, syncFolder } from './folder.js';

/** The version of the file's form. A newer one is refused: an older program must not overwrite what it cannot read. */
const VERSION = 1;

/** The file's content, beside `sha256`, which is made over the JSON of all the others in this order. */
interface Content {
  readonly version: number;
  readonly timestamp: number;
  readonly cursor: string;
  readonly savedAt: string;
  readonly destination: string;
  readonly counts: Counts;
  /** As in a position. */
  readonly before?: true;
}

/**
 * A checkpoint as a file, `NAME.json`, with the one before it as `NAME.previous.json`. Saving is atomic and durable:
 * a temporary file, fsync, rename, fsync of the folder. A damaged file falls back to the previous one, and if both are
 * damaged, to the entry's time, as far as either still tells it.
 */
export class CheckpointFile implements CheckpointStore {
  readonly #path: string;
  readonly #destination: string;
  readonly #logger: Logger;
  /** Whether `load` found the current file damaged: then it must not take the place of the one before it. */
  #isDamaged = false;
  #hasSaved = false;

  constructor(options: { readonly path: string; readonly destination: string; readonly logger: Logger }) {
    this.#path = options.path;
    this.#destination = options.destination;
    this.#logger = options.logger;
  }

  async load(): Promise<Checkpoint | undefined> {
    const current = await readCheckpoint(this.#path);
    this.#isDamaged = current.kind === 'damaged';
    if (current.kind === 'valid') return current.checkpoint;
    const previous = await readCheckpoint(previousPath(this.#path));
    if (current.kind === 'absent' && previous.kind === 'absent') return undefined;
    if (previous.kind === 'valid') {
      this.#logger.warn(`The checkpoint ${this.#path} is ${current.kind}; going on from the one before it, which may repeat entries`);
      return previous.checkpoint;
    }
    // The earlier of the two: what is damaged may tell a wrong time, and repeating entries is better than missing some.
    const timestamp = Math.min(...[current, previous].map((read) => (read.kind === 'damaged' ? (read.timestamp ?? Infinity) : Infinity)));
    if (timestamp === Infinity) {
      this.#logger.error(`The checkpoint ${this.#path} and the one before it are damaged and tell no time; starting as on a first run`);
      return undefined;
    }
    this.#logger.warn(`The checkpoint ${this.#path} and the one before it are damaged; going on from the time of its entry, which may repeat entries`);
    return { position: { cursor: '' as Cursor, timestamp }, counts: { delivered: 0, filtered: 0, rejected: 0 } };
  }

  /** Forgets what was saved. */
  async reset(): Promise<void> {
    await rm(this.#path, { force: true });
    await rm(previousPath(this.#path), { force: true });
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const temporary = `${this.#path}.new`;
    const previous = previousPath(this.#path);
    if ((await makeFolder(dirname(this.#path))) && this.#hasSaved) this.#logger.warn(`The state folder ${dirname(this.#path)} was removed, and is made anew; with it went the lock, so start no second process before this one has been restarted`);
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(serialize(checkpoint, this.#destination));
      await file.sync();
    } finally {
      await file.close();
    }
    // A link, then a rename over it: at no instant is there no current file.
    await rm(`${previous}.new`, { force: true });
    try {
      if (!this.#isDamaged) {
        await duplicate(this.#path, `${previous}.new`);
        await rename(`${previous}.new`, previous);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await rename(temporary, this.#path);
    this.#isDamaged = false;
    this.#hasSaved = true;
    await syncFolder(dirname(this.#path));
  }
}

/** What a checkpoint file holds, for a reader that is not the run that owns it. Undefined where it holds nothing valid. */
export async function peekCheckpoint(path: string): Promise<(Checkpoint & { readonly destination: string; readonly savedAt: string }) | undefined> {
  const read = await readCheckpoint(path);
  return read.kind === 'valid' ? { ...read.checkpoint, destination: read.destination, savedAt: read.savedAt } : undefined;
}

type Read =
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged'; readonly timestamp: number | undefined }
  | { readonly kind: 'valid'; readonly checkpoint: Checkpoint; readonly destination: string; readonly savedAt: string };

async function readCheckpoint(path: string): Promise<Read> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'absent' };
    throw new OperatorError('ERR_STATE', `Cannot read the checkpoint ${path}: ${(error as Error).message}. Give this user the right to read it, or name another folder with --state-dir.`, { cause: error });
  }
  const content = parse(text);
  if (content === undefined) return { kind: 'damaged', timestamp: salvageTimestamp(text) };
  if (content.version > VERSION) {
    throw new OperatorError('ERR_STATE_VERSION', `The checkpoint ${path} has version ${content.version}, written by a newer journald-forwarder; this one reads up to ${VERSION}. Install the newer program, or start anew with --reset-checkpoint.`);
  }
  const { cursor, timestamp, before, counts, destination, savedAt } = content;
  return { kind: 'valid', checkpoint: { position: { cursor: cursor as Cursor, timestamp, ...(before === true ? { before } : {}) }, counts }, destination, savedAt };
}

function serialize(checkpoint: Checkpoint, destination: string): string {
  const content: Content = {
    version: VERSION,
    timestamp: checkpoint.position.timestamp,
    cursor: checkpoint.position.cursor,
    savedAt: new Date().toISOString(),
    destination,
    counts: checkpoint.counts,
    ...(checkpoint.position.before === true ? { before: true } : {}),
  };
  return JSON.stringify({ ...content, sha256: digest(content) }, undefined, 2) + '\n';
}

function parse(text: string): Content | undefined {
  try {
    const { sha256, ...content } = JSON.parse(text) as Content & { sha256: string };
    return digest(content) === sha256 ? content : undefined;
  } catch {
    return undefined;
  }
}

function digest(content: Content): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** The time stands near the head of the file, so that a file which lost its end still tells it; not by part of its digits. */
function salvageTimestamp(text: string): number | undefined {
  const digits = /"timestamp":\s*(\d{15,16}),/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A second name for a file, or a copy where the file system knows no links. Fails with ENOENT where there is no such file. */
async function duplicate(path: string, copy: string): Promise<void> {
  try {
    await link(path, copy);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    await copyFile(path, copy);
  }
}

function previousPath(path: string): string {
  return path.replace(/\.json$/, '.previous.json');
}
