import { access, open } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { JournalctlProgram } from './process.js';

/**
 * What journalctl gathers before it writes: as much as one read of ours takes. By itself, it writes 4 KiB at a time. A socket
 * holds 208 KiB (`net.core.wmem_default`), so that a larger write would come in two.
 */
const BUFFER_BYTES = 192 * 1024;
/** Where coreutils keep the library by which stdbuf(1) works: Debian and Fedora, Arch, openSUSE. */
const LIBRARIES = ['/usr/libexec/coreutils/libstdbuf.so', '/usr/lib/coreutils/libstdbuf.so', '/usr/lib64/coreutils/libstdbuf.so'];

/**
 * The program with a large buffer for what it prints, where that can be had: it saves both sides most of their system
 * calls. A follower empties it before it waits for more, so that no entry is late. Not stdbuf itself, which in some
 * distributions stays between us and what it started.
 *
 * Only for a binary: what a script starts would have the library too, also where it is not to be found, as in another
 * root, which ld.so complains of.
 */
export async function buffered(program: JournalctlProgram): Promise<JournalctlProgram> {
  const library = await firstOf(LIBRARIES);
  if (library === undefined || !(await isBinary(program))) return program;
  return { ...program, variables: { LD_PRELOAD: library, _STDBUF_O: String(BUFFER_BYTES) } };
}

async function isBinary({ path, environment }: JournalctlProgram): Promise<boolean> {
  const folders = path.includes('/') ? [''] : (environment.PATH ?? '').split(':').filter(isAbsolute);
  const file = await firstOf(folders.map((folder) => (folder === '' ? path : join(folder, path))));
  if (file === undefined) return false;
  const handle = await open(file).catch(() => undefined);
  const head = await handle?.read(Buffer.alloc(elf.length)).catch(() => undefined);
  await handle?.close();
  return head?.buffer.equals(elf) ?? false;
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

/** What an executable of Linux begins with, elf(5). */
const elf = Buffer.from('\x7fELF', 'latin1');
