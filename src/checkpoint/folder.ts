import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a folder, and those above it, where they are missing: for their owner only, and so that a power failure does not take them back. Says whether there was none. */
export async function makeFolder(path: string): Promise<boolean> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return false;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
  return true;
}

/** Makes the names in a folder durable, as fsync of a file does not (fsync(2)). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
