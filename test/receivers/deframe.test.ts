import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Deframer, FramingError } from '../../src/receivers/deframe.js';
import type { StreamFraming } from '../../src/receivers/deframe.js';

describe('Deframer', () => {
  it('finds octet-counted messages of any bytes, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), pieceLengths, (messages, lengths) => {
        const stream = Buffer.concat(messages.map(counted));
        assert.deepEqual(deframe('auto', cut(stream, lengths)), messages.map((m) => Buffer.from(m)));
        assert.deepEqual(deframe('octet-counting', cut(stream, lengths)), messages.map((m) => Buffer.from(m)));
      }),
    );
  });

  it('finds lines of any bytes but LF, however the stream is cut', () => {
    const line = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => bytes.map((byte) => (byte === 10 ? 11 : byte)));
    fc.assert(
      fc.property(fc.array(line), pieceLengths, (lines, lengths) => {
        const stream = Buffer.concat(lines.flatMap((l) => [l, Buffer.from('\n')]));
        assert.deepEqual(deframe('lf', cut(stream, lengths)), lines.map((l) => Buffer.from(l)));
      }),
    );
  });

  it('tells the two framings apart frame by frame', () => {
    const message = fc.record({ text: fc.uint8Array({ minLength: 1, maxLength: 60 }), asLine: fc.boolean() });
    fc.assert(
      fc.property(fc.array(message), pieceLengths, (drawn, lengths) => {
        const messages = drawn.map(({ text, asLine }) => ({ asLine, bytes: Buffer.concat([Buffer.from('<13>'), asLine ? text.map((b) => (b === 10 ? 11 : b)) : text]) }));
        const stream = Buffer.concat(messages.map(({ asLine, bytes }) => (asLine ? Buffer.concat([bytes, Buffer.from('\n')]) : counted(bytes))));
        assert.deepEqual(deframe('auto', cut(stream, lengths)), messages.map(({ bytes }) => bytes));
      }),
    );
  });

  it('takes a line that begins with digits but not with a length for a line', () => {
    assert.deepEqual(texts('auto', '2026-11-20 up\n7seven\n12345678901 many\n0 zero\n42\n'), ['2026-11-20 up', '7seven', '12345678901 many', '0 zero', '42']);
  });

  it('passes over empty lines, and over the LF that some senders put behind a counted message', () => {
    assert.deepEqual(texts('auto', '\n\n3 one\n3 two\n\nthree\n'), ['one', 'two', 'three']);
  });

  it('gives the last line where its LF is missing', () => {
    assert.deepEqual(texts('auto', 'one\ntwo'), ['one', 'two']);
    assert.deepEqual(texts('auto', 'one\n22'), ['one', '22']);
  });

  it('leaves a line alone that begins with a length, where it is told that lines come', () => {
    assert.deepEqual(texts('lf', '3 one two\n'), ['3 one two']);
  });

  it('refuses a stream that ends inside a counted message', () => {
    assert.throws(() => texts('auto', '10 short'), failsWith('the stream ended 5 bytes before the end of a message, of which 5 bytes had arrived'));
    assert.throws(() => texts('octet-counting', '10'), failsWith("the stream ended inside a message's length"));
  });

  it('refuses text where it is told that counted messages come', () => {
    assert.throws(() => texts('octet-counting', '<13>one\n'), failsWith('a message length was expected and byte 60 came'));
    assert.throws(() => texts('octet-counting', '12x'), failsWith("a space was expected behind a message's length and byte 120 came"));
    assert.throws(() => texts('octet-counting', '12345678901 '), FramingError);
  });

  it('refuses a longer message than it may keep, in either framing', () => {
    assert.deepEqual(texts('auto', `100 ${'x'.repeat(100)}`, 100).length, 1);
    assert.throws(() => texts('auto', '101 x', 100), /^FramingError: a message of 101 bytes was announced, and 100 is the most/);
    assert.deepEqual(texts('auto', `${'x'.repeat(100)}\n`, 100).length, 1);
    const deframer = new Deframer('auto', 100);
    deframer.push(Buffer.alloc(60, 'x'));
    assert.throws(() => deframer.push(Buffer.alloc(60, 'x')), failsWith('a line is longer than 100 bytes'));
  });

  it('takes no memory for what a length merely promises', () => {
    const before = process.memoryUsage().arrayBuffers;
    const deframers = Array.from({ length: 20 }, () => new Deframer('auto', 256 * 1024 * 1024));
    for (const deframer of deframers) assert.deepEqual(deframer.push(Buffer.from('268435456 x')), []);
    const grownBytes = process.memoryUsage().arrayBuffers - before;
    assert.ok(grownBytes < 1024 * 1024, `${grownBytes} bytes`);
  });

  it('keeps a message that it gave intact when more arrives', () => {
    const deframer = new Deframer('auto', 1_000);
    deframer.push(Buffer.from('<1>fir'));
    const [first] = deframer.push(Buffer.from('st\n<1>sec'));
    deframer.push(Buffer.from('ond\n'));
    assert.equal(String(first), '<1>first');
  });
});

/** Lengths of the pieces in which a stream arrives, over and over; mostly small, so that borders fall everywhere. */
const pieceLengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });

function cut(stream: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < stream.length; i++) {
    const length = lengths[i % lengths.length] as number;
    pieces.push(stream.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function counted(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

function deframe(framing: StreamFraming, pieces: readonly Buffer[], maxMessageBytes = 1024 * 1024): Buffer[] {
  const deframer = new Deframer(framing, maxMessageBytes);
  const messages = pieces.flatMap((piece) => deframer.push(piece));
  const last = deframer.end();
  return last === undefined ? messages : [...messages, last];
}

function texts(framing: StreamFraming, stream: string, maxMessageBytes?: number): string[] {
  return deframe(framing, [Buffer.from(stream)], maxMessageBytes).map(String);
}

function failsWith(message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof FramingError);
    assert.equal(error.message, message);
    return true;
  };
}
