import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endOfLine, endOfName } from '../../src/formats/export-ends.js';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.array(fc.constantFrom(...Buffer.from('AZ09_a`[@/:=^\n\v\t\x8a\xdf\xc1\x00\x7f', 'latin1')), { maxLength: 100 }).map((values) => Uint8Array.from(values)),
  fc.stringMatching(/^[A-Z0-9_]{0,40}=[ -~]{0,90}\n?$/).map((text) => Buffer.from(text)),
);
const place = fc.nat({ max: 100 }).chain((from) => bytes.map((value) => ({ value, from: Math.min(from, value.length) })));

function view({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

test('the end of a name is the first byte that cannot stand in one', () => {
  fc.assert(
    fc.property(place, ({ value, from }) => {
      const end = value.findIndex((byte, index) => index >= from && !/[A-Z0-9_]/.test(String.fromCharCode(byte)));
      assert.equal(endOfName(value, view(value), from), end < 0 ? value.length : end);
    }),
    { numRuns: 5000 },
  );
});

test('of all bytes, those alone that stand in a name pass for one, wherever in a word', () => {
  for (let byte = 0; byte < 256; byte++) {
    for (let at = 0; at < 4; at++) {
      const value = Buffer.from('AAAAAAAA=');
      value[at] = byte;
      assert.equal(endOfName(value, view(value), 0), /[A-Z0-9_]/.test(String.fromCharCode(byte)) ? 8 : at, `${byte} at ${at}`);
    }
  }
});

test('the end of a line is its line feed, near or far', () => {
  const far = fc.nat({ max: 200 }).map((length) => Buffer.from(`${'\v\x8a'.repeat(length)}\n`, 'latin1'));
  fc.assert(
    fc.property(fc.oneof(place, far.map((value) => ({ value, from: 0 }))), ({ value, from }) => {
      assert.equal(endOfLine(value, view(value), from), value.indexOf(0x0a, from));
    }),
    { numRuns: 5000 },
  );
});
