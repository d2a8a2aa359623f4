import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../src/core/byte-writer.js';
import type { Entry } from '../../src/core/entry.js';
import { createEncoder, type FieldSelection } from '../../src/encoders/index.js';
import { ExportReader } from '../../src/formats/export.js';
import { exportEntry, type Fields } from '../formats/serialise.js';
import { journalctlOutput } from '../support/journalctl-output.js';
import { makeJournal } from '../support/make-journal.js';
import { oddEntries } from '../support/odd-entries.js';
import { encodeEntry } from './encode.js';

const name = fc.oneof(fc.constantFrom('MESSAGE', '_PID', '_UID', '_GID', 'A', 'B', '_B', 'MESSAGE_BASE64', 'L'.repeat(64)), fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,63}$/));
/** Copied 32 bytes at a time, as long as there is nothing special. */
const blocks = fc.array(fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 70 }).map((length) => 'x'.repeat(length)) }, fc.constantFrom('"', '\\', '\n', '\0', 'é', '\x7f')), { maxLength: 8 }).map((parts) => parts.join(''));
const value = fc.oneof(
  { weight: 3, arbitrary: blocks },
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

const newName = fc.oneof(name, fc.constantFrom('pid', 'b', 'message', 'user_b', 'é"'));
const selection: fc.Arbitrary<FieldSelection> = fc.record({
  fields: fc.option(fc.array(name, { maxLength: 6 }), { nil: undefined }),
  map: fc.uniqueArray(fc.record({ field: name, name: newName }), { selector: (pair) => pair.field, maxLength: 4 }),
  mapOnly: fc.boolean(),
  lowercase: fc.boolean(),
  added: fc.uniqueArray(fc.record({ name: newName, value: fc.string({ unit: 'binary' }) }), { selector: (one) => one.name, maxLength: 2 }),
});

test('and so it does where fields are selected, named otherwise and added', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 3 }), selection, (entries, selection) => {
      for (const one of read(Buffer.concat(entries.map(exportEntry)))) assert.deepEqual(encodeEntry('json', one, { selection }), encodeEntry('json', withoutTable(one), { selection }));
    }),
    { numRuns: 1000 },
  );
});

test('more names than are kept in mind become the very object that their strings would become', () => {
  const bytes = Buffer.concat(Array.from({ length: 150 }, (_, at) => exportEntry(Array.from({ length: 20 }, (_, field) => [`F${(at * 7 + field) % 2100}`, `${at}`] as const))));
  const encoder = createEncoder('json', { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false });
  for (const one of read(bytes)) {
    const out = new ByteWriter();
    encoder.encode(one, out);
    assert.deepEqual(out.view(), encodeEntry('json', withoutTable(one)));
  }
});

test('an entry of more names than are kept in mind becomes the very object that its strings would become', () => {
  const wide = Array.from({ length: 3000 }, (_, at) => [`WIDE_${'X'.repeat(50)}${at}`, `${at}`] as const);
  const encoder = createEncoder('json', { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false });
  for (const one of read(Buffer.concat([exportEntry([['A', '1']]), exportEntry(wide), exportEntry([['A', '2']])]))) {
    const out = new ByteWriter();
    encoder.encode(one, out);
    assert.deepEqual(out.view(), encodeEntry('json', withoutTable(one)));
  }
});

test('bytes that are nearly UTF-8, or just so, become the very object that their strings would become', () => {
  const all = [...Array(256).keys()];
  const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
  const leads = [0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5];
  const values = [
    ...all.flatMap((first) => all.map((second) => [first, second])),
    ...leads.flatMap((first) => edges.flatMap((second) => edges.flatMap((third) => [[first, second, third], ...edges.map((fourth) => [first, second, third, fourth])]))),
  ];
  const encoder = createEncoder('json', { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false });
  let copied = 0;
  for (const one of read(Buffer.concat(values.map((bytes) => exportEntry([['MESSAGE', Uint8Array.from([...bytes, 0x61])]]))))) {
    const [out, plain] = [new ByteWriter(), new ByteWriter()];
    encoder.encode(one, out);
    encoder.encode(withoutTable(one), plain);
    assert.deepEqual(out.view(), plain.view());
    if (encoder.encodeRun!({ table: one.table!, from: one.index!, to: one.index! + 1 }, 'none', { from: 0, messages: 1, bytes: 1000 }) !== undefined) copied++;
  }
  const valid = values.filter((bytes) => isUtf8(Uint8Array.from(bytes))).length;
  assert.equal(copied, valid);
});

test('an entry of text is copied, without a string being made of any value', () => {
  const fields: Fields = [['__CURSOR', 's=1'], ['_UID', '0'], ['_GID', '0'], ['_PID', '1'], ['MESSAGE', 'é \x1b[0m "\\\n\0']];
  const [one] = read(exportEntry(fields));
  const untouchable = { ...withoutTable(one!), table: one!.table!, index: one!.index!, get: () => assert.fail(), names: () => assert.fail() };
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
