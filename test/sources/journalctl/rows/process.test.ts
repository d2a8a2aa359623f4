import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { textOf } from '../../../../src/core/entry.js';
import { ReadingGivenUp } from '../../../../src/core/errors.js';
import { liveArguments } from '../../../../src/sources/journalctl/arguments.js';
import { readComplaints } from '../../../../src/sources/journalctl/complaints.js';
import { makeJournal } from '../../../support/make-journal.js';
import { range, ReaderFixture } from './reader-fixture.js';

describe('the process', () => {
  let fixture: ReaderFixture;
  beforeEach(async () => {
    fixture = await ReaderFixture.start();
  });
  afterEach(() => fixture.stop());

  it('that has too few file descriptors prints a part and exits with 0: nothing of that is taken before all is there', async () => {
    for (let n = 0; n < 30; n++) {
      await fixture.log(`m${n}`);
      await fixture.sandbox.rotate();
    }
    const folder = await fixture.folder();
    const program = await fixture.program(
      `case "$*" in *--lines=1*) ;; *) echo >> ${folder}/calls; [ $(wc -l < ${folder}/calls) -gt 3 ] || ulimit -n 20;; esac`,
      'exec "$JOURNALCTL" "$@"',
    );
    assert.deepEqual(await fixture.messages({ program }), range(0, 30));
    assert.deepEqual(fixture.events.restarts, ['incomplete', 'incomplete', 'incomplete']);
    assert.match(fixture.logger.lines.join('\n'), /warn: .*Too many open files/);
    assert.deepEqual(fixture.events.gaps, []);
  });

  it('that cannot be started for want of memory or file descriptors is started again', async () => {
    await fixture.log('m0');
    const complaint = 'An error was encountered while opening journal file or directory /var/log/journal/x, ignoring file: ';
    assert.equal(readComplaints(`${complaint}Cannot allocate memory`).incomplete, 'Cannot allocate memory');
    // Renamed by a rotation between the listing and the opening.
    assert.equal(readComplaints(`${complaint}No such file or directory`).incomplete, 'No such file or directory');
    const folder = await fixture.folder();
    const program = await fixture.program(`echo >> ${folder}/calls; if [ $(wc -l < ${folder}/calls) = 2 ]; then echo 'Failed to open files: Too many open files' >&2; exit 1; fi`, 'exec "$JOURNALCTL" "$@"');
    assert.deepEqual(await fixture.messages({ program }), ['m0']);
  });

  it('prints more than 100 MB, of which nothing is kept', async () => {
    const program = await fixture.program(
      `case "$*" in *--lines=1*) exit;; esac`,
      `exec perl -e '$m = "x" x 1000000; for (1 .. 110) { printf "__CURSOR=s=%032x;i=%x;b=%032x;m=%x;t=%x;x=%x\\n__REALTIME_TIMESTAMP=%d\\nMESSAGE=%s\\n\\n", 1, $_, 2, $_, $_, $_, $_, $m }'`,
    );
    let bytes = 0;
    for await (const { entries } of fixture.source({ follow: false, program }).read(undefined, new AbortController().signal)) {
      for (const entry of entries) bytes += entry.bytes('MESSAGE')!.length;
    }
    assert.equal(bytes, 110_000_000);
    assert.deepEqual(fixture.events.restarts, []);
  });

  it('gets an environment of its own: no pager, no colours, no locale of the caller\'s', async () => {
    const folder = await fixture.folder();
    const program = await fixture.program(`env > ${folder}/environment`, 'exec "$JOURNALCTL" "$@"');
    await fixture.read({ program: { ...program, environment: { ...process.env, LC_ALL: 'de_DE', SYSTEMD_PAGER: 'more', SECRET: 'x', TZ: 'Asia/Tokyo' } } });
    const environment = (await readFile(join(folder, 'environment'), 'utf8')).split('\n');
    for (const line of ['LC_ALL=C.UTF-8', 'SYSTEMD_COLORS=0', 'SYSTEMD_PAGER=', 'TZ=Asia/Tokyo']) assert.ok(environment.includes(line), line);
    assert.ok(!environment.includes('SECRET=x'));
  });

  it('that is stopped in the middle of a backlog is noticed, and started again from the last entry', async () => {
    await fixture.log(...range(0, 50));
    await fixture.sandbox.sync();
    const folder = await fixture.folder();
    const program = await fixture.program(
      `case "$*" in *--lines=1*) ;; *) echo >> ${folder}/calls; [ $(wc -l < ${folder}/calls) -gt 1 ] || exec perl -e '$| = 1; open P, "-|", $ENV{JOURNALCTL}, @ARGV; while (<P>) { print; kill STOP => $$ if /^MESSAGE=m20$/ }' -- "$@";; esac`,
      'exec "$JOURNALCTL" "$@"',
    );
    assert.deepEqual(await fixture.messages({ program, timing: { silentMs: 300 } }), range(0, 50));
    assert.deepEqual(fixture.events.restarts, ['silent']);
    assert.match(fixture.logger.lines.join('\n'), /warn: Starting journalctl again from the last entry: it hung/);
  });

  it('that is at work without printing anything is waited for', async () => {
    await fixture.log('m0');
    const program = await fixture.program(`case "$*" in *--lines=1*) ;; *) exec perl -e 'while ((times)[0] < 1.5) { } exec $ENV{JOURNALCTL}, @ARGV' -- "$@";; esac`, 'exec "$JOURNALCTL" "$@"');
    assert.deepEqual(await fixture.messages({ program, timing: { silentMs: 500 } }), ['m0']);
    assert.deepEqual(fixture.events.restarts, []);
  });

  it('that nobody pulls for is not taken for one that hangs', async () => {
    await fixture.log(...Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat(2000)}`));
    await fixture.sandbox.sync();
    const chunks = fixture.source({ follow: false, timing: { silentMs: 50, stalledMs: 1000 } }).read(undefined, new AbortController().signal);
    await chunks.next();
    await fixture.logger.line(/nobody pulled for long/);
    await chunks.return();
    assert.deepEqual(fixture.events.restarts, []);
  });

  it('that fails each time is told of as a trouble of the source, until it works', async () => {
    await fixture.log('a');
    const folder = await fixture.folder();
    const program = await fixture.program(`[ -e ${folder}/mended ] || case "$*" in *--lines=1*) ;; *) echo 'it is broken' >&2; exit 1;; esac`, 'exec "$JOURNALCTL" "$@"');
    const source = fixture.source({ program, timing: { longestPauseMs: 10 } });
    const abort = new AbortController();
    const chunks = source.read(undefined, abort.signal);
    assert.equal(source.trouble, undefined);
    const next = chunks.next();
    await fixture.logger.line(/^error: Nothing can be read, since journalctl fails each time: it exited with 1 \(it is broken\)/);
    assert.match(source.trouble!, /it is broken/);
    await writeFile(join(folder, 'mended'), '');
    await next;
    assert.equal(source.trouble, undefined);
    assert.ok(fixture.logger.lines.includes('info: journalctl works again'));
    assert.equal(fixture.logger.lines.filter((line) => line.startsWith('error')).length, 1, 'once a minute');
    abort.abort();
    await chunks.return();
  });

  it('that fails each time ends a reading that does not follow: after ten failures in a row, and with what it gave before', async () => {
    await fixture.log('a', 'b');
    const folder = await fixture.folder();
    const program = await fixture.program(
      `case "$*" in *--lines=1*) exec "$JOURNALCTL" "$@";; esac`,
      `echo >> ${folder}/calls; case $(wc -l < ${folder}/calls) in 4) "$JOURNALCTL" "$@";; esac; echo 'it is broken' >&2; exit 1`,
    );
    const source = fixture.source({ follow: false, program, timing: { longestPauseMs: 10 } });
    const given: (string | undefined)[] = [];
    await assert.rejects(async () => {
      for await (const { entries } of source.read(undefined, new AbortController().signal)) given.push(...entries.filter((entry) => textOf(entry, '_TRANSPORT') === 'journal').map((entry) => textOf(entry, 'MESSAGE')));
    }, (error) => {
      assert.ok(error instanceof ReadingGivenUp);
      assert.equal(error.code, 'ERR_JOURNALCTL');
      assert.equal(error.message, `Gave up reading the journal: "${program.path}" has failed 10 times in a row, the last time so: it exited with 1 (it is broken). Mend what it complains of, or name another program with --journalctl-path, and start again.`);
      return true;
    });
    assert.deepEqual(given, ['a', 'b']);
    // Three before the one that gave entries, which failed too but was none of those in a row.
    assert.equal((await readFile(join(folder, 'calls'), 'utf8')).length, 3 + 1 + 10);
  });

  it('that fails each time is started again for ever where it is to follow', async () => {
    await fixture.log('a');
    const folder = await fixture.folder();
    const program = await fixture.program(
      `case "$*" in *--lines=1*) exec "$JOURNALCTL" "$@";; esac`,
      `echo >> ${folder}/calls; [ $(wc -l < ${folder}/calls) -gt 25 ] || { echo 'it is broken' >&2; exit 1; }; exec "$JOURNALCTL" "$@"`,
    );
    const follower = fixture.follow({ program, timing: { longestPauseMs: 2 } });
    await follower.until('a');
    assert.equal(fixture.events.restarts.length, 25);
  });

  it('that dies of damage without a word of an entry is led past it in ever longer leaps, however often that fails, but not beyond today', async () => {
    const days = 86_400_000_000;
    const before = Date.now() * 1000 - 30 * days;
    const directory = await fixture.folder();
    await makeJournal(join(directory, 'system.journal'), [
      { time: before, monotonic: days, fields: { MESSAGE: 'a', _TRANSPORT: 'journal' } },
      { time: before + 20 * days, monotonic: 21 * days, fields: { MESSAGE: 'b', _TRANSPORT: 'journal' } },
    ]);
    const dies = (fromUs: number) => fixture.program(
      `case "$*" in *--lines=1*|*--output-fields*) exec "$JOURNALCTL" "$@";; esac`,
      `since=$(printf '%s\\n' "$@" | sed -n 's/^--since=@\\([0-9]*\\).*/\\1/p')`,
      `[ "\${since:-0}" -gt ${Math.floor(fromUs / 1_000_000)} ] || { echo 'Failed to get next entry: Bad message' >&2; exit 1; }`,
      'exec "$JOURNALCTL" "$@"',
    );
    const options = { selection: { directory, machineId: undefined }, timing: { longestPauseMs: 2 } };
    const [first] = await fixture.read(options);
    const after = { cursor: first!.cursor, timestamp: first!.timestamp };
    // Leaps of 1 ms, 10 ms and so on: the tenth, of eleven days, leads behind the damage.
    assert.deepEqual(await fixture.messages({ ...options, program: await dies(before + 2 * days) }, after), ['b']);
    assert.equal(fixture.events.restarts.length, 12);
    await assert.rejects(fixture.messages({ ...options, program: await dies(Infinity) }, after), ReadingGivenUp);
  });

  it('that ends with 0 though it should follow is started again', async () => {
    await fixture.log('a');
    const folder = await fixture.folder();
    const program = await fixture.program(`case "$*" in *--follow*) echo >> ${folder}/calls; [ $(wc -l < ${folder}/calls) -gt 2 ] || exit 0;; esac`, 'exec "$JOURNALCTL" "$@"');
    const follower = fixture.follow({ program });
    await fixture.logger.line(/it stopped following/);
    await fixture.log('b');
    await follower.until('b');
    assert.deepEqual(follower.messages, ['a', 'b']);
    assert.equal(fixture.events.restarts[0], 'exited');
  });

  it('that prints what is not in the export format is started again, and the entry is read in bulk', async () => {
    await fixture.log('a');
    const program = await fixture.program(
      `case "$*" in *--follow*) exec perl -e '$| = 1; $/ = "\\n\\n"; open P, "-|", $ENV{JOURNALCTL}, @ARGV; while (<P>) { s/^MESSAGE=garble/garbled/m; print }' -- "$@";; esac`,
      'exec "$JOURNALCTL" "$@"',
    );
    const follower = fixture.follow({ program });
    await follower.until('a');
    await follower.isFollowing();
    await fixture.log('garble me', 'b');
    await follower.until('b');
    assert.deepEqual(follower.messages, ['a', 'garble me', 'b']);
    assert.ok(fixture.events.restarts.includes('malformed'));
  });

  it('refuses a folder that is missing, and is started again until it is there', async () => {
    const directory = join(await fixture.folder(), 'later');
    const follower = fixture.follow({ selection: { directory, machineId: undefined } });
    await fixture.logger.line(/warn: .*No such file or directory/);
    await makeJournal(join(directory, 'system.journal'), [{ fields: { MESSAGE: 'late', _TRANSPORT: 'journal' } }]);
    await follower.until('late');
    assert.deepEqual(follower.messages, ['late']);
  });

  it('journald\'s own rate limit, which it announces with N_DROPPED, is a gap with a count; what others write is not', async () => {
    const directory = await fixture.folder();
    const notice = { MESSAGE: 'Suppressed 42 messages from loud.service', MESSAGE_ID: 'a596d6fe7bfa4994828e72309e95d61e', N_DROPPED: '42' };
    await makeJournal(join(directory, 'system.journal'), [
      { fields: { MESSAGE: 'a', _TRANSPORT: 'journal' } },
      { fields: { ...notice, _TRANSPORT: 'driver' } },
      { fields: { ...notice, _TRANSPORT: 'journal', MESSAGE: 'forged' } },
    ]);
    const entries: (string | undefined)[] = [];
    // Also where the destination needs none of the fields that tell of it.
    const source = fixture.source({ follow: false, reportGapsAs: 'here', selection: { directory, machineId: undefined, fields: ['MESSAGE'] } });
    for await (const chunk of source.read(undefined, new AbortController().signal)) entries.push(...chunk.entries.map((entry) => textOf(entry, 'MESSAGE')));
    assert.deepEqual(fixture.events.gaps.map(({ kind, count }) => [kind, count]), [['rate-limit', 42]]);
    assert.deepEqual(entries, ['a', notice.MESSAGE, fixture.events.gaps[0]!.explanation, 'forged']);
  });

  it('is asked for all fields in full, and to follow with everything behind the cursor', () => {
    const args = liveArguments({}, { cursor: 's=0' as never }, [], { merge: true });
    for (const argument of ['--all', '--no-pager', '--follow', '--no-tail', '--merge', '--cursor=s=0']) assert.ok(args.includes(argument), argument);
  });
});
