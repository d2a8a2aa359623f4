import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { JournalSandbox } from './journal-sandbox.js';

describe('a journal sandbox', () => {
  let sandbox: JournalSandbox;
  before(async () => (sandbox = await JournalSandbox.start()));
  after(() => sandbox.stop());

  async function read(...args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    await sandbox.sync();
    const { stdout, stderr, exitCode } = await sandbox.run('journalctl', ['--no-pager', '-a', '-o', 'json', ...args]);
    assert.equal(exitCode, 0, stderr);
    return stdout.toString().split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('shows journalctl inside what was sent to it, with its own machine id and boot id', async () => {
    await sandbox.send({ MESSAGE: 'hello', SYSLOG_IDENTIFIER: 'first', PRIORITY: '3' });
    const [entry, ...others] = await read('-t', 'first');
    assert.deepEqual(others, []);
    assert.equal(entry?.['MESSAGE'], 'hello');
    assert.equal(entry['_MACHINE_ID'], sandbox.machineId);
    assert.equal(entry['_BOOT_ID'], sandbox.bootId);
  });

  it('takes bytes, repeated fields, several lines, and entries too long for a datagram', async () => {
    const long = 'x'.repeat(6_000_000);
    await sandbox.send({ SYSLOG_IDENTIFIER: 'odd', MESSAGE: Uint8Array.of(0, 0xff, 0x0a), TAG: ['b', 'a\nb', 'a'], LONG: long });
    const [entry] = await read('-t', 'odd');
    assert.deepEqual(entry?.['MESSAGE'], [0, 0xff, 0x0a]);
    assert.deepEqual([...(entry['TAG'] as string[])].sort(), ['a', 'a\nb', 'b']);
    assert.ok(entry['LONG'] === long);
  });

  it('takes thousands of entries in order', async () => {
    await sandbox.send(Array.from({ length: 5000 }, (_, i) => ({ SYSLOG_IDENTIFIER: 'many', MESSAGE: `m${i}` })));
    const messages = (await read('-t', 'many')).map((entry) => entry['MESSAGE']);
    assert.deepEqual(messages, Array.from({ length: 5000 }, (_, i) => `m${i}`));
  });

  it('is where logger and systemd-cat write when they run inside', async () => {
    await sandbox.run('logger', ['--socket', '/run/systemd/journal/dev-log', '-t', 'lo', '-p', 'user.err', 'by logger']);
    await sandbox.run('systemd-cat', ['-t', 'cat', 'echo', 'by systemd-cat']);
    assert.deepEqual((await read('-t', 'lo', '-t', 'cat')).map((entry) => entry['MESSAGE']).sort(), ['by logger', 'by systemd-cat']);
  });

  it('gives another user a journal file of their own', async () => {
    await Promise.all([sandbox.send({ SYSLOG_IDENTIFIER: 'two', MESSAGE: 'theirs' }, 1234), sandbox.send({ SYSLOG_IDENTIFIER: 'two', MESSAGE: 'ours' })]);
    assert.deepEqual((await read('-t', 'two')).map((entry) => `${String(entry['MESSAGE'])} ${String(entry['_UID'])}`).sort(), ['ours 0', 'theirs 1234']);
    assert.ok((await readdir(join(sandbox.directory, sandbox.machineId))).includes('user-1234.journal'));
  });

  it('begins new files when it rotates', async () => {
    const folder = join(sandbox.directory, sandbox.machineId);
    const archived = async () => (await readdir(folder)).filter((name) => name.startsWith('system@')).length;
    const before = await archived();
    await sandbox.send({ MESSAGE: 'before the rotation' });
    await sandbox.rotate();
    assert.equal(await archived(), before + 1);
  });

  it('keeps the journal when journald is restarted and when it is killed; a writer waits meanwhile', async () => {
    await sandbox.send({ SYSLOG_IDENTIFIER: 'stay', MESSAGE: '1' });
    await sandbox.restart();
    await sandbox.halt();
    const waiting = sandbox.send({ SYSLOG_IDENTIFIER: 'stay', MESSAGE: '2' });
    await sandbox.restart();
    await waiting;
    await sandbox.sync();
    await sandbox.crash();
    await sandbox.send({ SYSLOG_IDENTIFIER: 'stay', MESSAGE: '3' });
    assert.deepEqual((await read('-t', 'stay')).map((entry) => entry['MESSAGE']), ['1', '2', '3']);
  });

  it('has a new boot id after a reboot, and the entries of both boots', async () => {
    const first = sandbox.bootId;
    await sandbox.send({ SYSLOG_IDENTIFIER: 'boots', MESSAGE: 'old' });
    await sandbox.reboot();
    await sandbox.send({ SYSLOG_IDENTIFIER: 'boots', MESSAGE: 'new' });
    assert.notEqual(sandbox.bootId, first);
    assert.deepEqual((await read('-t', 'boots')).map((entry) => entry['_BOOT_ID']), [first, sandbox.bootId]);
    assert.deepEqual((await read('-t', 'boots', '-b')).map((entry) => entry['MESSAGE']), ['new']);
  });

  it('gives a program inside the working directory and the environment it was started with', async () => {
    const { stdout } = await sandbox.run('sh', ['-c', 'pwd; echo "$WORD"; cat'], { cwd: '/usr', env: { ...process.env, WORD: 'word' }, stdin: 'in' });
    assert.equal(stdout.toString(), '/usr\nword\nin');
  });
});

describe('a volatile sandbox', () => {
  it('keeps its journal in /run, and loses it at a reboot', async () => {
    const sandbox = await JournalSandbox.start({ volatile: true, machineId: 'ab'.repeat(16) });
    try {
      await sandbox.send({ MESSAGE: 'gone soon' });
      await sandbox.sync();
      assert.deepEqual(await readdir(sandbox.directory), ['ab'.repeat(16)]);
      await sandbox.reboot();
      const { stdout } = await sandbox.run('journalctl', ['-o', 'cat', '--no-pager']);
      assert.ok(!stdout.toString().includes('gone soon'));
    } finally {
      await sandbox.stop();
    }
  });

  it('leaves nothing behind when it is stopped, whatever ran in it', async () => {
    const sandbox = await JournalSandbox.start({ volatile: true });
    const follower = sandbox.spawn('journalctl', ['-f'], { stdio: 'ignore' });
    const { pid } = sandbox;
    await sandbox.stop();
    assert.equal(follower.signalCode, 'SIGKILL');
    assert.ok(!existsSync(`/proc/${pid}`));
    assert.ok(!existsSync(dirname(dirname(dirname(sandbox.directory)))));
  });
});
