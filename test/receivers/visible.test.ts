import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { visible } from '../../src/receivers/visible.js';

describe('visible', () => {
  it('leaves text as it is', () => {
    assert.equal(visible(Buffer.from('<13>1 naïve 🐈 C:\\temp')), '<13>1 naïve 🐈 C:\\temp');
  });

  it('shows control characters as a program would write them', () => {
    assert.equal(visible(Buffer.from('a\n\tb\r\u001b[31m\u0000\u007f\u009b')), 'a\\n\\tb\\r\\u001b[31m\\u0000\\u007f\\u009b');
  });

  it('shows marks that change how a line reads', () => {
    assert.equal(visible(Buffer.from('\ufeffabc\u202edef\u2028')), '\\ufeffabc\\u202edef\\u2028');
  });

  it('shows the bytes of what is not UTF-8', () => {
    assert.equal(visible(Buffer.from([0x41, 0xff, 0xfe, 0x80, 0x0a])), 'A\\xff\\xfe\\x80\\n');
  });

  it('gives one line without control characters for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => !/[\u0000-\u001f\u007f-\u009f]/.test(visible(Buffer.from(bytes)))));
  });
});
