import { isUtf8 } from 'node:buffer';
import { mkdir, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeadLetter, DeadLetters } from '../core/dead-letters.js';
import type { Logger } from '../core/logger.js';
import { pause } from './pause.js';

/** A file is put aside as `NAME.1`, `NAME.2`, … when it has grown over this; the oldest beyond KEPT_FILES goes. */
const ROTATE_BYTES = 64 * 1024 * 1024;
const KEPT_FILES = 4;
const LOG_INTERVAL_MS = 60_000;
const RETRY_MS = 1000;
const MAX_REASONS = 1000;
const LF = 0x0a;

/**
 * The dead letters as a file of JSON lines (mode 0600: they hold log entries): `from`, `kind`, `reason`, `cursor`,
 * `timestamp`, `place`, `setAsideAt` and `content`, or `contentBase64` where it is not UTF-8. One log line per reason
 * and minute, which also counts those before it that had none.
 */
export class DeadLetterFile implements DeadLetters {
  readonly #path: string;
  readonly #logger: Logger;
  /** When a reason was logged last, and how often it came since. */
  readonly #logged = new Map<string, { readonly atMs: number; silent: number }>();
  #count = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** How many letters were written since the start. */
  get count(): number {
    return this.#count;
  }

  async write(letter: DeadLetter, signal: AbortSignal): Promise<void> {
    const before = this.#writing;
    const written = untilAborted(before, signal).then(() => this.#writeUntilItIsThere(letter, signal));
    // Also behind the one before, which may go on when this one is given up.
    this.#writing = Promise.allSettled([before, written]);
    await written;
  }

  async #writeUntilItIsThere(letter: DeadLetter, signal: AbortSignal): Promise<void> {
    const line = JSON.stringify(rowOf(letter)) + '\n';
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.#append(line);
        break;
      } catch (error) {
        const why = (error as Error).message;
        this.#log(letter, `cannot write ${this.#path}, so delivery waits: ${why}`, why);
        await pause(RETRY_MS, signal);
      }
    }
    this.#count += 1;
    this.#log(letter, `${letter.place ?? 'a message'} was set aside in ${this.#path}: ${letter.reason}`, letter.reason);
  }

  async #append(line: string): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    if ((await sizeOf(this.#path)) > ROTATE_BYTES) await this.#rotate();
    const file = await open(this.#path, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      try {
        await file.appendFile((await endsInLine(file, size)) ? line : `\n${line}`);
        await file.sync();
      } catch (error) {
        // Where the disk became full in the middle of the line, the next attempt would go on behind half of it. (What is
        // behind our own half by now is another process's letter, and stays: then a line feed parts the two.)
        if ((await file.stat()).size < size + Buffer.byteLength(line)) await file.truncate(size);
        throw error;
      }
      if (size === 0) await syncFolder(dirname(this.#path));
    } finally {
      await file.close();
    }
  }

  async #rotate(): Promise<void> {
    for (let n = KEPT_FILES; n >= 1; n--) {
      const from = n === 1 ? this.#path : `${this.#path}.${n - 1}`;
      if ((await sizeOf(from)) > 0) await rename(from, `${this.#path}.${n}`);
    }
  }

  #log({ from }: DeadLetter, message: string, reason: string): void {
    const nowMs = performance.now();
    const key = `${from} ${reason}`;
    const last = this.#logged.get(key);
    if (last !== undefined && nowMs - last.atMs < LOG_INTERVAL_MS) {
      last.silent += 1;
      return;
    }
    if (this.#logged.size >= MAX_REASONS) this.#logged.clear();
    this.#logged.set(key, { atMs: nowMs, silent: 0 });
    this.#logger.error(`${from}: ${message}`, last === undefined || last.silent === 0 ? undefined : { alsoBefore: last.silent });
  }
}

function rowOf(letter: DeadLetter): Record<string, unknown> {
  const { from, kind, place, reason, cursor, timestamp } = letter;
  const content = Buffer.from(letter.content);
  const body = isUtf8(content) ? { content: content.toString('utf8') } : { contentBase64: content.toString('base64') };
  return { from, kind, place, reason, cursor, timestamp, setAsideAt: new Date().toISOString(), ...body };
}

/** False where a crash left half a line at the end. */
async function endsInLine(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === LF;
}

/** Makes a new file's name durable, as fsync of the file does not. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Waits for what never rejects; rejects when the signal aborts before. */
async function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
