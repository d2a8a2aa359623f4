import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCursor, isNewer, parseCursor, precedes, sameEntry } from '../../src/formats/cursor.js';

const cursor = `s=${'5e'.repeat(16)};i=1f4;b=${'b0'.repeat(16)};m=f4240;t=5b339a5a8b000;x=c0ffee00c0ffee00`;

test('takes a cursor apart', () => {
  assert.deepEqual(parseCursor(cursor), {
    seqnumId: '5e'.repeat(16),
    seqnum: 500,
    bootId: 'b0'.repeat(16),
    monotonic: 1_000_000,
    realtime: 0x5b339a5a8b000,
    xor: 'c0ffee00c0ffee00',
  });
});

test('takes a cursor with a final line feed, as a file holds it', () => {
  assert.deepEqual(parseCursor(`${cursor}\n`), parseCursor(cursor));
  assert.ok(isCursor(`${cursor}\n`));
});

for (const text of ['', 'garbage', cursor.slice(0, -17), cursor.slice(2), `${cursor}\n\n`, `${cursor};`, `s=${'5e'.repeat(16)};i=1`, cursor.replace('i=1f4', 'i=xyz'), 'stdin;n=1']) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseCursor(text), undefined);
    assert.equal(isCursor(text), false);
    assert.equal(sameEntry(text, text), false);
  });
}

test('sees one entry in cursors that differ in what a flush changes', () => {
  assert.ok(sameEntry(cursor, cursor.replace('i=1f4', 'i=2').replace('s=5e', 's=00')));
  assert.ok(sameEntry(cursor, `${cursor}\n`));
});

for (const [what, from, to] of [
  ['boot', 'b=b0', 'b=b1'],
  ['monotonic time', 'm=f4240', 'm=f4241'],
  ['time', 't=5b339a5a8b000', 't=5b339a5a8b001'],
  ['hash', 'x=c0ffee', 'x=c0ffef'],
] as const) {
  test(`sees two entries in cursors that differ in their ${what}`, () => {
    assert.equal(sameEntry(cursor, cursor.replace(from, to)), false);
  });
}

test('tells the newer entry by the number within one sequence, by the time since boot across sequences, and by the time of day across boots', () => {
  const later = cursor.replace('i=1f4', 'i=200').replace('t=5b339a5a8b000', 't=5b339a5a8afff');
  const otherSequence = later.replace('s=5e', 's=00').replace('m=f4240', 'm=f4241');
  const otherBoot = otherSequence.replace('b=b0', 'b=00');
  assert.deepEqual([isNewer(later, cursor), isNewer(cursor, later)], [true, false]);
  assert.deepEqual([isNewer(otherSequence, cursor), isNewer(cursor, otherSequence)], [true, false]);
  assert.deepEqual([isNewer(otherBoot, cursor), isNewer(cursor, otherBoot)], [false, true]);
  assert.equal(isNewer(cursor, cursor), false);
  assert.equal(isNewer(cursor, 'garbage'), false);
});

test('is sure that an entry precedes another only within one boot, by the clock that nobody sets', () => {
  const later = cursor.replace('m=f4240', 'm=f4241').replace('t=5b339a5a8b000', 't=5b339a5a8afff').replace('i=1f4', 'i=1').replace('s=5e', 's=00');
  assert.deepEqual([precedes(cursor, later), precedes(later, cursor), precedes(cursor, cursor)], [true, false, false]);
  assert.equal(precedes(cursor, later.replace('b=b0', 'b=00')), false);
  assert.equal(precedes(cursor, 'garbage'), false);
});
