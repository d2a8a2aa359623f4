import { type FSWatcher, closeSync, openSync, readSync, watch } from 'node:fs';

/** The lines of a growing file, each told once, as the kernel reports that the file has grown. */
export class LineTail {
  readonly #onLine: (line: Buffer) => void;
  readonly #file: number;
  readonly #watcher: FSWatcher;
  readonly #block = Buffer.alloc(1 << 18);
  #rest: Buffer = Buffer.alloc(0);
  #closed = false;

  /** The file must exist. The watch does not keep the process alive. */
  constructor(path: string, onLine: (line: Buffer) => void) {
    this.#onLine = onLine;
    this.#file = openSync(path, 'r');
    this.#watcher = watch(path, { persistent: false }, () => this.read());
  }

  /** Tells the lines that have been added, without waiting for the kernel's report. */
  read(): void {
    if (this.#closed) return;
    for (let length; (length = readSync(this.#file, this.#block)) > 0; ) {
      const bytes = Buffer.concat([this.#rest, this.#block.subarray(0, length)]);
      let from = 0;
      for (let end; (end = bytes.indexOf(0x0a, from)) !== -1; from = end + 1) this.#onLine(bytes.subarray(from, end));
      this.#rest = bytes.subarray(from);
    }
  }

  /** Forgets what stands behind the last line feed, once whoever wrote it is dead; returns whether there was anything. */
  forgetTorn(): boolean {
    this.read();
    const isTorn = this.#rest.length > 0;
    this.#rest = Buffer.alloc(0);
    return isTorn;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watcher.close();
    closeSync(this.#file);
  }
}
