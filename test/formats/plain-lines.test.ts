import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PlainLines } from '../../src/formats/plain-lines.js';
import { cutInto } from './chunks.js';

/** The lines, those that continue with a mark. */
function readAll(chunks: Iterable<string | Uint8Array>, maxLineBytes = 1000): string[] {
  const splitter = new PlainLines(maxLineBytes);
  const lines = [...chunks].flatMap((chunk) => splitter.push(Buffer.from(chunk as string)));
  lines.push(...splitter.end());
  return lines.map(({ bytes, continues }) => Buffer.from(bytes).toString('latin1') + (continues ? '>' : ''));
}

describe('plain lines', () => {
  test('are given as soon as they are complete', () => {
    const splitter = new PlainLines(100);
    assert.equal(splitter.push(Buffer.from('a\nb\nc')).length, 2);
    assert.equal(splitter.push(Buffer.from('\n')).length, 1);
    assert.equal(splitter.end().length, 0);
  });

  test('count at the end of the input without a line feed', () => {
    assert.deepEqual(readAll(['a\nb']), ['a', 'b']);
    assert.deepEqual(readAll(['']), []);
  });

  test('lose a CR before the line feed, and no other', () => {
    assert.deepEqual(readAll(['a\r', '\nb\r\r\nc\rd\n\r\n', 'e\r']), ['a', 'b\r', 'c\rd', '', 'e\r']);
  });

  test('keep every byte as it is', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10));
    assert.deepEqual(readAll([bytes, '\n']), [bytes.toString('latin1')]);
  });

  test('that are too long come in pieces, before they have ended', () => {
    assert.deepEqual(readAll(['x'.repeat(25), '\ny\n'], 10), ['xxxxxxxxxx>', 'xxxxxxxxxx>', 'xxxxx', 'y']);
    assert.deepEqual(readAll([`${'x'.repeat(10)}\r`, '\n'], 10), ['xxxxxxxxxx']);
    assert.equal(new PlainLines(10).push(Buffer.alloc(100, 'x')).length, 9);
  });

  test('are not cut within a character', () => {
    assert.deepEqual(readAll([Buffer.from('aaaaaaaa\u{1f600}b\n')], 10), ['aaaaaaaa>', Buffer.from('\u{1f600}b').toString('latin1')]);
  });

  test('are whole again when their pieces are joined, and the same wherever the chunks are cut', () => {
    const bytes = fc.array(fc.constantFrom('\n', '\r', '\r\n', 'ab', '\u{1f600}', 'xxxxxxxx')).map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(cutInto(fc.oneof(bytes, fc.uint8Array())), ({ whole, chunks }) => {
        const pieces = readAll(chunks, 6);
        assert.deepEqual(pieces, readAll([whole], 6));
        const splitter = new PlainLines(6);
        const parts = [...splitter.push(whole), ...splitter.end()];
        for (const { bytes: part } of parts) assert.ok(part.length <= 6);
        const joined = parts.map((part) => Buffer.from(part.bytes).toString('latin1') + (part.continues ? '' : '\n')).join('');
        const text = whole.toString('latin1').replaceAll('\r\n', '\n');
        assert.equal(joined, text === '' || text.endsWith('\n') ? text : `${text}\n`);
      }),
      { numRuns: 1000 },
    );
  });
});
