import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../../src/core/byte-writer.js';
import { writeBase64, writeText } from '../../src/encoders/json-value.js';
import { encodeFields } from './encode.js';

/** Units that fall on each border between two pieces in all possible ways, when what stands before them is shifted. */
const units = ['x', 'é', '€', '😀', '\ud83d', '"', '\u2028'].map((text) => text.repeat(40_000));
const bytes = [[0x80], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xf0, 0x9f, 0x98, 0x80, 0x80, 0x80, 0x80], [0xed, 0xa0, 0x80], [0x61, 0xff, 0xc3, 0xa9]];

function written(write: (value: string | Uint8Array, out: ByteWriter) => void, value: string | Uint8Array): string {
  const out = new ByteWriter();
  write(value, out);
  return Buffer.from(out.view()).toString('utf8');
}

test('a text of any length is written as JSON.stringify writes it whole', () => {
  for (const unit of units) {
    for (let shift = 0; shift < 4; shift++) {
      const text = 'a'.repeat(shift) + unit.repeat(6);
      assert.ok(written(writeText, text) === JSON.stringify(text), `${JSON.stringify(unit[0])} after ${shift}`);
    }
  }
});

test('bytes of any length are written as if they were decoded whole', () => {
  for (const unit of bytes) {
    const run = Buffer.concat(Array.from({ length: 60_000 }, () => Buffer.from(unit)));
    for (let shift = 0; shift < 7; shift++) {
      const value = Buffer.concat([Buffer.alloc(shift, 'a'), run, run]);
      assert.ok(written(writeText, value) === JSON.stringify(value.toString('utf8')), `${String(unit)} after ${shift}`);
      assert.ok(written(writeBase64, value) === JSON.stringify(value.toString('base64')), `${String(unit)} after ${shift}`);
    }
  }
});

test('an entry with large values among small ones is one object', () => {
  const large = '😀"'.repeat(300_000);
  const binary = Buffer.alloc(300_001, 0xe2);
  const object = JSON.parse(encodeFields('json', { MESSAGE: large, F: 'small', B: binary, L: ['one', binary] })) as Record<string, unknown>;
  assert.ok(object['MESSAGE'] === large);
  assert.equal(object['F'], 'small');
  assert.ok(object['B'] === binary.toString('utf8') && object['B_BASE64'] === binary.toString('base64'));
  assert.deepEqual((object['L_BASE64'] as string[]).map((one) => Buffer.from(one, 'base64').length), [3, binary.length]);
});

test('of a value that exceeds the limit many times, as much is kept as of one that exceeds it a little', () => {
  const kept = (count: number): string => encodeFields('json', { MESSAGE: 'é'.repeat(count), F: Buffer.alloc(count, 0xff) }, { maxMessageBytes: 2000 });
  assert.ok(Buffer.byteLength(kept(2000)) > 1990);
  assert.equal(kept(2_000_000), kept(2000));
});
