import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { textOf } from '../../../src/core/entry.js';
import { JournalSource, type JournalSelection } from '../../../src/sources/journalctl/index.js';
import { eventually } from '../../support/eventually.js';
import { makeJournal } from '../../support/make-journal.js';
import { RecordedLogger } from '../../support/recorded-logger.js';

const T0 = 1_700_000_000_000_000;

describe('the newest entry of a journal', { timeout: 30_000 }, () => {
  let folder: string;
  const never = new AbortController().signal;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'newest-'));
    await makeJournal(join(folder, 'system.journal'), [0, 1, 2].map((number) => ({ time: T0 + number, fields: { MESSAGE: `m${number}`, SYSLOG_IDENTIFIER: number < 2 ? 'wanted' : 'other' } })));
  });
  after(() => rm(folder, { recursive: true }));

  it('is that of what the source would read', async () => {
    assert.equal((await sourceOf({}).newest(never))?.timestamp, T0 + 2);
    assert.equal((await sourceOf({ identifiers: ['wanted'] }).newest(never))?.timestamp, T0 + 1);
    assert.equal((await sourceOf({ until: `@${T0 / 1e6}` }).newest(never))?.timestamp, T0);
  });

  it('is undefined where nothing matches, or nothing is there', async () => {
    assert.equal(await sourceOf({ identifiers: ['nobody'] }).newest(never), undefined);
    assert.equal(await sourceOf({ directory: join(folder, 'absent') }).newest(never), undefined);
  });

  it('is given up when the signal aborts, also where journalctl hangs and hears no signal', async () => {
    const deaf = join(folder, 'deaf-journalctl');
    await writeFile(deaf, '#!/usr/bin/perl\n$SIG{TERM} = "IGNORE";\nsleep 60 while 1;\n');
    await chmod(deaf, 0o755);
    const stop = new AbortController();
    const asked = sourceOf({}, deaf).newest(stop.signal);
    setImmediate(() => stop.abort());
    await assert.rejects(asked);
    await assert.rejects(sourceOf({}).newest(stop.signal), 'nor is it begun after the signal has aborted');
  });

  it('is asked once where a reading is prepared, which then begins from there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'prepared-'));
    const [program, questions] = [join(directory, 'journalctl'), join(directory, 'questions')];
    await writeFile(program, `#!/bin/sh\ncase "$*" in *--reverse*) answer=$(journalctl "$@"); echo >> ${questions}; printf '%s\\n\\n' "$answer";; *) exec journalctl "$@";; esac\n`, { mode: 0o755 });
    const asked = async (): Promise<number> => (await readFile(questions, 'utf8').catch(() => '')).length;
    await makeJournal(join(directory, 'system.journal'), [{ time: T0, fields: { MESSAGE: 'before' } }]);
    const source = new JournalSource({ selection: { directory }, program: { path: program, environment: { PATH: process.env['PATH'] } }, start: 'now', follow: false, logger: new RecordedLogger() });
    source.prepare(never);
    source.prepare(never);
    await eventually(asked, (times) => times === 1);
    await makeJournal(join(directory, 'system2.journal'), [{ time: T0 + 1, fields: { MESSAGE: 'since' } }]);
    const messages: (string | undefined)[] = [];
    for await (const { entries } of source.read(undefined, never)) messages.push(...entries.map((entry) => textOf(entry, 'MESSAGE')));
    assert.deepEqual(messages, ['since']);
    assert.equal(await asked(), 1);
    await rm(directory, { recursive: true });
  });

  it('is told as soon as it is printed, however long journalctl takes to end', async () => {
    const path = join(folder, 'slow-to-end');
    await writeFile(path, '#!/bin/sh\njournalctl "$@"\nexec sleep 600\n', { mode: 0o755 });
    const slow = sourceOf({}, path);
    assert.deepEqual(await slow.newest(never), await sourceOf({}).newest(never));
    await eventually(() => promisify(execFile)('ps', ['--ppid', String(process.pid), '-o', 'args=']), ({ stdout }) => !stdout.includes('sleep 600'));
  });

  function sourceOf(selection: JournalSelection, path = 'journalctl'): JournalSource {
    return new JournalSource({ selection: { directory: folder, ...selection }, program: { path, environment: { PATH: process.env['PATH'] } }, start: 'head', follow: false, logger: new RecordedLogger() });
  }
});
