import { readFile } from 'node:fs/promises';
import { eventually } from './eventually.js';

/** Where a journal file's header has its state, and what that is once journald has shortened and closed the file (journal-def.h). */
const STATE_OFFSET = 16;
const STATE_ARCHIVED = 2;

/** The bytes of a file that was rotated: journald shortens it in a thread of its own, and half way it is taken for truncated. */
export function archived(path: string): Promise<Buffer> {
  return eventually(() => readFile(path), (bytes) => bytes[STATE_OFFSET] === STATE_ARCHIVED);
}
