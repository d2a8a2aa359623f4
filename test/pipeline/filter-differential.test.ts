import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import type { Entry } from '../../src/core/entry.js';
import { ExportReader } from '../../src/formats/export.js';
import { createFilter, type FilterConditions } from '../../src/pipeline/filter.js';
import { bulkArguments, type JournalSelection } from '../../src/sources/journalctl/arguments.js';
import { type FixtureEntry, makeJournal } from '../support/make-journal.js';

const run = promisify(execFile);
const coredump = 'fc2e22bc6ee647b6b90729ab34a250b1';
const machines = ['c0'.repeat(16), 'c1'.repeat(16)] as const;

const units = ['ssh.service', 'sshd.service', 'ssh.socket', 'ssh', 'sshd-a.service', 'getty@tty1.service', 'a\\x2db.service', 'x20b.service', 'home.mount', 'home-my\\x20dir.mount', '-.mount', 'dev-sda1.device', 'a-b.service', 'user.slice', 'user-1000.slice', 'session-3.scope', 'foo.bar.service', '.hidden.service', 'SSH.service', 'a]b.service', 'a*b.service', '1.service'];

/** What entries say of a unit, rightly or not. */
const claims: readonly ((unit: string) => FixtureEntry['fields'])[] = [
  (unit) => ({ _SYSTEMD_UNIT: unit }),
  (unit) => ({ _SYSTEMD_USER_UNIT: unit }),
  (unit) => ({ _SYSTEMD_SLICE: unit }),
  (unit) => ({ UNIT: unit, _PID: '1' }),
  (unit) => ({ UNIT: unit, _PID: '2' }),
  (unit) => ({ OBJECT_SYSTEMD_UNIT: unit, _UID: '0' }),
  (unit) => ({ OBJECT_SYSTEMD_UNIT: unit, _UID: '1000' }),
  (unit) => ({ COREDUMP_UNIT: unit, MESSAGE_ID: coredump, _UID: '0' }),
  (unit) => ({ COREDUMP_UNIT: unit, MESSAGE_ID: coredump, _UID: '7' }),
  (unit) => ({ COREDUMP_UNIT: unit, _UID: '0' }),
  (unit) => ({ _SYSTEMD_UNIT: [unit, 'other.service'] }),
];

const others: readonly FixtureEntry['fields'][] = [
  {},
  ...['0', '1', '2', '3', '4', '5', '6', '7', '8', '03', 'err', ''].map((PRIORITY) => ({ PRIORITY })),
  { PRIORITY: ['3', '6'] },
  ...['sshd', 'ssh', 'SSHD', '', 'a b'].map((SYSLOG_IDENTIFIER) => ({ SYSLOG_IDENTIFIER })),
  { SYSLOG_IDENTIFIER: ['cron', 'sshd'] },
  { SYSLOG_IDENTIFIER: Buffer.from([0x73, 0xff]) },
  { _TRANSPORT: 'kernel', PRIORITY: '3' },
  { _TRANSPORT: 'kernel', SYSLOG_IDENTIFIER: 'kernel', A: '1' },
  { _TRANSPORT: 'stdout', A: '1', B: '2' },
  { A: '1' },
  { A: '2', B: '1' },
  { A: '1', B: '2', C: '3' },
  { A: ['1', '2'], C: '3' },
  { A: '', B: '2' },
  { A: 'two words', B: 'x=y' },
  { A: 'line\nfeed' },
];

