import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/core/entry.js';
import { ExportReader } from '../../src/formats/export.js';
import { jsonLines } from '../../src/formats/json-lines.js';
import { parseJsonEntry } from '../../src/formats/json.js';
import { isCursor } from '../../src/formats/cursor.js';
import { unexpected } from './chunks.js';
import { type FixtureEntry, makeJournal } from '../support/make-journal.js';
import { snapshot } from './snapshot.js';

const large = Buffer.alloc(20 * 1024 * 1024, 'twenty million and more characters, ');
const largeBinary = Buffer.concat([Buffer.from([0]), large.subarray(0, 2 * 1024 * 1024)]);
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const manyFields = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`FIELD_${i}`, `value ${i}`]));

const shapes: Readonly<Record<string, FixtureEntry['fields']>> = {
  'plain text': { MESSAGE: 'first', PRIORITY: '6' },
  'an escape sequence': { MESSAGE: '\u001b[31mred\u001b[0m' },
  'a carriage return': { MESSAGE: 'progress\rdone' },
  'a NUL': { MESSAGE: 'a\0b' },
  'a DEL': { MESSAGE: 'a\u007fb' },
  'a C1 control character': { MESSAGE: 'a\u0085b' },
  'U+FFFE': { MESSAGE: 'a\ufffeb' },
  'U+FFFD, a bidi mark and U+2028': { MESSAGE: 'a\ufffd\u202e\u2028b' },
  'a TAB and line feeds': { MESSAGE: 'a\tb\n\nc\n' },
  'all byte values': { MESSAGE: everyByte },
  'invalid UTF-8': { MESSAGE: Buffer.from([0x61, 0xff, 0xfe, 0x62]) },
  'an encoded surrogate': { MESSAGE: Buffer.from([0xed, 0xa0, 0x80]) },
  'characters beyond the BMP': { MESSAGE: '\u{1f600}\u{10ffff}' },
  'quotes and backslashes': { MESSAGE: '"\\u0041"\\' },
  'a byte order mark': { MESSAGE: '\ufefftext' },
  '20 MB of text': { MESSAGE: large },
  '2 MB of bytes': { MESSAGE: largeBinary },
  'a field set more than once': { MESSAGE: 'repeated', TAG: ['b', 'a', 'c', 'a'] },
  'a field set more than once to one value': { MESSAGE: 'equal', TAG: ['same', 'same'] },
  'a field set more than once to bytes': { MESSAGE: 'bytes', TAG: [Buffer.from([255, 1]), Buffer.from([254])] },
  'a field set more than once to text and bytes': { MESSAGE: 'mixed', TAG: ['text', Buffer.from([254]), '\u001b[0m', ''] },
  'a field set more than once to numerals': { MESSAGE: 'numerals', TAG: ['10', '9'] },
  'no MESSAGE': { SYSLOG_IDENTIFIER: 'silent' },
  'an empty MESSAGE': { MESSAGE: '', SYSLOG_IDENTIFIER: 'empty' },
  '1,000 fields': manyFields,
  'an odd priority': { MESSAGE: 'odd', PRIORITY: 'err' },
  'a value of one space': { MESSAGE: ' ' },
  'names of an object\'s own': { MESSAGE: 'names', CONSTRUCTOR: 'x', HASOWNPROPERTY: 'y' },
};

const boots = ['a0'.repeat(16), 'a1'.repeat(16)] as const;
const machines = ['c0'.repeat(16), 'c1'.repeat(16)] as const;
const fixtures = Object.values(shapes);

describe('the readers of the export format and of JSON, over one journal', () => {
  let directory: string;
  let fromExport: Map<string, string>;
  let exported: Entry[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'formats-'));
    for (const [index, machineId] of machines.entries()) {
      const entries = fixtures.map((fields, at) => ({ machineId, bootId: boots[at < fixtures.length / 2 ? 0 : 1], fields }));
      await makeJournal(join(directory, machineId, 'system.journal'), entries.map((entry, at) => ({ ...entry, time: 1604430000000000 + at * 2000 + index })));
    }
    exported = await journalctl(directory, 'export', readExport);
    fromExport = digests(exported);
  });

  after(() => rm(directory, { recursive: true, force: true }));

  test('export gives every entry of every shape, boot and machine', () => {
    assert.equal(exported.length, fixtures.length * 2);
    assert.deepEqual(new Set(exported.map((entry) => entry.get('_BOOT_ID'))), new Set(boots));
    assert.deepEqual(new Set(exported.map((entry) => entry.get('_MACHINE_ID'))), new Set(machines));
    for (const entry of exported) assert.ok(isCursor(entry.cursor), entry.cursor);
    assert.deepEqual(exported.map((entry) => entry.timestamp), exported.map((_, at) => 1604430000000000 + (at >> 1) * 2000 + (at & 1)));
  });

  for (const [at, [shape, fields]] of Object.entries(shapes).entries()) {
    test(`export gives ${shape} as it was logged`, () => {
      for (const entry of exported.slice(at * 2, at * 2 + 2)) {
        for (const [name, value] of Object.entries(fields)) {
          if (name.startsWith('__')) continue;
          const values = typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
          const expected = [...new Set(values.map((one) => Buffer.from(one as Uint8Array).toString('hex')))].sort();
          const got = entry.get(name);
          const all = Array.isArray(got) ? (got as readonly (string | Uint8Array)[]) : [got as string | Uint8Array];
          assert.ok(expected.join() === all.map((one) => Buffer.from(one as Uint8Array).toString('hex')).join(), `${name} of ${shape}`);
        }
      }
    });
  }

  test('JSON gives the very same entries', async () => {
    const json = digests(await journalctl(directory, 'json', readJson));
    assert.equal(json.size, fixtures.length * 2);
    assert.deepEqual(json, fromExport);
  });
});

/** Each entry's whole content under its cursor; the long ones as a hash, so that a failure can be read. */
function digests(entries: readonly Entry[]): Map<string, string> {
  return new Map(
    entries.map((entry) => {
      const text = JSON.stringify(snapshot(entry));
      return [entry.cursor, text.length < 5000 ? text : createHash('sha256').update(text).digest('hex')];
    }),
  );
}

async function journalctl<T>(directory: string, format: string, read: (output: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
  const args = ['--directory', directory, '-m', '-o', format, '-a', '--no-pager', '-q'];
  const child = spawn('journalctl', args, { stdio: ['ignore', 'pipe', 'inherit'], env: { LC_ALL: 'C.UTF-8', PATH: '/usr/bin:/bin' } });
  const closed = once(child, 'close');
  const result = await read(child.stdout);
  assert.deepEqual(await closed, [0, null]);
  return result;
}

async function readExport(output: AsyncIterable<Uint8Array>): Promise<Entry[]> {
  const reader = new ExportReader({ onMalformed: (reason) => assert.fail(reason) });
  const entries: Entry[] = [];
  for await (const chunk of output) entries.push(...reader.push(chunk));
  return [...entries, ...reader.end()];
}

async function readJson(output: AsyncIterable<Uint8Array>): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const { lines } of jsonLines(output, { maxLineBytes: 64 * 1024 * 1024, onTooLong: unexpected })) {
    for (const line of lines) entries.push(parseJsonEntry(line) ?? assert.fail(line.slice(0, 200)));
  }
  return entries;
}
