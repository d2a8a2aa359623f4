import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { jsonLines, type LongLine } from '../../src/formats/json-lines.js';
import { cutInto, stream, unexpected } from './chunks.js';

/** Lines with their numbers; those that are too long as their heads. */
async function readAll(chunks: Iterable<string | Uint8Array>, maxLineBytes = 1000): Promise<[number, string][]> {
  const all: [number, string][] = [];
  const buffers = [...chunks].map((chunk) => Buffer.from(chunk as string));
  const onTooLong = async (line: LongLine): Promise<void> => {
    all.push([line.lineNumber, `too long: ${Buffer.from(line.head).toString('latin1')}`]);
  };
  for await (const { first, lines, bytesOf } of jsonLines(stream(buffers), { maxLineBytes, onTooLong })) {
    lines.forEach((line, index) => {
      assert.equal(Buffer.from(bytesOf(index)).toString('utf8'), line);
      all.push([first + index, line]);
    });
  }
  return all;
}

describe('lines of JSON', () => {
  test('come in one array for all that a chunk completes, at once', async () => {
    let pushed = '';
    async function* input(): AsyncGenerator<Buffer> {
      for (const chunk of ['a\nb\nc', 'c\n', 'd']) {
        pushed += chunk;
        yield Buffer.from(chunk);
      }
    }
    const reads = [];
    for await (const { first, lines } of jsonLines(input(), { maxLineBytes: 100, onTooLong: unexpected })) reads.push([first, lines, pushed]);
    assert.deepEqual(reads, [
      [1, ['a', 'b'], 'a\nb\nc'],
      [3, ['cc'], 'a\nb\ncc\n'],
      [4, ['d'], 'a\nb\ncc\nd'],
    ]);
  });

  test('keep their numbers over empty lines', async () => {
    assert.deepEqual(await readAll(['\n\na\n', '\nb']), [[1, ''], [2, ''], [3, 'a'], [4, ''], [5, 'b']]);
    assert.deepEqual(await readAll([]), []);
  });

  test('may have characters that chunks cut', async () => {
    const bytes = Buffer.from('ä\u{1f600}\nb\n');
    assert.deepEqual(await readAll([...bytes].map((byte) => Buffer.of(byte))), [[1, 'ä\u{1f600}'], [2, 'b']]);
  });

  test('that are too long are told in their place, with their number and beginning, and skipped', async () => {
    const long = 'x'.repeat(25);
    assert.deepEqual(await readAll(['a\n', 'x'.repeat(15), 'x'.repeat(10), '\nb\n'], 20), [[1, 'a'], [2, `too long: ${long.slice(0, 20)}`], [3, 'b']]);
    assert.deepEqual(await readAll([`a\n${long}\nb\n${long}`], 20), [[1, 'a'], [2, `too long: ${long.slice(0, 20)}`], [3, 'b'], [4, `too long: ${long.slice(0, 20)}`]]);
    assert.deepEqual(await readAll([`${'x'.repeat(20)}\n`], 20), [[1, 'x'.repeat(20)]]);
  });

  test('that are too long are waited for before the next are given', async () => {
    const order: string[] = [];
    const onTooLong = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push('settled');
    };
    for await (const { lines } of jsonLines(stream([Buffer.from(`a\n${'x'.repeat(99)}\nb\n`)]), { maxLineBytes: 10, onTooLong })) order.push(...lines);
    assert.deepEqual(order, ['a', 'settled', 'b']);
  });

  test('never take more memory than a line may have and a chunk, however long they are', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    function* endless(): Generator<Buffer> {
      for (let i = 0; i < 3000; i++) {
        yield chunk;
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      yield Buffer.from('\n{"a":1}\n');
    }
    const lines: string[] = [];
    for await (const read of jsonLines(stream(endless()), { maxLineBytes: 1024 * 1024, onTooLong: async () => {} })) lines.push(...read.lines);
    assert.deepEqual(lines, ['{"a":1}']);
    assert.ok(most < 8 * 1024 * 1024, `held ${most} bytes`);
  });

  test('release the input when their reader leaves', async () => {
    let released = false;
    async function* input(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield Buffer.from('line\n');
      } finally {
        released = true;
      }
    }
    for await (const { lines } of jsonLines(input(), { maxLineBytes: 10, onTooLong: unexpected })) {
      assert.deepEqual(lines, ['line']);
      break;
    }
    assert.ok(released);
  });

  test('are the same wherever the chunks are cut', async () => {
    const text = fc.array(fc.constantFrom('\n', '\r\n', 'ab', '\u{1f600}', 'xxxxxxxx', '"')).map((parts) => Buffer.from(parts.join('')));
    await fc.assert(
      fc.asyncProperty(cutInto(text), async ({ whole, chunks }) => {
        const lines = whole.toString('utf8').split('\n').map((line, index): [number, string] => {
          const bytes = Buffer.from(line);
          return [index + 1, bytes.length > 12 ? `too long: ${bytes.subarray(0, 12).toString('latin1')}` : line];
        });
        if (lines.at(-1)?.[1] === '') lines.pop();
        assert.deepEqual(await readAll(chunks, 12), lines);
      }),
      { numRuns: 500 },
    );
  });
});
