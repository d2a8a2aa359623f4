import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startCountingReceiver } from '../support/counting-receiver.js';
import { RunningForwarder } from '../support/forwarder.js';
import { makeJournal } from '../support/make-journal.js';
import { Machine } from './machine.js';

describe('too few file descriptors', { timeout: 60_000, concurrency: true }, () => {
  it('for a forwarder that runs: it goes on with what it has, says what it cannot open, and makes up for it later', () =>
    Machine.with(async (machine) => {
      const forwarder = machine.forward();
      await machine.writeThrough(100);
      await machine.allSaved();
      const { pid } = forwarder.child;
      const limit = (files: number): Promise<void> => machine.shell(`prlimit --pid ${pid} --nofile=${files}:`);
      assert.ok((await readdir(`/proc/${pid}/fd`)).length > 10);
      await limit(10);
      await machine.writeThrough(100);
      await forwarder.says(/WARN .*cannot look up what the receiver has acknowledged, and confirms nothing until it can why=EMFILE/);
      machine.receiver.reset();
      await machine.write(100);
      await forwarder.says(/WARN .*journalctl.*it could not be started: EMFILE/);
      await limit(1024);
      await machine.allArrived();
      await machine.allSaved();
      await forwarder.isReady();
      assert.equal((await forwarder.stop()).code, 0, forwarder.stderr);
    }));

  it('for journalctl to open all files of the journal: nothing counts as read, and all comes when there are enough', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'descriptors-'));
    const receiver = await startCountingReceiver();
    const count = 40;
    const limit = join(folder, 'limit');
    const journalctl = join(folder, 'journalctl');
    await writeFile(limit, '20');
    await writeFile(journalctl, `#!/bin/sh\nexec prlimit --nofile=$(cat ${limit}):$(cat ${limit}) journalctl "$@"\n`);
    await chmod(journalctl, 0o755);
    for (let file = 0; file < count; file++) {
      await makeJournal(join(folder, 'journal', `${file}.journal`), [{ time: 1_604_430_000_000_000 + file, fields: { MESSAGE: `entry ~Q${String(file).padStart(9, '0')}~` } }]);
    }
    const forwarder = new RunningForwarder(['--directory', join(folder, 'journal'), '--journalctl-path', journalctl, '--start', 'head', '--no-follow', '--state-dir', join(folder, 'state'), '--metrics', '127.0.0.1:0', '--to', `tcp://127.0.0.1:${receiver.port}`]);
    try {
      await forwarder.says(/WARN .*it could not open every journal file \(Too many open files\)/);
      await forwarder.isNotReady(/nothing can be read: it could not open every journal file/);
      assert.equal(receiver.tally.frames, 0);
      await writeFile(limit, '1024');
      const exit = await forwarder.exit;
      assert.equal(exit.code, 0, exit.stderr);
      await receiver.waitForCount(count);
      assert.deepEqual([receiver.missing(count), receiver.tally.duplicates, receiver.tally.outOfOrder], [[], 0, 0]);
    } finally {
      await forwarder.stop('SIGKILL');
      await receiver.close();
      await rm(folder, { recursive: true });
    }
  });

  for (const shortage of ['EAGAIN', 'ENOMEM']) {
    it(`or, with ${shortage}, processes: the second journalctl is started again`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'processes-'));
      const receiver = await startCountingReceiver();
      await makeJournal(join(folder, 'journal', 'one.journal'), [{ time: 1_604_430_000_000_000, fields: { MESSAGE: 'entry ~Q000000000~' } }]);
      // Threads are made with another call.
      const failing = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=clone', '-e', `inject=clone:error=${shortage}:when=2`];
      const forwarder = new RunningForwarder(['--directory', join(folder, 'journal'), '--start', 'head', '--no-follow', '--no-checkpoint', '--to', `tcp://127.0.0.1:${receiver.port}`], { spawn: (command, args, options) => spawn('strace', [...failing, command, ...args], options) });
      try {
        const exit = await forwarder.exit;
        assert.equal(exit.code, 0, exit.stderr);
        assert.match(exit.stderr, new RegExp(`WARN .*journalctl.*it could not be started: ${shortage}`));
        assert.deepEqual([receiver.missing(1), receiver.tally.duplicates], [[], 0]);
      } finally {
        await forwarder.stop('SIGKILL');
        await receiver.close();
        await rm(folder, { recursive: true });
      }
    });
  }

  it('for the program to start: it says what to raise', async () => {
    // Each Node.js needs another number of them, so that a limit would be hit by another open each time.
    const read = join(import.meta.dirname, '../../package.json');
    const without = ['-f', '-qq', '-o', '/dev/null', '-P', read, '-e', 'trace=openat', '-e', 'inject=openat:error=EMFILE'];
    const exit = await new RunningForwarder(['--to', 'stdout:'], { spawn: (command, args, options) => spawn('strace', [...without, command, ...args], options) }).exit;
    assert.equal(exit.code, 1);
    assert.match(exit.stderr, /ERROR Too many open files: .*Raise LimitNOFILE= in the unit, or ulimit -n\./);
  });
});
