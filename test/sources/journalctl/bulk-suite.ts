import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Cursor, Entry } from '../../../src/core/entry.js';
import { textOf } from '../../../src/core/entry.js';
import { OperatorError } from '../../../src/core/errors.js';
import type { Position } from '../../../src/core/position.js';
import { JournalSource, type JournalSourceOptions } from '../../../src/sources/journalctl/index.js';
import type { FixtureEntry } from '../../support/make-journal.js';
import type { Release, Systemd } from '../../support/other-systemd.js';
import { RecordedLogger } from '../../support/recorded-logger.js';

const T0 = 1_700_000_000_000_000;
const FIRST_BOOT = '1'.repeat(32);
const SECOND_BOOT = '2'.repeat(32);

/** What a source promises of a journal that it reads to its end, whatever release of systemd wrote it. */
export function bulkSuite(release: Release): void {
  let systemd: Systemd;

  describe(`the journal in bulk, ${release.name}`, () => {
    let folder: string;

    before(async () => {
      systemd = await release.load();
      folder = await mkdtemp(join(tmpdir(), 'journal-source-'));
      await systemd.makeJournal(join(folder, 'system.journal'), [...numbered(0, 5, FIRST_BOOT), ...numbered(5, 10, SECOND_BOOT)]);
    });
    after(() => rm(folder, { recursive: true }));

    it('is read whole over boots with --start head', async () => {
      assert.deepEqual(await messages(sourceOf(folder, { start: 'head' })), range(0, 10));
    });

    it('begins with the boot of the newest entry with --start boot', async () => {
      assert.deepEqual(await messages(sourceOf(folder, { start: 'boot' })), range(5, 10));
    });

    it('gives nothing of what is there with --start now', async () => {
      assert.deepEqual(await messages(sourceOf(folder, { start: 'now' })), []);
    });

    it('begins at --since, wherever --start points, and ends at --until', async () => {
      const since = `@${(T0 + 3000) / 1_000_000}`;
      assert.deepEqual(await messages(sourceOf(folder, { start: 'now', since })), range(3, 10));
      assert.deepEqual(await messages(sourceOf(folder, { start: 'head', selection: { until: `@${(T0 + 6000) / 1_000_000}` } })), range(0, 7));
    });

    it('goes on just after any entry, in whatever boot that was', async () => {
      const entries = await read(sourceOf(folder, { start: 'head' }));
      for (const [index, entry] of entries.entries()) {
        const after = { cursor: entry.cursor, timestamp: entry.timestamp };
        assert.deepEqual(await messages(sourceOf(folder, { start: 'now' }), after), range(index + 1, 10));
      }
    });

    it('goes on with any entry before which a first run began, in whatever boot that was, and finds nothing missing', async () => {
      const entries = await read(sourceOf(folder, { start: 'head' }));
      for (const [index, { cursor, timestamp }] of entries.entries()) {
        const logger = new RecordedLogger();
        assert.deepEqual(await messages(sourceOf(folder, { start: 'now', logger }), { cursor, timestamp, before: true }), range(index, 10));
        assert.deepEqual(logger.lines.filter((line) => !line.startsWith('debug')), []);
      }
    });

    it('goes on after an entry that the filter leaves out, and skips no match', async () => {
      const entries = await read(sourceOf(folder, { start: 'head' }));
      const { cursor, timestamp } = entries[3]!;
      const source = sourceOf(folder, { start: 'head', selection: { matches: [['N=4'], ['N=7']] } });
      assert.deepEqual(await messages(source, { cursor, timestamp }), ['m4', 'm7']);
    });

    it('goes on after an entry of another unit, and skips none of the unit that is asked for', async () => {
      const units = await mkdtemp(join(tmpdir(), 'journal-source-'));
      const from = ['web.service', 'db.service', 'db.service', 'web.service', 'web-2.service', 'web.service'];
      await systemd.makeJournal(
        join(units, 'system.journal'),
        numbered(0, from.length, FIRST_BOOT).map((entry, index) => ({ ...entry, fields: { ...entry.fields, _SYSTEMD_UNIT: from[index]! } })),
      );
      const [, , other] = await read(sourceOf(units, { start: 'head' }));
      const after = { cursor: other!.cursor, timestamp: other!.timestamp };
      assert.deepEqual(await messages(sourceOf(units, { selection: { units: ['web'] } })), ['m0', 'm3', 'm5'], '.service is implied');
      assert.deepEqual(await messages(sourceOf(units, { selection: { units: ['web'] } }), after), ['m3', 'm5']);
      assert.deepEqual(await messages(sourceOf(units, { selection: { units: ['web*'] } }), after), ['m3', 'm4', 'm5'], 'a glob');
      assert.deepEqual(await messages(sourceOf(units, { selection: { units: ['db.service', 'web-2.service'] } }), after), ['m4']);
      assert.deepEqual(await messages(sourceOf(units, { selection: { units: ['nothing'] } }), after), []);
      await rm(units, { recursive: true });
    });

    it('goes on after a cursor of another journal by its place in the boot, or by its time', async () => {
      for (const [bootId, monotonic] of [[SECOND_BOOT, 1_006_500], ['3'.repeat(32), 1]] as const) {
        const elsewhere = await mkdtemp(join(tmpdir(), 'journal-source-'));
        await systemd.makeJournal(join(elsewhere, 'system.journal'), [{ time: T0 + 6500, monotonic, bootId, fields: { MESSAGE: 'elsewhere' } }]);
        const [unknown] = await read(sourceOf(elsewhere, { start: 'head' }));
        assert.deepEqual(await messages(sourceOf(folder, { start: 'head' }), { cursor: unknown!.cursor, timestamp: unknown!.timestamp }), range(7, 10));
        await rm(elsewhere, { recursive: true });
      }
    });

    it('goes on from the time of the entry when the cursor is garbage, empty or unknown, and says so', async () => {
      for (const cursor of ['', 'garbage', `s=${'0'.repeat(32)}`]) {
        const logger = new RecordedLogger();
        assert.deepEqual(await messages(sourceOf(folder, { logger }), { cursor: cursor as Cursor, timestamp: T0 + 6000 }), range(6, 10));
        assert.match(logger.lines.join('\n'), /warn: The saved cursor is not a cursor/);
      }
    });

    it('reports a vacuumed entry, and loses nothing of what is left', async () => {
      const gone = await mkdtemp(join(tmpdir(), 'journal-source-'));
      try {
        await systemd.makeJournal(join(gone, 'system.journal'), numbered(-3, -2, FIRST_BOOT));
        const [vacuumed] = await read(sourceOf(gone, { start: 'head' }));
        const logger = new RecordedLogger();
        const rest = await messages(sourceOf(folder, { logger }), { cursor: vacuumed!.cursor, timestamp: vacuumed!.timestamp });
        assert.deepEqual(rest, range(0, 10));
        assert.match(logger.lines.join('\n'), /warn: The journal no longer holds the entry that was read last/);
      } finally {
        await rm(gone, { recursive: true });
      }
    });

    it('prints only the fields that are asked for, and the address fields', async () => {
      const [entry] = await read(sourceOf(folder, { start: 'head', selection: { fields: ['MESSAGE'] } }));
      assert.equal(textOf(entry!, 'MESSAGE'), 'm0');
      assert.equal(entry!.get('N'), undefined);
      assert.match(textOf(entry!, '__CURSOR')!, /^s=/);
    });

    it('gives nothing for a folder without a journal', async () => {
      const empty = await mkdtemp(join(tmpdir(), 'journal-source-'));
      assert.deepEqual(await messages(sourceOf(empty, { start: 'head' })), []);
      await rm(empty, { recursive: true });
    });

    it('ends soon after an abort, though nobody pulls any more', async () => {
      const abort = new AbortController();
      const chunks = sourceOf(folder, { start: 'head', follow: true }).read(undefined, abort.signal);
      await chunks.next();
      abort.abort();
      assert.deepEqual(await chunks.next(), { done: true, value: undefined });
    });

    it('rejects with what an operator can do when journalctl cannot be run', async () => {
      const source = sourceOf(folder, { program: { path: '/nonexistent/journalctl', environment: {} } });
      await assert.rejects(read(source), (error) => {
        assert.ok(error instanceof OperatorError);
        assert.equal(error.message, 'Cannot run "/nonexistent/journalctl": ENOENT. Install systemd, or name the program with --journalctl-path.');
        return true;
      });
    });
  });

  describe(`several machines in one journal, ${release.name}`, () => {
    before(async () => {
      systemd = await release.load();
    });

    it('are kept apart by machine id', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'journal-source-'));
      const [ours, theirs] = ['a'.repeat(32), 'b'.repeat(32)];
      await systemd.makeJournal(join(folder, ours, 'system.journal'), numbered(0, 3, FIRST_BOOT, ours));
      await systemd.makeJournal(join(folder, theirs, 'system.journal'), numbered(3, 6, SECOND_BOOT, theirs));
      assert.deepEqual(await messages(sourceOf(folder, { start: 'head' })), range(0, 6));
      assert.deepEqual(await messages(sourceOf(folder, { start: 'head', selection: { machineId: ours } })), range(0, 3));
      await rm(folder, { recursive: true });
    });
  });

  function sourceOf(directory: string, options: Partial<Omit<JournalSourceOptions, 'selection'>> & { readonly selection?: JournalSourceOptions['selection'] }): JournalSource {
    const { selection, ...rest } = options;
    return new JournalSource({
      start: 'head',
      follow: false,
      logger: new RecordedLogger(),
      program: { path: systemd.journalctl, environment: process.env },
      ...rest,
      selection: { directory, ...selection },
    });
  }
}

async function read(source: JournalSource, after?: Position): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const chunk of source.read(after, new AbortController().signal)) entries.push(...chunk.entries);
  return entries;
}

async function messages(source: JournalSource, after?: Position): Promise<(string | undefined)[]> {
  return (await read(source, after)).map((entry) => textOf(entry, 'MESSAGE'));
}

function numbered(from: number, to: number, bootId: string, machineId?: string): FixtureEntry[] {
  return Array.from({ length: to - from }, (_, i) => ({
    time: T0 + (from + i) * 1000,
    monotonic: 1_000_000 + (from + i) * 1000,
    bootId,
    ...(machineId === undefined ? {} : { machineId }),
    fields: { MESSAGE: `m${from + i}`, N: String(from + i), PRIORITY: '6' },
  }));
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `m${from + i}`);
}
