import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

type Shell = ChildProcessByStdio<Writable, Readable, null>;

/**
 * A file system of a few pages, which can be filled up and made read-only. It lives in the mount namespace of a shell,
 * and is gone with it; a user who is not root has a user namespace as well.
 */
export class SmallDisk {
  readonly path: string;
  readonly #shell: Shell;
  readonly #answers: AsyncIterator<string>;

  private constructor(shell: Shell, answers: Interface) {
    this.#shell = shell;
    this.#answers = answers[Symbol.asyncIterator]();
    this.path = `/proc/${shell.pid}/root/mnt`;
  }

  static async mount(bytes = 64 * 1024): Promise<SmallDisk> {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
    const shell = spawn('unshare', [...user, '--mount', '--propagation', 'private', 'sh'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const disk = new SmallDisk(shell, createInterface(shell.stdout));
    await disk.#run(`mount -t tmpfs -o size=${bytes},mode=700 small-disk /mnt`);
    return disk;
  }

  /** Takes all the room but for so many pages of 4 KiB; resolves to what gives it back. */
  async fill(pagesLeft = 0): Promise<() => Promise<void>> {
    const ballast = join(this.path, 'ballast');
    await mkdir(ballast, { recursive: true });
    const file = await open(join(ballast, 'file'), 'w');
    let size = 0;
    try {
      for (;;) size += (await file.write(Buffer.alloc(4096))).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    await file.truncate(size - pagesLeft * 4096);
    await file.close();
    return () => rm(ballast, { recursive: true });
  }

  async setReadOnly(isReadOnly: boolean): Promise<void> {
    await this.#run(`mount -o remount,bind,${isReadOnly ? 'ro' : 'rw'} /mnt`);
  }

  async unmount(): Promise<void> {
    const closed = once(this.#shell, 'close');
    this.#shell.stdin.end();
    await closed;
  }

  async #run(command: string): Promise<void> {
    this.#shell.stdin.write(`${command}; echo $?\n`);
    const { value } = await this.#answers.next();
    if (value !== '0') throw new Error(`Cannot ${command}: ${String(value ?? 'unshare failed')}`);
  }
}
