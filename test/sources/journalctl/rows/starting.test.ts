import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { textOf, type Entry } from '../../../../src/core/entry.js';
import { liveArguments } from '../../../../src/sources/journalctl/arguments.js';
import { makeJournal } from '../../../support/make-journal.js';
import { range, ReaderFixture, seqnumOf } from './reader-fixture.js';

describe('where reading starts', () => {
  let fixture: ReaderFixture;
  afterEach(() => fixture.stop());

  it('row 3: the live call prints a whole backlog, and waits for no event to do so', async () => {
    fixture = await ReaderFixture.start();
    await fixture.log(...range(0, 30));
    await fixture.sandbox.sync();
    const { cursor } = await fixture.positionOf('m0');
    const journalctl = spawn('journalctl', liveArguments({ directory: fixture.sandbox.directory }, { cursor }, [], { merge: true }), { stdio: ['ignore', 'pipe', 'inherit'] });
    const messages: string[] = [];
    for await (const line of createInterface(journalctl.stdout)) if (line.startsWith('MESSAGE=') && messages.push(line.slice(8)) === 30) break;
    journalctl.kill();
    await once(journalctl, 'close');
    assert.deepEqual(messages, range(0, 30));
  });

  it('row 4: waits in an empty folder, and picks up a machine\'s folder that appears', async () => {
    fixture = await ReaderFixture.start();
    const directory = await fixture.folder();
    const follower = fixture.follow({ selection: { directory, machineId: undefined } });
    await follower.isFollowing();
    await makeJournal(join(directory, 'ab'.repeat(16), 'system.journal'), [{ fields: { MESSAGE: 'late', _TRANSPORT: 'journal' } }]);
    await follower.until('late');
    assert.deepEqual(follower.messages, ['late']);
  });

  for (const { title, stalledMs } of [
    { title: 'that is stopped in time', stalledMs: 50 },
    { title: 'that is not', stalledMs: 60_000 },
  ]) {
    it(`row 5: a reader that nobody pulls while a vacuum runs, ${title}, accounts for every entry`, async () => {
      fixture = await ReaderFixture.start({ conf: ['SystemMaxUse=12M', 'SystemMaxFileSize=2M'] });
      await fixture.log('first');
      const abort = new AbortController();
      const chunks = fixture.source({ timing: { stalledMs } }).read(undefined, abort.signal);
      const seen: Entry[] = [];
      while (!seen.some((entry) => textOf(entry, 'MESSAGE') === 'first')) seen.push(...(await chunks.next()).value!.entries);
      await fixture.logger.line(/--follow|journalctl/);
      const padding = 'p'.repeat(300);
      for (let n = 0; n < 20_000; n += 1000) await fixture.log(...range(n, n + 1000).map((message) => `${message} ${padding}`));
      await fixture.log('end');
      await fixture.sandbox.sync();
      while (textOf(seen.at(-1)!, 'MESSAGE') !== 'end') seen.push(...(await chunks.next()).value!.entries);
      abort.abort();
      await chunks.return();

      const numbers = seen.map(seqnumOf);
      const missing = numbers.at(-1)! - numbers[0]! + 1 - new Set(numbers).size;
      assert.ok(missing > 0, 'nothing was vacuumed: the test shows nothing');
      assert.equal(numbers.length, new Set(numbers).size, 'nothing twice');
      assert.equal(fixture.events.gaps.reduce((sum, { count }) => sum + (count ?? 0), 0), missing);
    });
  }

  it('row 6: behind a filter, where numbers tell nothing, every entry of two writers over many rotations arrives once', async () => {
    fixture = await ReaderFixture.start();
    await fixture.log('begin');
    const follower = fixture.follow({ selection: { matches: [['T=wanted']] } });
    await follower.isFollowing();
    const total = 6000;
    const write = async (uid: number | undefined, from: number): Promise<void> => {
      for (let n = from; n < from + total / 2; n += 50) {
        await fixture.sandbox.send(range(n, n + 50).map((MESSAGE) => ({ MESSAGE, T: 'wanted' })), uid);
        await fixture.sandbox.send({ MESSAGE: 'other' }, uid);
      }
    };
    let isWriting = true;
    const rotations = (async () => {
      while (isWriting) {
        await fixture.sandbox.rotate();
        const until = follower.entries.length + 200;
        while (isWriting && follower.entries.length < until) await turn();
      }
    })();
    await Promise.all([write(undefined, 0), write(1234, total / 2)]);
    isWriting = false;
    await rotations;
    await fixture.sandbox.send({ MESSAGE: 'end', T: 'wanted' });
    await follower.until('end');
    const numbers = follower.messages.filter((message) => message?.startsWith('m'));
    assert.equal(new Set(numbers).size, total);
    assert.equal(numbers.length, total, 'nothing twice');
    assert.ok(fixture.events.restarts.includes('rotated'));
  });

  it('row 6: an entry that following has skipped is found though nothing comes after it', async () => {
    fixture = await ReaderFixture.start();
    // This journalctl never prints the entry, and is as silent as the real one after such a rotation.
    const program = await fixture.program(`case "$*" in *--follow*) exec perl -e '$| = 1; $/ = "\\n\\n"; open P, "-|", $ENV{JOURNALCTL}, @ARGV; while (<P>) { print unless /skipped/ }' -- "$@";; esac`, 'exec "$JOURNALCTL" "$@"');
    await fixture.log('before');
    const follower = fixture.follow({ program });
    await follower.until('before');
    await follower.isFollowing();
    await fixture.log('skipped');
    await fixture.sandbox.rotate();
    await follower.until('skipped');
    assert.deepEqual(follower.messages, ['before', 'skipped']);
  });

  it('the live call: the last entry is known again after it has moved from /run to /var', async () => {
    fixture = await ReaderFixture.start({ volatile: true, conf: ['Storage=persistent'] });
    // Where /run is no tmpfs, journald does not remove what it has flushed.
    await fixture.sandbox.halt();
    await fixture.sandbox.run('mount', ['-t', 'tmpfs', 'tmpfs', '/run/log']);
    await fixture.sandbox.restart();
    const program = await fixture.program(`exec nsenter -t ${fixture.sandbox.pid} ${process.getuid?.() === 0 ? '' : '-U --preserve-credentials'} -m -- "$JOURNALCTL" "$@"`);
    const selection = { directory: undefined };
    await fixture.log('a', 'b');
    const follower = fixture.follow({ program, selection });
    await follower.until('b');
    const after = follower.positionOf('b');
    await follower.isFollowing();
    await fixture.sandbox.run('journalctl', ['--flush']);
    await fixture.log('c');
    await follower.until('c');
    assert.deepEqual(follower.messages, ['a', 'b', 'c']);
    await follower.stop();
    const moved = (await fixture.read({ program, selection })).find((entry) => textOf(entry, 'MESSAGE') === 'b');
    assert.notEqual(moved!.cursor, after.cursor);
    const second = fixture.follow({ program, selection }, after);
    await second.until('c');
    assert.deepEqual(second.messages, ['c']);
    assert.deepEqual(fixture.events.gaps, []);
  });
});
