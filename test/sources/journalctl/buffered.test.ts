import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { buffered } from '../../../src/sources/journalctl/buffered.js';
import { makeJournal } from '../../support/make-journal.js';

describe('a journalctl that prints a backlog', () => {
  const { PATH } = process.env;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'buffered-'));
    await makeJournal(join(folder, 'system.journal'), Array.from({ length: 500 }, (_, n) => ({ fields: { MESSAGE: `${n} ${'x'.repeat(1000)}` } })));
  });
  after(() => rm(folder, { recursive: true }));

  it('writes 192 KiB at a time', async () => {
    const { variables } = await buffered({ path: 'journalctl', environment: { PATH } });
    const trace = join(folder, 'trace');
    const args = ['--output', trace, '--trace=write', 'journalctl', '--directory', folder, '--output=export'];
    const { stdout } = await promisify(execFile)('strace', args, { env: { PATH, ...variables }, maxBuffer: 1e7 });
    const writes = (await readFile(trace, 'utf8')).match(/^write\(1,/gm) ?? [];
    assert.ok(stdout.length > 500_000 && writes.length <= Math.ceil(stdout.length / 196_608) + 1, `${writes.length} writes of ${stdout.length} bytes`);
  });

  it('is left as it is where it is a script, or is not there', async () => {
    const script = join(folder, 'journalctl');
    await writeFile(script, '#!/bin/sh\n', { mode: 0o755 });
    for (const path of [script, join(folder, 'absent'), folder]) assert.deepEqual(await buffered({ path, environment: { PATH } }), { path, environment: { PATH } });
    for (const one of [folder, '', undefined]) assert.equal((await buffered({ path: 'journalctl', environment: { PATH: one } })).variables, undefined);
  });
});
