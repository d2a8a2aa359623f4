import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { runForwarder } from '../support/forwarder.js';
import { JournalSandbox } from '../support/journal-sandbox.js';

type Json = Readonly<Record<string, string>>;

describe('what the reader finds', { timeout: 60_000 }, () => {
  let sandbox: JournalSandbox;
  let state: string;
  beforeEach(async () => {
    sandbox = await JournalSandbox.start();
    state = await mkdtemp(join(tmpdir(), 'reader-e2e-'));
  });
  afterEach(async () => {
    await sandbox.stop();
    await rm(state, { recursive: true });
  });

  it('a poison entry: it stands in the dead letters, and an entry in the stream tells of it, past every filter', async () => {
    await sandbox.send(Array.from({ length: 5 }, (_, i) => ({ MESSAGE: `m${i} ${'p'.repeat(60)}`, SYSLOG_IDENTIFIER: 'app' })));
    await sandbox.rotate();
    // journald goes on with the old file for a moment after it has answered.
    await sandbox.send({ MESSAGE: 'last' });
    await sandbox.sync();
    await damage('MESSAGE=m2 ');
    const lines = await forward('--identifier', 'app', '--exclude-match', 'NO=thing', '--report-gaps');
    assert.deepEqual(lines.map((line) => line['JOURNALD_FORWARDER_GAP_KIND'] ?? line['MESSAGE']!.split(' ')[0]), ['m0', 'm1', 'poison', 'm3', 'm4']);
    const letters = (await readFile(join(state, 'dead-letters.ndjson'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Json);
    assert.equal(letters.length, 1);
    assert.match(letters[0]!['reason']!, /^journalctl cannot print it: Invalid field/);
    assert.match(letters[0]!['place']!, /^the entry with sequence number \d+$/);
    assert.match(letters[0]!['content']!, /^_HOSTNAME=/m);
    assert.deepEqual(await forward('--identifier', 'app', '--report-gaps'), [], 'and nothing again');
  });

  it('a line in pieces: it is one again with --join-lines', async () => {
    const line = 'x'.repeat(120_000);
    await sandbox.run('systemd-cat', ['-t', 'app', 'printf', '%s\\n', line]);
    await sandbox.sync();
    assert.deepEqual((await forward('--identifier', 'app', '--join-lines')).map(({ MESSAGE }) => MESSAGE), [line]);
  });

  async function forward(...options: readonly string[]): Promise<Json[]> {
    const { code, stdout, stderr } = await runForwarder(['--directory', sandbox.directory, '--start', 'head', '--no-follow', '--state-dir', state, ...options]);
    assert.equal(code, 0, stderr);
    return stdout.toString().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Json);
  }

  async function damage(needle: string): Promise<void> {
    const folder = join(sandbox.directory, sandbox.machineId);
    const file = join(folder, (await readdir(folder)).find((name) => name.includes('@'))!);
    const bytes = await readFile(file);
    bytes[bytes.indexOf(needle)] = 0;
    await unlink(file);
    await writeFile(file, bytes);
  }
});
