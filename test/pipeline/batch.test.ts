import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Encoder } from '../../src/core/encoder.js';
import type { Framing, SinkLimits } from '../../src/core/sink.js';
import { FramedBatch } from '../../src/pipeline/batch.js';
import { heldBufferBytes } from '../support/collect-garbage.js';
import { numbered, numberIn } from '../support/fake-source.js';
import { encodeMessage } from '../support/message-encoder.js';

const roomy: SinkLimits = { maxMessages: 1000, maxBytes: 1_000_000, maxInFlight: 1, maxAgeMs: 0 };
const framings: readonly Framing[] = ['octet-counting', 'lf', 'none'];

describe('a batch', () => {
  const expected: Readonly<Record<Framing, string>> = { 'octet-counting': '3 one6 zwölf', lf: 'one\nzwölf\n', none: 'onezwölf' };
  for (const framing of framings) {
    test(`frames messages with ${framing}, and gives each without its frame`, () => {
      const batch = batchOf(framing, ['one', 'zwölf']);
      assert.equal(Buffer.from(batch.bytes).toString(), expected[framing]);
      assert.deepEqual(messagesOf(batch), ['one', 'zwölf']);
    });

    test(`leaves out what is delivered already, with ${framing}`, () => {
      const batch = batchOf(framing, ['one', 'two', 'three']);
      batch.skip(1);
      batch.skip(1);
      assert.deepEqual(messagesOf(batch), ['three']);
      assert.deepEqual(Buffer.from(batch.bytes), Buffer.from(batchOf(framing, ['three']).bytes));
      assert.equal(batch.timestamp(0), 3);
      assert.equal(numberIn(batch.place(0)), 3);
      batch.skip(5);
      assert.deepEqual([batch.count, batch.bytes.length], [0, 0]);
    });

    test(`is full when the next frame would exceed the bytes, and then holds what it held, with ${framing}`, () => {
      const size = batchOf(framing, ['12345678', '12345678']).bytes.length;
      const batch = batchOf(framing, ['12345678']);
      assert.equal(batch.add(numbered(2, { MESSAGE: '12345678' }), { ...roomy, maxBytes: size - 1 }), 'full');
      assert.deepEqual(messagesOf(batch), ['12345678']);
      assert.equal(batch.bytes.length, batchOf(framing, ['12345678']).bytes.length);
      assert.equal(batch.add(numbered(2, { MESSAGE: '12345678' }), { ...roomy, maxBytes: size }), 'added');
      assert.equal(batch.bytes.length, size);
    });
  }

  test('is full when it has as many messages as it may', () => {
    const batch = batchOf('lf', ['a', 'b']);
    assert.equal(batch.add(numbered(3), { ...roomy, maxMessages: 2 }), 'full');
    assert.deepEqual(messagesOf(batch), ['a', 'b']);
  });

  test('takes a single message that is larger than it may be, and nothing more', () => {
    const batch = new FramedBatch(encodeMessage, 'octet-counting');
    const small = { ...roomy, maxBytes: 10 };
    assert.equal(batch.add(numbered(1, { MESSAGE: 'x'.repeat(100) }), small), 'added');
    assert.equal(batch.add(numbered(2, { MESSAGE: 'y' }), small), 'full');
    assert.equal(batch.count, 1);
  });

  test('skips an empty message with octet counting, where a length must not begin with 0 (RFC 6587 section 3.4.1)', () => {
    for (const framing of framings) {
      const batch = batchOf(framing, ['a']);
      assert.equal(batch.add(numbered(2, { MESSAGE: '' }), roomy), framing === 'octet-counting' ? 'skipped' : 'added');
      assert.equal(batch.add(numbered(3, { MESSAGE: 'b' }), roomy), 'added');
      assert.doesNotMatch(Buffer.from(batch.bytes).toString(), /0 /);
    }
  });

  test('skips an entry of which the format has nothing to say', () => {
    for (const framing of framings) {
      const batch = batchOf(framing, ['a']);
      assert.equal(batch.add(numbered(2, { PRIORITY: '6' }), roomy), 'skipped');
      assert.deepEqual(messagesOf(batch), ['a']);
    }
  });

  test('is empty and usable again after it was cleared', () => {
    for (const framing of framings) {
      const batch = batchOf(framing, ['one', 'two']);
      batch.skip(1);
      batch.clear();
      assert.deepEqual([batch.count, batch.bytes.length], [0, 0]);
      batch.add(numbered(9, { MESSAGE: 'nine' }), roomy);
      assert.deepEqual(messagesOf(batch), ['nine']);
      assert.equal(batch.timestamp(0), 9);
    }
  });

  for (const framing of framings) {
    test(`gives back what only an unusual message needed, with ${framing}`, async () => {
      const before = await heldBufferBytes();
      const batches = Array.from({ length: 4 }, () => batchOf(framing, ['x'.repeat(20_000_000)]));
      assert.ok((await heldBufferBytes()) - before > 80_000_000);
      for (const batch of batches) batch.clear();
      const kept = (await heldBufferBytes()) - before;
      assert.ok(kept < 10_000_000, `${kept} bytes are kept`);
      assert.deepEqual(batches.map(({ count }) => count), [0, 0, 0, 0]);
    });
  }

  test('tells when its first message came', () => {
    const before = performance.now();
    const batch = batchOf('lf', ['a']);
    const { startedMs } = batch;
    assert.ok(startedMs >= before && startedMs <= performance.now());
    batch.add(numbered(2), roomy);
    assert.equal(batch.startedMs, startedMs);
  });

  test('holds what was put into it, with any messages, limits, framing and number skipped', () => {
    fc.assert(
      fc.property(fc.constantFrom(...framings), fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 12 }), fc.nat(5), (framing, texts, maxBytes, maxMessages, skipped) => {
        const limits = { ...roomy, maxBytes, maxMessages };
        const batches: FramedBatch[] = [new FramedBatch(encodeMessage, framing)];
        for (const [index, text] of texts.entries()) {
          const entry = numbered(index + 1, { MESSAGE: text });
          if (batches.at(-1)!.add(entry, limits) === 'added') continue;
          batches.push(new FramedBatch(encodeMessage, framing));
          assert.equal(batches.at(-1)!.add(entry, limits), 'added');
        }
        assert.deepEqual(batches.flatMap(messagesOf), texts.map((text) => Buffer.from(text).toString()));
        for (const batch of batches) {
          assert.ok(batch.count <= 1 || (batch.bytes.length <= maxBytes && batch.count <= maxMessages));
          const all = messagesOf(batch);
          batch.skip(skipped);
          assert.deepEqual(messagesOf(batch), all.slice(skipped));
          assert.deepEqual(Buffer.from(batch.bytes), Buffer.from(batchOf(framing, all.slice(skipped)).bytes));
        }
      }),
    );
  });
});

function batchOf(framing: Framing, texts: readonly string[], encoder: Encoder = encodeMessage): FramedBatch {
  const batch = new FramedBatch(encoder, framing);
  for (const [index, text] of texts.entries()) assert.equal(batch.add(numbered(index + 1, { MESSAGE: text }), { ...roomy, maxBytes: 1e9 }), 'added');
  return batch;
}

function messagesOf(batch: FramedBatch): string[] {
  return Array.from({ length: batch.count }, (_, index) => Buffer.from(batch.message(index)).toString());
}
