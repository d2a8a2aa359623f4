import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../src/core/byte-writer.js';
import { LAST_TXNR, RELP_FRAME_OVERHEAD, RelpFrameError, RelpFrameReader, txnrAfter, writeRelpFrame } from '../../src/core/relp-frame.js';

describe('a RELP frame', () => {
  it('is written as the specification has it, and without a space where it has no data', () => {
    assert.equal(written(2, 'syslog', Buffer.from('hello')), '2 syslog 5 hello\n');
    assert.equal(written(999_999_999, 'close', Buffer.alloc(0)), '999999999 close 0\n');
  });

  it('is read as it was written, whatever its data and the pieces in which it comes', () => {
    const frame = fc.record({
      txnr: fc.integer({ min: 0, max: LAST_TXNR }),
      command: fc.stringMatching(/^[A-Za-z]{1,32}$/),
      data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    }, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(2000)), (frames, cuts) => {
        const out = new ByteWriter();
        for (const { txnr, command, data } of frames) {
          const before = out.length;
          writeRelpFrame(out, txnr, command, data);
          assert.ok(out.length - before <= data.length + RELP_FRAME_OVERHEAD);
        }
        const bytes = Buffer.from(out.view());
        const reader = new RelpFrameReader(300);
        const read = piecesOf(bytes, cuts).flatMap((piece) => reader.push(piece).map((got) => ({ ...got, data: Buffer.from(got.data) })));
        assert.deepEqual(read, frames);
        assert.equal(reader.isInside, false);
      }),
    );
  });

  it('may have a space behind a length of 0', () => {
    const read = new RelpFrameReader(0).push(Buffer.from('7 rsp 0 \n8 rsp 0\n'));
    assert.deepEqual(read.map(({ txnr, data }) => [txnr, data.length]), [[7, 0], [8, 0]]);
  });

  for (const [bytes, words] of [
    ['x', /a transaction number and a space were expected and "x" came/],
    [' ', /a transaction number and a space were expected and byte 32 came/],
    ['1234567890', /a number has more than 9 digits/],
    ['1 rs1', /a command of at most 32 letters was expected and "1" came/],
    ['1  ', /a command of at most 32 letters/],
    [`1 ${'a'.repeat(33)}`, /a command of at most 32 letters/],
    ['1 rsp \n', /a length and a space were expected and byte 10 came/],
    ['1 rsp 5\n', /a length and a space were expected and byte 10 came/],
    ['1 rsp 11 ', /data of 11 bytes was announced, and 10 is the most/],
    ['1 rsp 3 200x', /a line feed was expected behind the data and "x" came/],
    ['1 rsp 0 x', /a line feed was expected behind the data and "x" came/],
  ] as const) {
    it(`is none: ${JSON.stringify(bytes)}`, () => {
      assert.throws(() => new RelpFrameReader(10).push(Buffer.from(bytes)), (error) => error instanceof RelpFrameError && words.test(error.message));
    });
  }

  it('has a number that 1 follows behind the last', () => {
    assert.equal(txnrAfter(1), 2);
    assert.equal(txnrAfter(LAST_TXNR), 1);
    assert.equal(txnrAfter(LAST_TXNR - 1, 3), 2);
    assert.equal(txnrAfter(5, 0), 5);
  });
});

function written(txnr: number, command: string, data: Buffer): string {
  const out = new ByteWriter();
  writeRelpFrame(out, txnr, command, data);
  return out.view().toString();
}

function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}
