import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../src/core/entry.js';
import { ExportReader } from '../../src/formats/export.js';
import { exportEntry, type Fields } from '../formats/serialise.js';
import { journalctlOutput } from '../support/journalctl-output.js';
import { makeJournal } from '../support/make-journal.js';
import { oddEntries } from '../support/odd-entries.js';
import { encodeEntry } from './encode.js';

const name = fc.oneof(fc.constantFrom('MESSAGE', '_PID', '_UID', '_GID', 'A', 'B', '_B', 'MESSAGE_BASE64', 'L'.repeat(64)), fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,63}$/));
const value = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom('a', 'é', '日', '😀', '"', '\\', '\n', '\0', '\b', '\f', '\x1b', '\x7f', '\u2028', '\ufffd'), maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 90_000 }).map((length) => 'long "'.repeat(length / 6)) },
);
const entry = fc.oneof(fc.uniqueArray(fc.tuple(name, value), { selector: ([one]) => one, maxLength: 20 }), fc.array(fc.tuple(name, value), { maxLength: 20 }));

test('an entry whose bytes are copied becomes the very object that its strings would become', () => {
  fc.assert(
    fc.property(entry, fc.option(fc.integer({ min: 2, max: 2000 }), { nil: undefined }), (fields, maxMessageBytes) => {
      for (const one of read(exportEntry(fields))) assert.deepEqual(encodeEntry('json', one, { maxMessageBytes }), encodeEntry('json', withoutTable(one), { maxMessageBytes }));
    }),
    { numRuns: 1000 },
  );
});

test('an entry of text is copied, without a string being made of any value', () => {
  const fields: Fields = [['__CURSOR', 's=1'], ['_UID', '0'], ['_GID', '0'], ['_PID', '1'], ['MESSAGE', 'é \x1b[0m "\\\n\0']];
  const [one] = read(exportEntry(fields));
  const untouchable = { ...withoutTable(one!), fieldTable: one!.fieldTable!, get: () => assert.fail(), names: () => assert.fail() };
  assert.equal(String(encodeEntry('json', untouchable)), JSON.stringify(Object.fromEntries(fields)));
});

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'json-copy-'));
});

after(() => rm(folder, { recursive: true }));

test('2,000 odd entries of a real journal become the very objects that their strings would become', async () => {
  const file = join(folder, 'odd.journal');
  await makeJournal(file, oddEntries(2000, 4).map((one, index) => ({ ...one, time: 1604430000000000 + index })));
  const entries = read(await journalctlOutput(file, 'export'));
  assert.equal(entries.length, 2000);
  for (const one of entries) assert.deepEqual(encodeEntry('json', one), encodeEntry('json', withoutTable(one)));
});

function read(bytes: Uint8Array): Entry[] {
  const reader = new ExportReader({ onMalformed: (reason) => assert.fail(reason) });
  return [...reader.push(bytes), ...reader.end()];
}

/** The same entry as one that has to be asked for its fields. */
function withoutTable(one: Entry): Entry {
  return { cursor: one.cursor, timestamp: one.timestamp, get: (field) => one.get(field), bytes: (field) => one.bytes(field), names: () => one.names() };
}
