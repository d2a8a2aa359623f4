import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { textOf, type Entry } from '../../../src/core/entry.js';
import type { Position } from '../../../src/core/position.js';
import { JournalSource, type JournalSelection, type JournalSourceOptions } from '../../../src/sources/journalctl/index.js';
import type { JournalSandbox } from '../../support/journal-sandbox.js';
import type { Release, Systemd } from '../../support/other-systemd.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { archived } from '../../support/archived.js';
import { Follower } from './follower.js';

/** What a source promises of a journal that is being written, whatever release of systemd writes it. */
export function liveSuite(release: Release): void {
  describe(`the live journal, ${release.name}`, () => {
    let systemd: Systemd;
    let sandbox: JournalSandbox;
    let logger: RecordedLogger;
    let followers: Follower[];

    before(async () => {
      systemd = await release.load();
    });
    beforeEach(async () => {
      sandbox = await systemd.startSandbox();
      logger = new RecordedLogger();
      followers = [];
    });
    afterEach(async () => {
      for (const follower of followers) await follower.stop();
      await sandbox.stop();
    });

    function follow(options: Partial<Omit<JournalSourceOptions, 'selection'>> & { readonly selection?: JournalSelection; readonly after?: Position } = {}): Follower {
      const { selection, after, ...rest } = options;
      const source = new JournalSource({
        start: 'now',
        follow: true,
        logger,
        program: { path: systemd.journalctl, environment: process.env },
        ...rest,
        selection: { directory: sandbox.directory, machineId: sandbox.machineId, ...selection },
      });
      const follower = new Follower(source, after, (rest.logger as RecordedLogger | undefined) ?? logger);
      followers.push(follower);
      return follower;
    }

    it('gives what is logged from now on, after the backlog', async () => {
      await log('a', 'b');
      const follower = follow({ start: 'head' });
      await follower.until('b');
      await log('c');
      await follower.until('c');
      assert.deepEqual(follower.messages, ['a', 'b', 'c']);
    });

    it('misses nothing that is logged between the start and the first reading', async () => {
      await log('old');
      await sandbox.sync();
      const follower = follow({ start: 'now' });
      await follower.isFollowing();
      await log('new');
      await follower.until('new');
      assert.deepEqual(follower.messages, ['new']);
    });

    it('waits for the first entry of an empty journal', async () => {
      const follower = follow({ start: 'boot', selection: { matches: [['T=wanted']] } });
      await follower.isFollowing();
      await sandbox.send([{ MESSAGE: 'other' }, { MESSAGE: 'first', T: 'wanted' }]);
      await follower.until('first');
      assert.deepEqual(follower.messages, ['first']);
    });

    it('goes on over rotation, restart and sudden death of journald, once each', async () => {
      const follower = follow();
      await follower.isFollowing();
      await log('1');
      await sandbox.rotate();
      await log('2');
      await sandbox.restart();
      await log('3');
      await sandbox.sync(); // what lies unread in journald's socket dies with it
      await sandbox.crash();
      await log('4');
      await follower.until('4');
      assert.deepEqual(follower.messages, ['1', '2', '3', '4']);
    });

    it('gives the tail of the boot before, and then this one, after a reboot', async () => {
      await log('1', '2');
      const first = follow({ start: 'head' });
      await first.until('1');
      const after = first.positionOf('1');
      await first.stop();
      await log('3');
      await sandbox.reboot();
      await log('4');
      const second = follow({ after, selection: { machineId: sandbox.machineId } });
      await second.until('4');
      await log('5');
      await second.until('5');
      assert.deepEqual(second.messages, ['2', '3', '4', '5']);
    });

    it('starts journalctl again after it was killed, and says so once', async () => {
      const follower = follow();
      await follower.isFollowing();
      await log('1');
      await follower.until('1');
      await killJournalctl(sandbox.directory, 'KILL');
      await log('2');
      await follower.until('2');
      assert.deepEqual(follower.messages, ['1', '2']);
      assert.deepEqual(logger.lines.filter((line) => line.startsWith('warn')), ['warn: Starting journalctl again from the last entry: it was ended by SIGKILL']);
    });

    it('notices that journalctl hangs while the journal has newer entries, and reads them', async () => {
      const follower = follow({ timing: { silentMs: 300, graceMs: 300 } });
      await follower.isFollowing();
      await log('1');
      await follower.until('1');
      await killJournalctl(sandbox.directory, 'STOP');
      await log('2');
      await follower.until('2');
      assert.deepEqual(follower.messages, ['1', '2']);
      assert.match(logger.lines.join('\n'), /it is silent although the journal has newer entries/);
    });

    it('moves on while a filter matches nothing', async () => {
      await log('before');
      const follower = follow({ start: 'head', selection: { matches: [['T=wanted']] }, timing: { silentMs: 200, graceMs: 200 } });
      await follower.isFollowing();
      await log('unwanted');
      await sandbox.sync();
      const { stdout } = await sandbox.run('journalctl', ['-n1', '-o', 'json', '-q']);
      await follower.through((JSON.parse(stdout.toString()) as { __CURSOR: string }).__CURSOR);
      assert.deepEqual(follower.messages, []);
    });

    it('says at once how far it has come where it begins with nothing, so that a later start need not be a first one', async () => {
      await log('before');
      await sandbox.sync();
      const { stdout } = await sandbox.run('journalctl', ['-n1', '-o', 'json', '-q']);
      const newest = (JSON.parse(stdout.toString()) as { __CURSOR: string }).__CURSOR;
      for (const options of [{ start: 'now' }, { start: 'boot', selection: { matches: [['T=wanted']] } }] as const) {
        const follower = follow(options);
        await follower.through(newest);
        assert.deepEqual(follower.messages, []);
      }
    });

    it('gives an entry of megabytes that are not text while it follows', async () => {
      const follower = follow();
      await follower.isFollowing();
      const large = Buffer.alloc(3 * 1024 * 1024, 0x80);
      await sandbox.send([{ MESSAGE: 'before' }, { MESSAGE: large }, { MESSAGE: 'after' }]);
      await follower.until('after');
      assert.equal(follower.entries.length, 3);
      assert.deepEqual(Buffer.from(follower.entries[1]!.bytes('MESSAGE')!).equals(large), true);
      assert.doesNotMatch(logger.lines.join('\n'), /again/);
    });

    it('stops a journalctl that nobody pulls for, and goes on from the last entry when somebody does', async () => {
      const source = new JournalSource({
        start: 'head',
        follow: true,
        logger,
        program: { path: systemd.journalctl, environment: process.env },
        selection: { directory: sandbox.directory, machineId: sandbox.machineId },
        timing: { stalledMs: 200 },
      });
      await log('1');
      const abort = new AbortController();
      const chunks = source.read(undefined, abort.signal);
      await chunks.next();
      await logger.line(/nobody pulled/);
      await log('2');
      const seen: (string | undefined)[] = [];
      while (!seen.includes('2')) seen.push(...(await chunks.next()).value!.entries.map((entry: Entry) => textOf(entry, 'MESSAGE')));
      assert.deepEqual(seen, ['2']);
      abort.abort();
      await chunks.return();
    });

    it('steps over one damaged entry, and says which', async () => {
      await log(...Array.from({ length: 20 }, (_, i) => `m${i} ${'p'.repeat(60)}`));
      await sandbox.sync();
      await sandbox.rotate();
      await log('last');
      await sandbox.sync();
      await damage(systemd, sandbox.directory, 'MESSAGE=m10 ');
      const follower = follow({ start: 'head', timing: { longestPauseMs: 10 } });
      await follower.until('last');
      assert.deepEqual(follower.messages.map((message) => message?.split(' ')[0]), [...Array.from({ length: 20 }, (_, i) => `m${i}`).filter((message) => message !== 'm10'), 'last']);
      assert.match(logger.lines.join('\n'), /error: Stepping over the entry with sequence number \d+/);
    });

    it('reads on with a journalctl that refuses --follow with --merge', async () => {
      const { folder, path } = await program(`#!/bin/sh\ncase "$*" in *--follow*--merge*) echo 'Using --boot or --list-boots with --merge is not supported.' >&2; exit 1;; esac\nexec ${systemd.journalctl} "$@"\n`);
      await log('1');
      const follower = follow({ start: 'head', program: { path, environment: process.env } });
      await follower.until('1');
      await logger.line(/refuses --follow with --merge/);
      await log('2');
      await follower.until('2');
      assert.deepEqual(follower.messages, ['1', '2']);
      await follower.stop();
      await rm(folder, { recursive: true });
    });

    it('reads in bulk what following skips, as it may at a rotation with several writers, in its place', async () => {
      const { folder, path } = await program(`#!/usr/bin/perl
        $| = 1;
        exec '${systemd.journalctl}', @ARGV unless grep { $_ eq '--follow' } @ARGV;
        my $pid = open my $out, '-|', '${systemd.journalctl}', @ARGV;
        $SIG{TERM} = sub { kill TERM => $pid; exit };
        $/ = "\n\n";
        while (<$out>) { print unless /^MESSAGE=skipped$/m }
      `);
      const follower = follow({ program: { path, environment: process.env } });
      await follower.isFollowing();
      await log('1');
      await follower.until('1');
      await log('2', 'skipped', '3');
      await follower.until('3');
      await log('4');
      await follower.until('4');
      assert.deepEqual(follower.messages, ['1', '2', 'skipped', '3', '4']);
      assert.match(logger.lines.join('\n'), /warn: Starting journalctl again from the last entry: the sequence numbers jump/);
      await follower.stop();
      await rm(folder, { recursive: true });
    });

    it('goes on into the next boot while it follows, since journalctl takes --follow with --merge', async () => {
      const follower = follow();
      await follower.isFollowing();
      await log('1');
      await follower.until('1');
      await sandbox.reboot();
      await log('2');
      await follower.until('2');
      assert.deepEqual(follower.messages, ['1', '2']);
      assert.deepEqual(logger.lines.filter((line) => !line.startsWith('debug')), []);
    });

    it('waits for a journal where there is none yet', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'journal-'));
      const follower = follow({ start: 'boot', selection: { directory: folder, machineId: undefined } });
      await follower.isFollowing();
      await systemd.makeJournal(join(folder, 'system.journal'), [{ fields: { MESSAGE: 'first', _TRANSPORT: 'journal' } }]);
      await follower.until('first');
      await follower.stop();
      await rm(folder, { recursive: true });
    });

    it('gives every entry of two writers over many rotations, which following alone skips', async () => {
      const follower = follow();
      await follower.isFollowing();
      const total = 3000;
      // From user id 1000 on, journald keeps a file for each user.
      const write = async (uid: number | undefined, from: number, between: () => Promise<void>): Promise<void> => {
        for (let n = from; n < from + total / 2; n += 50) {
          await sandbox.send(Array.from({ length: 50 }, (_, i) => ({ MESSAGE: `n${n + i}` })), uid);
          await between();
        }
      };
      await Promise.all([write(undefined, 0, () => sandbox.rotate()), write(1000, total / 2, async () => undefined)]);
      await log('end');
      await follower.until('end');
      const numbers = new Set(follower.messages.filter((message) => message?.startsWith('n')));
      assert.equal(numbers.size, total);
      assert.equal(follower.messages.filter((message) => message?.startsWith('n')).length, total, 'nothing twice');
    });

    async function log(...messages: readonly string[]): Promise<void> {
      await sandbox.send(messages.map((MESSAGE) => ({ MESSAGE })));
    }
  });
}

/** Signals the journalctl that follows this folder: it is a child of this process. */
async function killJournalctl(directory: string, signal: string): Promise<void> {
  const { stdout } = await promisify(execFile)('ps', ['--ppid', String(process.pid), '-o', 'pid=,args=']);
  const pids = stdout.split('\n').filter((line) => line.includes('--follow') && line.includes(directory)).map((line) => Number.parseInt(line, 10));
  assert.equal(pids.length, 1, stdout);
  process.kill(pids[0]!, `SIG${signal}`);
}

/** An executable file with this content, in a folder of its own. */
async function program(text: string): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'journalctl-'));
  const path = join(folder, 'journalctl');
  await writeFile(path, text);
  await chmod(path, 0o755);
  return { folder, path };
}

async function damage(systemd: Systemd, directory: string, needle: string): Promise<void> {
  for (const path of (await readdir(directory, { recursive: true })).filter((name) => name.includes('@'))) {
    const file = join(directory, path);
    const bytes = await archived(file, systemd);
    const at = bytes.indexOf(needle);
    if (at < 0) continue;
    bytes[at] = 0;
    await unlink(file);
    await writeFile(file, bytes);
    return;
  }
  throw new Error(`No archived journal file holds ${needle}`);
}
