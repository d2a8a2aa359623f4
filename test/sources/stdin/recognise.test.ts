import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Recogniser } from '../../../src/sources/stdin/recognise.js';

/** The format, and after how many bytes it was known; fed one byte at a time. */
function recognise(text: string | Uint8Array, maxLineBytes = 1000): readonly [format: string | undefined, after: number | 'end'] {
  const recogniser = new Recogniser(maxLineBytes);
  const bytes = Buffer.from(text as string);
  for (const [at, byte] of bytes.entries()) {
    const format = recogniser.push(Buffer.of(byte));
    if (format !== undefined) return [format, at + 1];
  }
  return [recogniser.end(), 'end'];
}

describe('the format of an input', () => {
  for (const [what, text, format, after] of [
    ['an object of JSON', '{"a":1}\nrest', 'json', '{"a":1}\n'],
    ['an empty object', '{}\n', 'json', '{}\n'],
    ['JSON after empty lines and spaces', '\n\r\n  {"a":1}\nrest', 'json', '\n\r\n  {"a":1}\n'],
    ['JSON without a line feed', '{"a":1}', 'json', undefined],
    ['JSON whose first line was cut', '{"a":"x\n{"a":1}\n', 'json', '{"a":"x\n{"a":1}\n'],
    ['JSON whose first line was cut, with an empty line after it', '{"a":"x\n\n{"a":1}', 'json', undefined],
    ['two lines that begin like JSON', '{a}\n{b}\n', 'plain', '{a}\n{b}\n'],
    ['one line that begins like JSON', '{a}\nrest', 'plain', '{a}\nr'],
    ['one line that begins like JSON, at the end', '{a}\n', 'plain', undefined],
    ['an array of JSON', '[1]\n', 'plain', '['],
    ['a cursor', '__CURSOR=s=1\n', 'export', '__CURSOR='],
    ['a time', '\n\n__REALTIME_TIMESTAMP=1\n', 'export', '\n\n__REALTIME_TIMESTAMP='],
    ['a variable', 'PATH=/bin\n', 'plain', 'P'],
    ['a trusted field', '_PID=1\n', 'plain', '_P'],
    ['dunder code', '__init__ = 1\n', 'plain', '__i'],
    ['underscores alone', '__=\n', 'plain', '__='],
    ['an indented field', ' __CURSOR=1', 'plain', ' _'],
    ['a name without a value', '__CURSOR', 'plain', undefined],
    ['a name that is too long', `__${'A'.repeat(63)}=`, 'plain', `__${'A'.repeat(63)}`],
    ['words', 'hello\n', 'plain', 'h'],
    ['a byte that is no character', Buffer.of(0xff, 0), 'plain', Buffer.of(0xff)],
  ] as const) {
    test(`is told from no more bytes than needed: ${what}`, () => {
      assert.deepEqual(recognise(text), [format, after?.length ?? 'end']);
    });
  }

  test('is told after a byte order mark, which is left out', () => {
    for (const [text, format] of [['__CURSOR=', 'export'], ['{}\n', 'json'], ['text', 'plain']] as const) {
      assert.equal(recognise(`\ufeff${text}`)[0], format);
      const recogniser = new Recogniser(100);
      recogniser.push(Buffer.from(`\ufeff${text}`));
      assert.equal(recogniser.head.toString(), text);
    }
    assert.deepEqual(recognise(Buffer.of(0xef, 0xbb)), ['plain', 'end']);
  });

  test('is none where there is no content', () => {
    assert.deepEqual(recognise(''), [undefined, 'end']);
    assert.deepEqual(recognise('\ufeff'), [undefined, 'end']);
  });

  test('goes by the beginning of a line that is too long', () => {
    assert.equal(recognise(`{"MESSAGE": "${'x'.repeat(200)}`, 100)[0], 'json');
    assert.equal(recognise(`{MESSAGE ${'x'.repeat(200)}`, 100)[0], 'plain');
  });
});
