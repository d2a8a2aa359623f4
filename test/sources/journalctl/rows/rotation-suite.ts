import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { textOf } from '../../../../src/core/entry.js';
import { GAP_MESSAGE_ID } from '../../../../src/sources/journalctl/index.js';
import type { Release } from '../../../support/other-systemd.js';
import { range, ReaderFixture, seqnumOf } from './reader-fixture.js';

/** So that no two MESSAGEs share a data object with anything, and none is compressed. */
const padded = (messages: readonly string[]): string[] => messages.map((message) => `${message} ${'p'.repeat(60)}`);
const firstWord = (text: string | undefined): string | undefined => text?.split(' ')[0];

/** What a source promises of a journal that is rotated, vacuumed or damaged, whatever release of systemd writes it. */
export function rotationSuite(release: Release): void {
  describe(`rotation, vacuum, corruption, ${release.name}`, () => {
    let fixture: ReaderFixture;
    beforeEach(async () => {
      fixture = await ReaderFixture.start(undefined, release);
    });
    afterEach(() => fixture.stop());

    describe('a poison entry', () => {
      const poison = (bytes: Buffer, at: number): void => {
        bytes[at] = 0;
      };

      /** m0 to m19 by two users, in files of their own; these are then archived, and the last entry follows. */
      beforeEach(async () => {
        for (const [index, message] of padded(range(0, 20)).entries()) {
          await fixture.sandbox.send({ MESSAGE: message, T: index % 3 === 0 ? 'third' : 'other' }, index % 2 === 0 ? undefined : 1234);
          await fixture.sandbox.sync();
        }
        await fixture.sandbox.rotate();
        await fixture.log('last');
        await fixture.sandbox.sync();
      });

      for (const [file, needle] of [
        ['the system\'s', 'm10'],
        ['a user\'s', 'm11'],
      ] as const) {
        it(`in ${file} file is stepped over, it alone, and handed on with its number and what could be read`, async () => {
          await fixture.damage(`MESSAGE=${needle} `, poison);
          const entries = await fixture.read();
          assert.deepEqual(entries.map((entry) => firstWord(textOf(entry, 'MESSAGE'))), [...range(0, 20).filter((message) => message !== needle), 'last']);
          const before = entries.find((entry) => textOf(entry, 'MESSAGE')?.startsWith(`m${Number(needle.slice(1)) - 1} `));
          assert.deepEqual(fixture.poisons.map(({ seqnum }) => seqnum), [seqnumOf(before!) + 1]);
          assert.match(Buffer.from(fixture.poisons[0]!.content).toString(), /^__CURSOR=s=.*\n(.*\n)*_HOSTNAME=/);
          assert.deepEqual(fixture.events.gaps.map(({ kind, count }) => [kind, count]), [['poison', 1]]);
        });
      }

      it('behind a filter is stepped over, it alone', async () => {
        await fixture.damage('MESSAGE=m9 ', poison);
        assert.deepEqual((await fixture.messages({ selection: { matches: [['T=third']] } })).map(firstWord), ['m0', 'm3', 'm6', 'm12', 'm15', 'm18']);
        assert.equal(fixture.poisons.length, 1);
      });

      it('next to another one: both are stepped over, and counted', async () => {
        await fixture.damage('MESSAGE=m10 ', poison);
        await fixture.damage('MESSAGE=m11 ', poison);
        assert.deepEqual((await fixture.messages()).map(firstWord), [...range(0, 20).filter((message) => message !== 'm10' && message !== 'm11'), 'last']);
        assert.equal(fixture.poisons.length, 2);
      });

      it('holds up what comes after it until it has been recorded', async () => {
        await fixture.damage('MESSAGE=m10 ', poison);
        let record = (): void => undefined;
        const recorded = new Promise<void>((resolve) => {
          record = () => {
            resolve();
          };
        });
        let isAsked = false;
        const onPoison = async (): Promise<void> => {
          isAsked = true;
          await recorded;
        };
        const seen: (string | undefined)[] = [];
        const chunks = fixture.source({ follow: false, onPoison }).read(undefined, new AbortController().signal);
        let next = chunks.next();
        while (!isAsked) {
          const chunk = await Promise.race([next, turn()]);
          if (chunk === undefined) continue;
          seen.push(...chunk.value!.entries.map((entry) => firstWord(textOf(entry, 'MESSAGE'))));
          next = chunks.next();
        }
        assert.equal(seen.at(-1), 'm9');
        record();
        const first = (await next).value!;
        assert.deepEqual([first.entries.length, first.through?.cursor], [0, (await poisonedCursor(fixture))]);
        await chunks.return();
      });

      it('that was the last one before a stop is not recorded again', async () => {
        await fixture.damage('MESSAGE=m10 ', poison);
        await fixture.read();
        const { cursor, timestamp } = fixture.poisons[0]!;
        assert.deepEqual((await fixture.messages({}, { cursor, timestamp })).map(firstWord), [...range(11, 20), 'last']);
        assert.equal(fixture.poisons.length, 1);
      });
    });

    describe('a damaged file', () => {
      beforeEach(async () => {
        await fixture.log(...padded(range(0, 5)));
        await fixture.sandbox.rotate();
        await fixture.log(...padded(range(5, 10)));
        await fixture.sandbox.rotate();
        await fixture.log(...padded(range(10, 12)));
        await fixture.sandbox.sync();
      });

      for (const { title, change, reason } of [
        { title: 'truncated', change: (bytes: Buffer) => bytes.subarray(0, 8192), reason: /is truncated/ },
        { title: 'of which the header is zeroed', change: (bytes: Buffer) => bytes.fill(0, 0, 200), reason: /is corrupted/ },
        { title: 'that needs a feature this journalctl has not', change: (bytes: Buffer) => void (bytes[12] = 0xff), reason: /uses an unsupported feature/ },
      ]) {
        it(`${title}, is told of once, and by an entry before what comes after it`, async () => {
          const path = await fixture.damage('MESSAGE=m7 ', change);
          const entries = await fixture.read({ reportGapsAs: 'here' });
          const gaps = fixture.events.gaps;
          assert.deepEqual(gaps.map(({ kind }) => kind), ['file', 'sequence']);
          assert.ok(gaps[0]!.explanation.includes(path));
          assert.match(gaps[0]!.explanation, reason);
          // The two entries that journald wrote about itself are in the file, too.
          // At the head of a journal it comes behind the first entry, which is what journald says of itself.
          assert.deepEqual(
            entries.map((entry) => textOf(entry, 'JOURNALD_FORWARDER_GAP_KIND') ?? firstWord(textOf(entry, 'MESSAGE'))),
            ['file', ...range(0, 5), 'sequence', 'm10', 'm11'],
          );
          await fixture.read();
          assert.equal(fixture.logger.lines.filter((line) => line.startsWith('warn') && line.includes(path)).length, 2, 'once by each of two sources');
        });
      }

      it('is told of where nothing comes after it, too', async () => {
        await fixture.damage('MESSAGE=m7 ', (bytes) => bytes.subarray(0, 8192));
        const entries = await fixture.read({ reportGapsAs: 'here', selection: { matches: [['NO=thing']] } });
        assert.deepEqual(entries.map((entry) => textOf(entry, 'JOURNALD_FORWARDER_GAP_KIND')), ['file']);
      });

      it('with a zeroed hole, in which entries vanish without a word, shows by the sequence numbers', async () => {
        await fixture.damage('MESSAGE=m7 ', (bytes, at) => void bytes.fill(0, at - 2000, at + 200));
        await fixture.read();
        assert.ok(fixture.events.gaps.length > 0, fixture.logger.lines.join('\n'));
      });
    });

    it('the machine\'s folder removed and made anew, where the follower hangs in silence, is noticed, and read', async () => {
      await fixture.log(...range(0, 5));
      const follower = fixture.follow();
      await follower.until('m4');
      await follower.isFollowing();
      await rm(fixture.files, { recursive: true });
      await fixture.sandbox.rotate();
      await fixture.log(...range(5, 10));
      await follower.until('m9');
      assert.deepEqual(follower.messages.slice(-5), range(5, 10));
    });

    it('a journalctl that crashes at each rotation, as that of systemd 256 may, is started again after the last entry', async () => {
      const program = await fixture.program(
        `case "$*" in *--follow*) exec perl -e '$| = 1; $/ = "\\n\\n"; open P, "-|", $ENV{JOURNALCTL}, @ARGV; while (<P>) { print; if (/crash/) { print STDERR "Failed to iterate through journal: Bad message\\n"; exit 1 } }' -- "$@";; esac`,
        'exec "$JOURNALCTL" "$@"',
      );
      await fixture.log('begin');
      const follower = fixture.follow({ program });
      await follower.until('begin');
      await follower.isFollowing();
      for (const message of ['1', '2', '3']) {
        await fixture.log(`crash ${message}`);
        await fixture.sandbox.rotate();
        await fixture.log(message);
        await follower.until(message);
      }
      assert.deepEqual(follower.messages, ['begin', 'crash 1', '1', 'crash 2', '2', 'crash 3', '3']);
      assert.ok(fixture.events.restarts.includes('exited'));
      assert.deepEqual(fixture.events.gaps, []);
    });

    it('entries that are gone from between are counted, and told where they were', async () => {
      await fixture.log(...range(0, 5));
      await fixture.sandbox.rotate();
      await fixture.log(...range(5, 10));
      await fixture.sandbox.rotate();
      await fixture.log(...range(10, 12));
      await fixture.sandbox.sync();
      const [, middle] = (await readdir(fixture.files)).filter((name) => name.includes('@')).sort();
      const all = await fixture.read();
      await rm(join(fixture.files, middle!));
      const entries = await fixture.read({ reportGapsAs: 'here' });
      const gap = entries.findIndex((entry) => textOf(entry, 'MESSAGE_ID') === GAP_MESSAGE_ID);
      assert.deepEqual(entries.map((entry) => textOf(entry, 'MESSAGE')), [...range(0, 5), fixture.events.gaps[0]!.explanation, 'm10', 'm11']);
      assert.equal(entries[gap]!.cursor, entries[gap - 1]!.cursor, 'whoever stops there reads on after the entry before it');
      assert.equal(entries[gap]!.get('__CURSOR'), undefined);
      assert.equal(textOf(entries[gap]!, 'PRIORITY'), '4');
      assert.equal(textOf(entries[gap]!, '_HOSTNAME'), 'here');
      const m4 = all.find((entry) => textOf(entry, 'MESSAGE') === 'm4')!;
      const m10 = all.find((entry) => textOf(entry, 'MESSAGE') === 'm10')!;
      const missing = fixture.events.gaps.reduce((sum, { count }) => sum + count!, 0);
      assert.ok(missing >= 5 && missing < seqnumOf(m10) - seqnumOf(m4), `${missing}`);
    });

    it('what another user logs, and what journald began anew, is no gap', async () => {
      for (let round = 0; round < 3; round++) {
        for (let n = 0; n < 5; n++) {
          await fixture.log(`s${round}${n}`);
          await fixture.sandbox.send({ MESSAGE: `u${round}${n}` }, 1234);
          await fixture.sandbox.sync();
        }
        if (round === 0) await fixture.sandbox.crash();
        if (round === 1) await fixture.sandbox.reboot();
      }
      await fixture.sandbox.sync();
      assert.equal((await fixture.read()).length, 30);
      assert.deepEqual(fixture.events.gaps, []);
    });
  });
}

async function poisonedCursor(fixture: ReaderFixture): Promise<string> {
  await fixture.read();
  return fixture.poisons[0]!.cursor;
}
