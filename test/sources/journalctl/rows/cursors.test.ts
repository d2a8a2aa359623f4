import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Cursor } from '../../../../src/core/entry.js';
import type { Position } from '../../../../src/core/position.js';
import { bulkArguments } from '../../../../src/sources/journalctl/arguments.js';
import { makeJournal } from '../../../support/make-journal.js';
import { positionOf, range, ReaderFixture } from './reader-fixture.js';

const DAY_US = 86_400_000_000;

describe('cursors', () => {
  let fixture: ReaderFixture;
  beforeEach(async () => {
    fixture = await ReaderFixture.start();
  });
  afterEach(() => fixture.stop());

  it('one with a line feed at its end is as good as without', async () => {
    await fixture.log(...range(0, 5));
    const { cursor, timestamp } = await fixture.positionOf('m2');
    assert.deepEqual(await fixture.messages({}, { cursor: `${cursor}\n` as Cursor, timestamp }), ['m3', 'm4']);
    assert.deepEqual(fixture.events.gaps, []);
  });

  it('of another machine: reading goes on at its entry\'s time, and says that entries may be missing', async () => {
    const folder = await fixture.folder();
    await fixture.log('before');
    const { timestamp: beforeUs } = await fixture.positionOf('before');
    await makeJournal(join(folder, 'system.journal'), [{ time: beforeUs + 1, fields: { MESSAGE: 'theirs' } }]);
    const [theirs] = await fixture.read({ selection: { directory: folder, machineId: undefined } });
    const follower = fixture.follow({}, positionOf(theirs!));
    await follower.isFollowing();
    await fixture.log('after');
    await follower.until('after');
    assert.deepEqual(follower.messages, ['after']);
    assert.deepEqual(fixture.events.gaps.map(({ kind, count }) => [kind, count]), [['vacuum', undefined]]);
  });

  it('of the machine that this one is a clone of: its time counts, not its number, which leads elsewhere', async () => {
    await fixture.log('common');
    await fixture.sandbox.halt();
    const clone = await ReaderFixture.start();
    try {
      await clone.sandbox.halt();
      await rm(clone.files, { recursive: true });
      await cp(fixture.files, clone.files, { recursive: true });
      await fixture.sandbox.restart();
      await fixture.log('here');
      const { cursor, timestamp } = await fixture.positionOf('here');
      await clone.sandbox.restart();
      await clone.log('there 1', 'there 2');
      await clone.log(...range(0, 10));
      await clone.sandbox.sync();
      // All of the clone's own entries are younger, and some have numbers below that of the cursor.
      const messages = await clone.messages({ selection: { machineId: undefined } }, { cursor, timestamp });
      assert.deepEqual(messages.slice(-12), ['there 1', 'there 2', ...range(0, 10)]);
    } finally {
      await clone.stop();
    }
  });

  describe('from the future', () => {
    let future: Position;
    /** Entries of a boot whose clock was a day ahead. */
    beforeEach(async () => {
      await fixture.log('now 1');
      await fixture.sandbox.sync();
      const tomorrow = Date.now() * 1000 + DAY_US;
      const machineId = fixture.sandbox.machineId;
      await makeJournal(join(fixture.files, 'system@tomorrow.journal'), [{ time: tomorrow, monotonic: 1, bootId: 'fb'.repeat(16), machineId, fields: { MESSAGE: 'tomorrow', _TRANSPORT: 'journal' } }]);
      future = await fixture.positionOf('tomorrow');
    });

    it('the running boot is read, and goes on live', async () => {
      const follower = fixture.follow({}, future);
      await follower.until('now 1');
      await follower.isFollowing();
      await fixture.log('now 2');
      await follower.until('now 2');
      assert.deepEqual(follower.messages, ['now 1', 'now 2']);
      assert.match(fixture.logger.lines.join('\n'), /warn: .*from the future/);
    });

    it('an entry of the running boot is gone on after, though older entries lie in the future', async () => {
      const after = await fixture.positionOf('now 1');
      const follower = fixture.follow({}, after);
      await follower.isFollowing();
      await fixture.log('now 2');
      await follower.until('now 2');
      assert.deepEqual(follower.messages, ['now 2']);
    });

    it('a first run from the head reads them, and then follows the running boot', async () => {
      const follower = fixture.follow();
      await follower.until('tomorrow');
      await follower.isFollowing();
      await fixture.log('now 2');
      await follower.until('now 2');
      assert.deepEqual(follower.messages, ['now 1', 'tomorrow', 'now 2']);
    });

    it('the saved time alone is enough, where the cursor was lost', async () => {
      const follower = fixture.follow({}, { cursor: '' as Cursor, timestamp: future.timestamp });
      await follower.until('now 1');
      assert.deepEqual(follower.messages, ['now 1']);
    });
  });

  it('are never given to journalctl together with --after-cursor or --since, which it refuses', async () => {
    const cursor = 's=0' as Cursor;
    for (const from of [undefined, { cursor }, { afterCursor: cursor }, { since: '@0' }]) {
      const options = bulkArguments({ directory: '/' }, from).filter((argument) => /^--(cursor|after-cursor|since)=/.test(argument));
      assert.equal(options.length, from === undefined ? 0 : 1);
    }
    await assert.rejects(promisify(execFile)('journalctl', ['--cursor=a', '--after-cursor=a']), { code: 1 });
  });

  it('the kernel\'s entries alone are read over boots, as -k would not', async () => {
    const directory = await fixture.folder();
    const entry = (bootId: string, time: number, transport: string): { time: number; monotonic: number; bootId: string; fields: Record<string, string> } => ({
      time: 1_700_000_000_000_000 + time, monotonic: time, bootId: bootId.repeat(32), fields: { MESSAGE: `m${time}`, _TRANSPORT: transport },
    });
    await makeJournal(join(directory, 'system.journal'), [entry('1', 0, 'kernel'), entry('1', 1, 'syslog'), entry('2', 2, 'kernel')]);
    assert.deepEqual(await fixture.messages({ selection: { directory, machineId: undefined, kernel: true } }), ['m0', 'm2']);
  });

  it('a filter that matches nothing in a whole backlog still moves the checkpoint, to the newest entry of all', async () => {
    await fixture.log(...range(0, 50));
    const newest = await fixture.positionOf('m49');
    for (const after of [undefined, await fixture.positionOf('m10')]) {
      const throughs: (string | undefined)[] = [];
      for await (const { entries, through } of fixture.source({ follow: false, selection: { matches: [['T=never']] } }).read(after, new AbortController().signal)) {
        assert.deepEqual(entries, []);
        throughs.push(through?.cursor);
      }
      assert.deepEqual(throughs, [newest.cursor]);
    }
  });

  it('a quiet filter is not taken for a reader that hangs', async () => {
    await fixture.sandbox.send({ MESSAGE: 'wanted', T: 'wanted' });
    const follower = fixture.follow({ selection: { matches: [['T=wanted']] }, timing: { silentMs: 100 } });
    await follower.until('wanted');
    await follower.isFollowing();
    await fixture.log('other');
    await fixture.sandbox.sync();
    await follower.through((await fixture.positionOf('other')).cursor);
    await fixture.log('another');
    await fixture.sandbox.sync();
    await follower.through((await fixture.positionOf('another')).cursor);
    assert.deepEqual(fixture.events.restarts, []);
  });

  it('of an entry that was vacuumed: how many are missing is told, as far as the numbers tell', async () => {
    await fixture.log(...range(0, 10));
    await fixture.sandbox.rotate();
    await fixture.log(...range(10, 12));
    await fixture.sandbox.sync();
    const after = await fixture.positionOf('m3');
    for (const name of (await readdir(fixture.files)).filter((name) => name.includes('@'))) await rm(join(fixture.files, name));
    assert.deepEqual(await fixture.messages({ reportGapsAs: 'here' }, after), [
      fixture.events.gaps[0]!.explanation,
      'm10',
      'm11',
    ]);
    // journald says of itself that it has rotated, in the new file.
    assert.deepEqual(fixture.events.gaps.map(({ kind, count, afterUs }) => [kind, count, afterUs]), [['vacuum', 6, after.timestamp]]);
  });
});
