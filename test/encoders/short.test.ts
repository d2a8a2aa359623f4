import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { formatBytes } from '../../src/encoders/printable.js';
import { entryOf } from '../support/entry.js';
import { journalctlOutput } from '../support/journalctl-output.js';
import { makeJournal } from '../support/make-journal.js';
import { encodeEntry, encodeFields, example } from './encode.js';

const short = encodeFields.bind(undefined, 'short');
const cat = encodeFields.bind(undefined, 'cat');

before(() => {
  process.env['TZ'] = 'UTC';
});

test('the shared example becomes the line of its migration', () => {
  assert.equal(short(example), 'Nov 03 19:00:00 h1 app[42]: first');
});

test('later lines are indented to the text, and LF on a single line is #012', () => {
  const fields = { ...example, MESSAGE: 'one\ntwo\n\n' };
  const indent = ' '.repeat('Nov 03 19:00:00 h1 app[42]: '.length);
  assert.equal(short(fields), `Nov 03 19:00:00 h1 app[42]: one\n${indent}two\n${indent}`);
  assert.equal(short(fields, { singleLine: true }), `Nov 03 19:00:00 h1 app[42]: one#012${indent}two#012${indent}`);
});

test('another text may stand for LF on a single line, and is not cut in half', () => {
  const indent = ' '.repeat('Nov 03 19:00:00 h1 app[42]: '.length);
  assert.equal(short({ ...example, MESSAGE: 'one\ntwo\n' }, { singleLine: true, lineFeed: '\u2028' }), `Nov 03 19:00:00 h1 app[42]: one\u2028${indent}two`);
  assert.equal(cat({ ...example, MESSAGE: 'one\ntwo\n' }, { singleLine: true, lineFeed: '\u2028' }), 'one\u2028two');
  for (let most = 64; most < 70; most++) assert.doesNotMatch(cat({ ...example, MESSAGE: '\n'.repeat(99) }, { singleLine: true, lineFeed: '\u2028', maxMessageBytes: most }) ?? '', /\ufffd/);
});

test('a line feed in the identifier does not break a single line either', () => {
  assert.equal(short({ ...example, SYSLOG_IDENTIFIER: 'a\nb' }, { singleLine: true }), 'Nov 03 19:00:00 h1 a#012b[42]: first');
});

test('a text that is not printable is a blob', () => {
  assert.equal(short({ ...example, MESSAGE: '\x01'.repeat(1536) }), 'Nov 03 19:00:00 h1 app[42]: [1.5K blob data]');
  assert.equal(short({ ...example, MESSAGE: Buffer.alloc(12, 0xff) }), 'Nov 03 19:00:00 h1 app[42]: [12B blob data]');
});

test('sizes of blobs are those that journalctl prints', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'blobs-'));
  const sizes = [1, 1023, 1024, 1025, 1126, 1127, 2047, 10_239, 102_400, 1_048_575, 1_048_576, 1_153_433, 1_153_434, 3_000_000, 20_000_000];
  const entries = sizes.map((size) => ({ fields: { MESSAGE: Buffer.alloc(size, 1) } }));
  const file = join(folder, 'blobs.journal');
  await makeJournal(file, entries);
  const printed = (await journalctlOutput(file, 'short')).toString().match(/[^[]+(?= blob data)/g);
  await rm(folder, { recursive: true });
  assert.deepEqual(sizes.map(formatBytes), printed);
});

test('of a field that was set more than once, journalctl and we print one of its values', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'repeated-'));
  const fields = { ...example, MESSAGE: ['two', 'one', 'three'], _PID: ['5', '42'] };
  const file = join(folder, 'repeated.journal');
  await makeJournal(file, [{ fields }]);
  const theirs = (await journalctlOutput(file, 'short')).toString();
  await rm(folder, { recursive: true });
  for (const line of [theirs.trimEnd(), short(fields)]) assert.match(line, /^Nov 03 19:00:00 h1 app\[(5|42)\]: (one|two|three)$/);
});

test('an entry without MESSAGE has neither a short line nor a cat line', () => {
  assert.equal(encodeEntry('short', entryOf({ PRIORITY: '3' })), undefined);
  assert.equal(encodeEntry('cat', entryOf({ PRIORITY: '3' })), undefined);
});

test('an empty MESSAGE has both', () => {
  assert.equal(short({ ...example, MESSAGE: '' }), 'Nov 03 19:00:00 h1 app[42]: ');
  assert.equal(cat({ MESSAGE: '' }), '');
});

test('cat is MESSAGE as it is, one line where it must be', () => {
  assert.equal(cat({ MESSAGE: '\x1b[1mbold\n\0\n' }), '\x1b[1mbold\n\0\n');
  assert.equal(cat({ MESSAGE: 'one\ntwo\n' }, { singleLine: true }), 'one#012two');
});

test('both are cut with a mark', () => {
  assert.equal(short({ ...example, MESSAGE: 'é'.repeat(500) }, { maxMessageBytes: 64 }), `Nov 03 19:00:00 h1 app[42]: ${'é'.repeat(14)}...[cut]`);
  assert.equal(cat({ MESSAGE: 'é'.repeat(500) }, { maxMessageBytes: 65 }), `${'é'.repeat(28)}...[cut]`);
});
