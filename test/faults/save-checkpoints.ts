import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CheckpointFile } from '../../src/checkpoint/checkpoint-file.js';
import type { Cursor } from '../../src/core/entry.js';
import { RecordedLogger } from '../support/recorded-logger.js';

// Saves checkpoints 1, 2, … in the file that it is given. Asks for a file `begun-N` before each and `resolved-N` after it, for whoever traces the system calls.
const [path = '', count] = process.argv.slice(2);
const store = new CheckpointFile({ path, destination: 'there', logger: new RecordedLogger() });
for (let number = 1; number <= Number(count); number++) {
  await mark(`begun-${number}`);
  await store.save({ position: { cursor: `i=${number}` as Cursor, timestamp: 1e15 + number }, counts: { delivered: number, filtered: 0, rejected: 0 } });
  await mark(`resolved-${number}`);
}

async function mark(name: string): Promise<void> {
  await access(join(dirname(dirname(path)), name)).catch(() => undefined);
}
