import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../../src/core/byte-writer.js';
import { appendMessage } from '../../src/encoders/message-text.js';
import { boundaryBefore, cutMark, cutTo } from '../../src/encoders/truncate.js';

function cut(text: string | Uint8Array, maxBytes: number, singleLine = true): string {
  const out = new ByteWriter(16);
  out.text('kept');
  appendMessage(out, Buffer.from(text), singleLine, maxBytes);
  cutTo(out, 4, maxBytes);
  return out.view(4).toString('utf8');
}

test('a text within the limit stays whole', () => {
  assert.equal(cut('0123456789', 10), '0123456789');
});

test('a text over the limit keeps whole code points only, as many as fit beside the mark', () => {
  const text = 'aé日😀'.repeat(20);
  for (let maxBytes = cutMark.length; maxBytes < Buffer.byteLength(text); maxBytes++) {
    const kept = cut(text, maxBytes).slice(0, -cutMark.length);
    assert.ok(text.startsWith(kept));
    const next = String.fromCodePoint(text.codePointAt(kept.length) as number);
    const room = maxBytes - cutMark.length;
    assert.ok(Buffer.byteLength(kept) <= room && Buffer.byteLength(kept + next) > room);
  }
});

test('an escape is kept whole or not at all', () => {
  const text = 'a\nb\0c'.repeat(20);
  const whole = 'a#012b#000c'.repeat(20);
  for (let maxBytes = cutMark.length; maxBytes < whole.length; maxBytes++) {
    const kept = cut(text, maxBytes).slice(0, -cutMark.length);
    assert.ok(whole.startsWith(kept));
    assert.doesNotMatch(kept, /#0?[01]?$/);
  }
});

test('escapes count towards the limit', () => {
  assert.equal(cut('\n'.repeat(100), 20), '#012#012#012...[cut]');
  assert.equal(cut('\n'.repeat(6), 20), '#012#012#012#012#012');
});

test('bytes that are not UTF-8 can be cut anywhere', () => {
  assert.equal(boundaryBefore(new Uint8Array(20).fill(0x80), 10), 10);
  assert.equal(boundaryBefore(new Uint8Array(20).fill(0xf0), 10), 10);
});

test('what must be kept is, where there is no room for the mark', () => {
  const out = new ByteWriter(16);
  out.text('header message');
  assert.equal(cutTo(out, 0, 10, 7), true);
  assert.equal(out.view().toString(), 'header ');
});
