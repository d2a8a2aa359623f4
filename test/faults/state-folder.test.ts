import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { RunningForwarder } from '../support/forwarder.js';
import { ManagerSocket } from '../support/manager-socket.js';
import { Machine } from './machine.js';

const unsaved = /WARN .*cannot save the checkpoint, a restart would repeat what was delivered since: /;
const savedAgain = /INFO .*the checkpoint is saved again/;
const smallDisk = 'mount -t tmpfs -o size=64k,mode=700 state $STATE';
const fill = 'cat /dev/zero >$STATE/ballast 2>/dev/null || true';

/** Brings a fault about, and resolves to what ends it. */
type Inflict = (machine: Machine, forwarder: RunningForwarder) => Promise<() => Promise<void>>;

const faults: readonly { readonly title: string; readonly error: RegExp; readonly inflict: Inflict }[] = [
  { title: 'is full', error: /ENOSPC/, inflict: shells(fill, 'rm $STATE/ballast') },
  { title: 'is read-only', error: /EROFS/, inflict: shells('mount -o remount,bind,ro $STATE', 'mount -o remount,bind,rw $STATE') },
  { title: 'has a disk that fails each fsync', error: /EIO: i\/o error, fsync/, inflict: fails('fsync', 'EIO') },
  { title: 'has a disk that fails each rename', error: /EIO: i\/o error, rename/, inflict: fails('rename', 'EIO') },
  { title: 'lets no file be opened', error: /ENFILE: file table overflow, open/, inflict: fails('openat', 'ENFILE', '.json.new') },
];

describe('a state folder that fails while a forwarder runs', { timeout: 60_000, concurrency: true }, () => {
  for (const { title, error, inflict } of faults) {
    it(`${title}: delivery goes on, the log says so, and the checkpoint is saved when it can be`, () =>
      Machine.with(async (machine) => {
        await machine.shell(smallDisk);
        const forwarder = machine.forward();
        await machine.writeThrough(100);
        const before = await machine.allSaved();
        const mend = await inflict(machine, forwarder);
        await machine.writeThrough(100);
        await forwarder.says(unsaved);
        assert.match(forwarder.stderr, error);
        await forwarder.isNotReady(/the checkpoint cannot be saved: E/);
        assert.equal(await machine.savedCount(), before, 'the checkpoint from before is intact');
        await mend();
        await forwarder.says(savedAgain);
        await forwarder.isReady();
        assert.equal(forwarder.stderr.match(/cannot save/g)?.length, 1, 'told once, not with each attempt');
        await restartsWhereItWas(machine, forwarder);
      }));
  }

  it('is removed with all that it holds: it is made anew', () =>
    Machine.with(async (machine) => {
      const forwarder = machine.forward();
      await machine.writeThrough(100);
      await machine.allSaved();
      await machine.shell('rm -r $STATE');
      await machine.writeThrough(100);
      await forwarder.says(/WARN .*The state folder .* was removed, and is made anew/);
      await restartsWhereItWas(machine, forwarder);
    }));

  it('cannot be written when the forwarder stops: it says that the next run repeats entries, and fails', () =>
    Machine.with(async (machine) => {
      await machine.shell(smallDisk);
      const forwarder = machine.forward({ more: ['--shutdown-timeout', '500ms'] });
      await machine.writeThrough(100);
      await machine.allSaved();
      await machine.shell(fill);
      await machine.writeThrough(100);
      await forwarder.says(unsaved);
      const exit = await forwarder.stop();
      assert.equal(exit.code, 1);
      assert.match(exit.stderr, /ERROR .*stopped without saving the checkpoint, so the next run repeats what was delivered since: ENOSPC/);
      await machine.shell('rm $STATE/ballast');
      await machine.write(100);
      machine.forward();
      await machine.allArrived();
      assert.ok(machine.receiver.tally.duplicates >= 100, 'what was not saved came twice');
    }));

});

