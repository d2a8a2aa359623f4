import { readFile } from 'node:fs/promises';
import { eventually } from './eventually.js';

/** Where a journal file's header has its state, and what that can be (journal-def.h). */
const STATE_OFFSET = 16;
const STATE_OFFLINE = 0;
const STATE_ARCHIVED = 2;

/**
 * The bytes of a file that was rotated, once journald is done with it: it shortens it in a thread of its own, and half
 * way it is taken for truncated. systemd 247 shortens nothing, and leaves a file that was synced before just offline.
 */
export async function archived(path: string, { version }: { readonly version: number }): Promise<Buffer> {
  const final = version < 250 ? [STATE_ARCHIVED, STATE_OFFLINE] : [STATE_ARCHIVED];
  await eventually(async () => (await readFile(path))[STATE_OFFSET]!, (state) => final.includes(state));
  return readFile(path);
}