describe('the filter, against the real journalctl over a real journal', { timeout: 120_000 }, () => {
  let folder: string;
  let all: readonly Entry[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'filter-'));
    const fields = [...units.flatMap((unit) => claims.map((claim) => claim(unit))), ...others, { PRIORITY: '3', SYSLOG_IDENTIFIER: 'sshd', _SYSTEMD_UNIT: 'ssh.service', A: '1', B: '2' }];
    const entries = fields.flatMap((one, index): FixtureEntry[] => machines.map((machineId, at) => ({ machineId, time: 1604430000000000 + index * 10 + at, fields: { MESSAGE: `entry ${index}`, ...one } })));
    for (const machineId of machines) await makeJournal(join(folder, machineId, 'system.journal'), entries.filter((entry) => entry.machineId === machineId));
    all = await journalctl({});
    assert.equal(all.length, entries.length);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const names = [
    ...units, 'ssh*', 'ss?', 'ss?d', 'ss?d.service', '*', '*.service', '*.slice', '*.m*', 'ssh[d.]*', 'ssh[!d]*', 's[a-s]h.service', '[[:digit:]]*', '[]]*', 'a[]]b*', '[', 'a[b', 'a\\*b*', 'a\\x2db*', 'a\\\\x2db*', '?*', '[z-a]*', '[!]*', 'SSH*', 'user-*', '/', '/home', '/home/', '/home/my dir', '/dev/sda1', 'getty@tty1', 'getty@*', 'foo.bar', '.hidden', 'a b', 'a/b', 'nothing.service', 'ssh.', '1', '@', '{a,b}*', '*^*', '[^s]*', '*(', '.*', 'a+b*', '$*',
  ];
  for (const name of names) {
    test(`takes the unit ${JSON.stringify(name)} for the units that journalctl takes it for`, () => same({ units: [name] }));
  }

  for (const priority of ['0', '3', '7', '2..4', '4..2', '3..3', '0..7']) {
    test(`takes the priority ${priority} as journalctl does`, () => same({ priority }));
  }

  const conditions: Readonly<Record<string, FilterConditions>> = {
    'no condition': {},
    'two units': { units: ['ssh', 'home.mount'] },
    'a unit and a glob': { units: ['home.mount', 'user*'] },
    'an identifier': { identifiers: ['sshd'] },
    'several identifiers': { identifiers: ['sshd', 'cron', 'a b'] },
    'an empty identifier': { identifiers: [''] },
    kernel: { kernel: true },
    'kernel and a priority': { kernel: true, priority: '3' },
    'kernel, an identifier and a match': { kernel: true, identifiers: ['kernel'], matches: [['A=1']] },
    'one match': { matches: [['A=1']] },
    'two fields of one group': { matches: [['A=1', 'B=2']] },
    'two values of one field': { matches: [['A=1', 'A=2', 'C=3']] },
    'two groups': { matches: [['A=1', 'B=2'], ['A=2']] },
    'three groups of several': { matches: [['A=1', 'C=3'], ['B=1'], ['A=two words', 'B=x=y']] },
    'an empty value': { matches: [['A=']] },
    'a value with a line feed': { matches: [['A=line\nfeed']] },
    'groups and kernel': { matches: [['A=1'], ['B=2'], ['PRIORITY=3']], kernel: true },
    'groups that name the transport, and kernel': { matches: [['_TRANSPORT=stdout'], ['_TRANSPORT=kernel', 'A=1']], kernel: true },
    'only groups that kernel rules out': { matches: [['_TRANSPORT=stdout'], ['_TRANSPORT=journal', 'A=1']], kernel: true },
    'all at once': { units: ['ssh'], identifiers: ['sshd'], priority: '4', matches: [['A=1'], ['B=9']] },
    'all at once, but one does not hold': { units: ['ssh'], identifiers: ['sshd'], priority: '2', matches: [['A=1'], ['B=9']] },
    'a match of a trusted field': { matches: [['_PID=1'], ['_UID=0', `MESSAGE_ID=${coredump}`]] },
  };
  for (const [name, one] of Object.entries(conditions)) {
    test(`accepts what journalctl selects: ${name}`, () => same(one));
    test(`accepts what journalctl selects of one machine: ${name}`, () => same(one, machines[1]));
  }

  test('accepts what journalctl selects, with any conditions', async () => {
    const few = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(values, { maxLength: 2 });
    const match = fc.constantFrom('A=1', 'A=2', 'A=', 'B=2', 'B=1', 'C=3', 'PRIORITY=3', '_TRANSPORT=kernel', '_UID=0');
    const arbitrary = fc.record({
      units: few(fc.constantFrom('ssh', 'ssh*', 'home.mount', '*.slice', 'other')),
      identifiers: few(fc.constantFrom('sshd', 'cron', 'kernel')),
      priority: fc.option(fc.constantFrom('3', '2..6'), { nil: undefined }),
      matches: few(fc.array(match, { minLength: 1, maxLength: 3 })),
      kernel: fc.boolean(),
    });
    await fc.assert(fc.asyncProperty(arbitrary, fc.option(fc.constantFrom(...machines), { nil: undefined }), (conditions, machineId) => same(conditions, machineId)), { numRuns: 100 });
  });

  for (const unit of ['ssh', '*.slice', 'home.mount']) {
    test(`leaves out just what --unit ${unit} selects where it is to be excluded`, async () => {
      const selected = new Set(cursors(await journalctl({ units: [unit] })));
      assert.ok(selected.size > 0);
      const { accepts } = createFilter({ excludeUnits: [unit] });
      assert.deepEqual(cursors(all.filter(accepts)), cursors(all).filter((cursor) => !selected.has(cursor)));
    });
  }

  test('names every field that it reads', () => {
    for (const one of [...Object.values(conditions), { units: ['ssh*'] }, { excludeUnits: ['ssh'], excludeMatches: [{ field: 'A', value: '1' }], self: { _PID: '1' } }]) {
      const { fields, accepts } = createFilter(one);
      for (const entry of all) {
        const reading: Entry = { ...entry, get: (name) => (assert.ok(fields.includes(name), name), entry.get(name)) };
        accepts(reading);
      }
    }
  });

  async function same(conditions: FilterConditions, machineId?: string): Promise<void> {
    const { accepts } = createFilter(conditions);
    const ours = all.filter((entry) => accepts(entry) && (machineId === undefined || entry.get('_MACHINE_ID') === machineId));
    const theirs = await journalctl({ ...(conditions as JournalSelection), machineId });
    assert.deepEqual(shown(ours), shown(theirs));
  }

  async function journalctl(selection: JournalSelection): Promise<Entry[]> {
    let stdout: Buffer;
    try {
      ({ stdout } = await run('journalctl', bulkArguments({ ...selection, directory: folder }, undefined), { encoding: 'buffer', maxBuffer: 1e9, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } }));
    } catch (error) {
      // What it does where a glob matches no unit that the journal knows.
      if (String((error as { stderr?: Buffer }).stderr).includes('Failed to add filter for units: No data available')) return [];
      throw error;
    }
    const reader = new ExportReader({ onMalformed: (reason) => assert.fail(reason) });
    return [...reader.push(stdout), ...reader.end()];
  }
});

function cursors(entries: readonly Entry[]): string[] {
  return entries.map(({ cursor }) => cursor);
}

/** Each entry as a failure should show it. */
function shown(entries: readonly Entry[]): string[] {
  return entries.map((entry) => [...entry.names()].filter((name) => !/^__|^_BOOT_ID$/.test(name)).sort().map((name) => `${name}=${String(entry.get(name))}`).join(' '));
}