describe('a state folder that fails before a forwarder starts', { timeout: 60_000, concurrency: true }, () => {
  for (const { title, error, inflict, mend } of [
    { title: 'is read-only', error: /EROFS/, inflict: 'mount -o remount,bind,ro $STATE', mend: 'mount -o remount,bind,rw $STATE' },
    { title: 'has no room for another name', error: /ENOSPC/, inflict: 'mount -o remount,nr_inodes=1 $STATE', mend: 'mount -o remount,nr_inodes=100 $STATE' },
  ]) {
    it(`${title}: nothing is delivered without the lock, which is told and waited for`, () =>
      Machine.with(async (machine) => {
        await machine.shell(`${smallDisk} && ${inflict}`);
        await machine.write(100);
        const manager = await ManagerSocket.create();
        try {
          const forwarder = machine.forward({ env: { NOTIFY_SOCKET: manager.path } });
          await forwarder.says(/WARN .*Cannot write the state folder .* Nothing is delivered before that; trying again/);
          assert.match(forwarder.stderr, error);
          await forwarder.isNotReady(/Cannot write the state folder/);
          // Or systemd would end it after its time to start.
          await manager.message('READY=1');
          assert.ok(manager.messages.some((message) => message.some((line) => /^STATUS=.*WAITING \(Cannot write the state folder/.test(line))));
          assert.equal(machine.receiver.connections, 0);
          await machine.shell(mend);
          await forwarder.says(/INFO .*the state folder can be written/);
          await machine.allArrived();
          await forwarder.isReady();
          await restartsWhereItWas(machine, forwarder);
          assert.equal(forwarder.stderr.match(/WARN .*Cannot write/g)?.length, 1, 'told once a minute, not with each attempt');
        } finally {
          await manager.close();
        }
      }));
  }

  it('is full, but for the lock: delivery begins, and the checkpoint is saved when it can be', () =>
    Machine.with(async (machine) => {
      await machine.shell(`${smallDisk}; ${fill}`);
      const forwarder = machine.forward();
      await machine.writeThrough(100);
      await forwarder.says(unsaved);
      await forwarder.isNotReady(/the checkpoint cannot be saved: ENOSPC/);
      await machine.shell('rm $STATE/ballast');
      await forwarder.says(savedAgain);
      await forwarder.isReady();
      await restartsWhereItWas(machine, forwarder);
    }));

  it('is read-only: a stop ends the waiting at once, in good order', () =>
    Machine.with(async (machine) => {
      await machine.shell(`${smallDisk} && mount -o remount,bind,ro $STATE`);
      const forwarder = machine.forward();
      await forwarder.says(/trying again/);
      assert.equal((await forwarder.stop()).code, 0);
    }));

  it('is no folder: the forwarder refuses to run, and says what to do', () =>
    Machine.with(async (machine) => {
      await machine.shell('rmdir $STATE && touch $STATE');
      const exit = await machine.forward().exit;
      assert.equal(exit.code, 1);
      assert.match(exit.stderr, /ERROR Cannot write the state folder .* Give this user the right to write it, or name another with --state-dir\./);
    }));
});

/** Kills a forwarder whose checkpoint is up to date, and starts another. */
async function restartsWhereItWas(machine: Machine, forwarder: RunningForwarder): Promise<void> {
  await machine.allSaved();
  await forwarder.stop('SIGKILL');
  await machine.write(100);
  const { duplicates } = machine.receiver.tally;
  machine.forward();
  await machine.allArrived();
  assert.equal(machine.receiver.tally.duplicates, duplicates, 'everything before was saved');
}

function shells(inflict: string, mend: string): Inflict {
  return async (machine) => {
    await machine.shell(inflict);
    return () => machine.shell(mend);
  };
}

/** Makes a system call fail, each time, as long as strace is attached; of all files, or of the one whose name ends so. */
function fails(call: string, error: string, ending?: string): Inflict {
  return async (machine, { child }) => {
    const path = ending === undefined ? [] : ['-P', `${machine.state}/${machine.name}${ending}`];
    const strace = machine.sandbox.spawn('strace', ['-f', '-o', '/dev/null', '-p', String(child.pid), '-e', `trace=${call}`, ...path, '-e', `inject=${call}:error=${error}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    await attached(strace);
    return async () => {
      strace.kill('SIGINT');
      await once(strace, 'exit');
    };
  };
}

async function attached(strace: ChildProcess): Promise<void> {
  let words = '';
  for await (const text of strace.stderr!) {
    words += String(text);
    if (words.includes('attached')) return;
  }
  throw new Error(`strace did not attach (install the Debian package strace): ${words}`);
}
