import { readFile, readdir, rm, writeFile, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { peekCheckpoint } from '../../src/checkpoint/checkpoint-file.js';
import type { JournalSandbox } from '../support/journal-sandbox.js';

/** The forwarder's state folder: a small file system inside the sandbox, which can be full and read-only. */
export class StateDisk {
  /** As the forwarder sees it. */
  readonly path: string;
  readonly #sandbox: JournalSandbox;
  /** As this process sees it. */
  readonly #outside: string;

  private constructor(sandbox: JournalSandbox, path: string, viewerPid: number) {
    this.#sandbox = sandbox;
    this.path = path;
    this.#outside = `/proc/${viewerPid}/root${path}`;
  }

  /** `path` is a folder; `viewerPid`, a process that stays in the sandbox. */
  static async mount(sandbox: JournalSandbox, path: string, viewerPid: number): Promise<StateDisk> {
    await mkdir(path, { recursive: true });
    const disk = new StateDisk(sandbox, path, viewerPid);
    const fault = await disk.#mount('size=8m,mode=700', '-t', 'tmpfs', 'state');
    if (fault !== undefined) throw new Error(`Cannot mount a file system on ${path}: ${fault}`);
    return disk;
  }

  /** Leaves no byte of room. */
  async fill(): Promise<void> {
    const file = await open(join(this.#outside, 'ballast'), 'a');
    try {
      for (const size of [65_536, 4096, 1]) await fillWith(file, Buffer.alloc(size));
    } finally {
      await file.close();
    }
  }

  async clear(): Promise<void> {
    await rm(join(this.#outside, 'ballast'), { force: true });
  }

  /** Resolves to whether it could be done: it cannot while a file is open for writing, and is tried for a while. */
  async setReadOnly(isReadOnly: boolean): Promise<boolean> {
    for (let attempt = 0; attempt < 40; attempt++) {
      if ((await this.#mount(`remount,${isReadOnly ? 'ro' : 'rw'}`)) === undefined) return true;
      await pause(25);
    }
    return false;
  }

  /** The time of the entry up to which a destination's checkpoint covers everything, in microseconds; undefined where there is none. */
  async savedUpTo(name: string): Promise<number | undefined> {
    return (await peekCheckpoint(join(this.#outside, `${name}.json`)).catch(() => undefined))?.position.timestamp;
  }

  /** Every message in the dead letters, with the destination that refused it. */
  async deadLetters(): Promise<readonly { readonly from: string; readonly content: string }[]> {
    const files = (await readdir(this.#outside)).filter((name) => name.startsWith('dead-letters.ndjson'));
    const texts = await Promise.all(files.map((name) => readFile(join(this.#outside, name), 'utf8')));
    const lines = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
    return lines.map((line) => JSON.parse(line) as { from: string; content?: string }).map(({ from, content = '' }) => ({ from, content }));
  }

  /** Copies the checkpoints and dead letters, to be looked at after the sandbox has gone. */
  async keep(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(this.#outside)) {
      if (!/\.(json|ndjson)/.test(name)) continue;
      await writeFile(join(folder, name), await readFile(join(this.#outside, name)));
    }
  }

  async #mount(options: string, ...device: string[]): Promise<string | undefined> {
    const { exitCode, stderr } = await this.#sandbox.run('mount', [...device.slice(0, 2), '-o', options, ...device.slice(2), this.path]);
    return exitCode === 0 ? undefined : stderr.trim();
  }
}

async function fillWith(file: { write(bytes: Buffer): Promise<unknown> }, bytes: Buffer): Promise<void> {
  try {
    for (;;) await file.write(bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
