import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runForwarder } from '../support/forwarder.js';
import { makeJournal } from '../support/make-journal.js';

/** The pauses between ten failures are those of every run, and come to 51 s. */
describe('a run with --no-follow from what fails each time', { timeout: 150_000, concurrency: true }, () => {
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'one-shot-'));
    await makeJournal(join(folder, 'journal', 'system.journal'), ['a', 'b', 'c', 'd'].map((MESSAGE) => ({ fields: { MESSAGE } })));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('journalctl: delivers and saves what was read before, and ends with 1 and one sentence; the next run goes on from there', async () => {
    const [journalctl, state] = [join(folder, 'journalctl'), join(folder, 'state')];
    // The first reading dies behind its second entry, the others before their first.
    writeFileSync(journalctl, `#!/bin/sh
case "$*" in *--lines=1*) exec journalctl "$@";; esac
echo >> ${folder}/calls
if [ $(wc -l < ${folder}/calls) = 1 ]; then journalctl "$@" | awk -v RS= -v ORS='\n\n' 'NR <= 2'; fi
echo 'Failed to iterate through journal: Stale file handle' >&2
exit 1
`);
    chmodSync(journalctl, 0o755);
    const args = ['--directory', join(folder, 'journal'), '--start', 'head', '--no-follow', '--state-dir', state, '--to', 'stdout:?format=cat'];
    const { code, stdout, stderr } = await runForwarder([...args, '--journalctl-path', journalctl]);
    assert.equal(stdout.toString(), 'a\nb\n');
    assert.equal(code, 1, stderr);
    const sentence = `Gave up reading the journal: "${journalctl}" has failed 10 times in a row, the last time so: it exited with 1 (Failed to iterate through journal: Stale file handle). Mend what it complains of, or name another program with --journalctl-path, and start again.`;
    assert.deepEqual(stderr.split('\n').filter((line) => line.includes('Gave up')).map((line) => line.slice(line.indexOf('Gave up'))), [`${sentence} code=ERR_JOURNALCTL`]);
    assert.equal(readFileSync(join(folder, 'calls'), 'utf8').length, 1 + 10);
    const mended = await runForwarder(args);
    assert.deepEqual([mended.code, mended.stdout.toString()], [0, 'c\nd\n'], mended.stderr);
  });

  it('a gateway: ends with 1 and one sentence', async () => {
    const closing = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1');
    await once(closing, 'listening');
    const gateway = `gateway:http://127.0.0.1:${(closing.address() as AddressInfo).port}`;
    const { code, stderr } = await runForwarder([`--from=${gateway}`, '--no-follow', '--no-checkpoint', '--to=stdout:']);
    closing.close();
    assert.equal(code, 1, stderr);
    const sentence = `Gave up reading ${gateway}: 10 attempts in a row have failed, the last one so: the connection broke. See that the gateway runs and can be reached, and start again.`;
    assert.deepEqual(stderr.split('\n').filter((line) => line.includes('Gave up')).map((line) => line.slice(line.indexOf('Gave up'))), [`${sentence} code=ERR_GATEWAY`]);
  });
});
