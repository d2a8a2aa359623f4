import assert from 'node:assert/strict';
import { spawn as spawnChild } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { startCountingReceiver } from '../support/counting-receiver.js';
import { RunningForwarder, runForwarder, type ForwarderOptions } from '../support/forwarder.js';
import { JournalSandbox } from '../support/journal-sandbox.js';
import { makeJournal } from '../support/make-journal.js';

/** A user and a group that own nothing. */
const NOBODY = '65534';
/** A user that no database knows. */
const NAMELESS = '54321';

describe('check', { timeout: 60_000 }, () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'check-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('says that all is well, sends nothing and leaves nothing', async () => {
    await makeJournal(join(folder, 'journal', 'system.journal'), [{ fields: { MESSAGE: 'm' } }]);
    const receiver = await startCountingReceiver();
    const exit = await runForwarder(['check', '--directory', join(folder, 'journal'), '--state-dir', join(folder, 'state'), '--to', `tcp://127.0.0.1:${receiver.port}`]);
    const lines = exit.stdout.toString().trimEnd().split('\n');
    assert.equal(exit.code, 0, exit.stderr);
    assert.deepEqual(lines.filter((line) => !line.startsWith('✓ ')), []);
    assert.equal(lines.length, 5);
    assert.equal(receiver.tally.frames, 0);
    assert.deepEqual(await readdir(folder), ['journal']);
    await receiver.close();
  });

  it('names each thing that is wrong and its mend, and exits with 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    taken.close();
    const file = join(folder, 'file');
    await writeFile(file, '');
    const exit = await runForwarder(['check', '--directory', join(folder, 'absent'), '--journalctl-path', '/nonexistent', '--state-dir', file, '--to', `tcp://127.0.0.1:${port}`]);
    assert.equal(exit.code, 1);
    assert.deepEqual(exit.stdout.toString().trimEnd().split('\n').map((line) => line.slice(0, 40)), [
      `✓ The settings are right: tcp://127.0.0.1:${port}.`.slice(0, 40),
      `✗ Cannot read --directory "${folder}`.slice(0, 40),
      '✗ Cannot run "/nonexistent": ENOENT. Install systemd'.slice(0, 40),
      `✗ The state folder ${file} cannot be`.slice(0, 40),
      `✗ tcp://127.0.0.1:${port} cannot be reached: `.slice(0, 40),
    ]);
  });

  it('does not take a folder of machines for readable when the files in it are not', async () => {
    const machine = join(folder, 'journal', 'a'.repeat(32));
    await makeJournal(join(machine, 'system.journal'), [{ fields: { MESSAGE: 'm' } }]);
    await chmod(join(machine, 'system.journal'), 0o600);
    for (const path of [folder, join(folder, 'journal'), machine]) await chmod(path, 0o755);
    const spawn: ForwarderOptions['spawn'] = (command, args, options) => spawnChild('setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', command, ...args], options);
    const exit = await runForwarder(['check', '--directory', join(folder, 'journal'), '--no-checkpoint', '--to', 'stdout:'], { spawn });
    assert.equal(exit.code, 1);
    assert.match(exit.stdout.toString(), /✗ Cannot read \S+system\.journal: permission denied/);
  });

  it('does not take any program for journalctl', async () => {
    const exit = await runForwarder(['check', '--journalctl-path', '/bin/true', '--no-checkpoint', '--to', 'stdout:']);
    assert.equal(exit.code, 1);
    assert.match(exit.stdout.toString(), /✗ "\/bin\/true" is not journalctl/);
  });

  it('says what a user without the right to read the journal has to do, and so does run', async () => {
    const sandbox = await JournalSandbox.start();
    await sandbox.send({ MESSAGE: 'm' });
    await sandbox.sync();
    const spawn: ForwarderOptions['spawn'] = (command, args, options) => sandbox.spawn('setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', command, ...args], options);
    for (const command of ['check', 'run']) {
      const exit = await runForwarder([command, '--state-dir', folder, '--to', 'tcp://127.0.0.1:1'], { spawn });
      assert.equal(exit.code, 1);
      assert.match(command === 'check' ? exit.stdout.toString() : exit.stderr, /Cannot read \S+: permission denied, since this user is neither root nor in the group systemd-journal\. Run as root, or/);
    }
    await sandbox.stop();
  });
});

describe('status', { timeout: 60_000 }, () => {
  it('asks the running forwarder, and later reads its last state', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'status-'));
    await makeJournal(join(folder, 'journal', 'system.journal'), [{ fields: { MESSAGE: 'm' } }]);
    const receiver = await startCountingReceiver({ keepFrames: true });
    const settings = ['--directory', join(folder, 'journal'), '--start', 'head', '--state-dir', join(folder, 'state'), '--to', `tcp://127.0.0.1:${receiver.port}`];
    const status = async (): Promise<string> => (await runForwarder(['status', ...settings])).stdout.toString();
    assert.match(await status(), /^No destination has a state in /);
    const forwarder = new RunningForwarder(settings);
    await receiver.waitForFrames(1);
    assert.match(await status(), new RegExp(`^DESTINATION .*\\ntcp://127\\.0\\.0\\.1:${receiver.port}  forwarding  0 s +[\\d.]+/s `));
    await forwarder.stop();
    assert.match(await status(), /not running +0 s +- +\d{4}-\d\d-\d\dT\S+ +1 /);
    await receiver.close();
    await rm(folder, { recursive: true });
  });
});

describe('wrong settings', () => {
  it('are told in one line on stderr, and exit with 2', async () => {
    const exit = await runForwarder(['--to', 'tcp://loghost']);
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /^\S+ ERROR Invalid --to "tcp:\/\/loghost": a port is needed, for example tcp:\/\/loghost:514\.\n$/);
  });
});

describe('a user that the system has no name and no home for', () => {
  it('can run it, since such is the user of a systemd unit where nss-systemd is not installed', async () => {
    const spawn: ForwarderOptions['spawn'] = (command, args, options) => spawnChild('setpriv', [`--reuid=${NAMELESS}`, `--regid=${NAMELESS}`, '--clear-groups', command, ...args], options);
    const exit = await runForwarder(['--to', 'tcp://loghost'], { spawn });
    assert.equal(exit.code, 2, exit.stderr);
    assert.match(exit.stderr, /a port is needed/);
  });
});

describe('listen', { timeout: 60_000 }, () => {
  it('prints what a forwarder sends it, and ends well at SIGINT', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'listen-'));
    await makeJournal(join(folder, 'system.journal'), [{ fields: { MESSAGE: 'hello', SYSLOG_IDENTIFIER: 'app', _HOSTNAME: 'h1' } }]);
    const listener = new RunningForwarder(['listen', 'tcp://127.0.0.1:0']);
    await listener.says(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
    const [, port] = /:(\d+)\n/.exec(listener.stderr)!;
    const exit = await runForwarder(['--directory', folder, '--start', 'head', '--no-follow', '--no-checkpoint', '--to', `tcp://127.0.0.1:${port!}`]);
    assert.equal(exit.code, 0, exit.stderr);
    const listened = await listener.stop('SIGINT');
    assert.equal(listened.code, 0, listened.stderr);
    assert.match(listened.stdout.toString(), /^<14>1 \S+ h1 app - - - hello\n$/);
    await rm(folder, { recursive: true });
  });
});
