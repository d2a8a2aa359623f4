import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CheckpointFile } from '../../src/checkpoint/checkpoint-file.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { DiskModel } from './disk-model.js';
import { type Asked, traceCalls } from './traced-calls.js';
import type { DiskCall } from './disk-model.js';

const saver = fileURLToPath(new URL('save-checkpoints.ts', import.meta.url));
const SAVES = 4;

describe('a power failure while checkpoints are saved', { timeout: 60_000 }, () => {
  let folder: string;
  let path: string;
  let trace: readonly (DiskCall | Asked)[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'power-'));
    path = join(folder, 'made', 'state', 'there.json');
    trace = await traceCalls(folder, process.execPath, ['--import', 'tsx', saver, path, String(SAVES)]);
  });
  after(() => rm(folder, { recursive: true }));

  it('at any instant leaves a checkpoint that is no older than the last one saved, and none that was not settled', async () => {
    const { states, faults } = await failEverywhere(trace);
    assert.deepEqual(faults, []);
    assert.ok(states >= 3 * SAVES, `looked at ${states} states`);
  });

  // Else the model would not tell.
  for (const [what, isSpared] of [
    ['a file', (call: DiskCall | Asked) => call.call === 'fsync' && call.path.endsWith('.json.new')],
    ['the folder', (call: DiskCall | Asked) => call.call === 'fsync' && call.path.endsWith('/state')],
    ['what holds a new folder', (call: DiskCall | Asked) => call.call === 'fsync' && call.path.endsWith('/made')],
  ] as const) {
    it(`would lose checkpoints if ${what} were not flushed`, async () => {
      const { faults } = await failEverywhere(trace.filter((call) => !isSpared(call)));
      assert.notDeepEqual(faults, []);
    });
  }

  /** Cuts the power after each call, and loads what may then be on the disk. */
  async function failEverywhere(calls: readonly (DiskCall | Asked)[]): Promise<{ readonly states: number; readonly faults: readonly string[] }> {
    const disk = new DiskModel();
    const previous = path.replace('.json', '.previous.json');
    const faults: string[] = [];
    const seen = new Set<string>();
    let begun = 0;
    let resolved = 0;
    for (const call of calls) {
      const [, which, number] = call.call === 'access' ? (/(begun|resolved)-(\d+)$/.exec(call.path) ?? []) : [];
      if (which === 'begun') begun = Number(number);
      if (which === 'resolved') resolved = Number(number);
      if (call.call !== 'access') disk.do(call);
      for (const contents of disk.outcomes([path, previous])) {
        const key = `${begun} ${resolved} ${contents.map((content) => content?.toString('base64') ?? '-').join(' ')}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const loaded = await loadFrom(contents);
        if (loaded < resolved || loaded > begun) faults.push(`after ${call.call} ${call.path}: ${loaded}, though ${resolved} was saved and ${begun} settled`);
      }
    }
    assert.deepEqual([begun, resolved], [SAVES, SAVES]);
    return { states: seen.size, faults };
  }

  /** The number of the checkpoint that these files give; 0 for none. */
  async function loadFrom([current, previous]: readonly (Buffer | undefined)[]): Promise<number> {
    const found = join(folder, 'found');
    await rm(found, { recursive: true, force: true });
    await mkdir(found);
    if (current !== undefined) await writeFile(join(found, 'there.json'), current);
    if (previous !== undefined) await writeFile(join(found, 'there.previous.json'), previous);
    const checkpoint = await new CheckpointFile({ path: join(found, 'there.json'), destination: 'there', logger: new RecordedLogger() }).load();
    return checkpoint === undefined ? 0 : checkpoint.position.timestamp - 1e15;
  }
});
