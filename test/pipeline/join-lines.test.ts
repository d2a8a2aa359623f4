import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { textOf, type Cursor, type Entry } from '../../src/core/entry.js';
import type { Position } from '../../src/core/position.js';
import type { Chunk, Source } from '../../src/core/source.js';
import { joinLines, type JoinLimits } from '../../src/pipeline/join-lines.js';

describe('joined lines', () => {
  it('are one entry, which is the last piece with the whole MESSAGE', async () => {
    const [entry, ...others] = await joinedEntries([[piece(1, 'a', 'one '), piece(2, 'a', 'two '), last(3, 'a', 'three')]]);
    assert.deepEqual(others, []);
    assert.equal(textOf(entry!, 'MESSAGE'), 'one two three');
    assert.equal(entry!.cursor, 'c3');
    assert.equal(entry!.get('_LINE_BREAK'), undefined);
    assert.equal(entry!.get('N'), '3');
  });

  it('are text again where a piece ends within a character', async () => {
    const euro = Buffer.from('€');
    const [entry] = await joinedEntries([[piece(1, 'a', euro.subarray(0, 1)), last(2, 'a', euro.subarray(1))]]);
    assert.equal(entry!.get('MESSAGE'), '€');
    assert.deepEqual(Buffer.from(entry!.bytes('MESSAGE')!), euro);
  });

  it('of several streams are kept apart, and other entries keep their order', async () => {
    const entries = await joinedEntries([[piece(1, 'a', 'a1'), piece(2, 'b', 'b1'), plain(3)], [last(4, 'a', 'a2'), plain(5), last(6, 'b', 'b2'), plain(7)]]);
    assert.deepEqual(entries.map((entry) => textOf(entry, 'MESSAGE')), ['p3', 'a1a2', 'p5', 'b1b2', 'p7']);
  });

  it('do not let a position pass a piece that is held', async () => {
    const entries = await joinedEntries([[plain(1), piece(2, 'a', 'a1'), plain(3), last(4, 'a', 'a2'), plain(5)]]);
    assert.deepEqual(entries.map(({ cursor }) => cursor), ['c1', 'c1', 'c4', 'c5']);
  });

  it('are given as far as they came when no further piece comes in time', async () => {
    const source = sourceOf([[piece(1, 'a', 'a1'), piece(2, 'a', 'a2'), plain(3)]], () => new Promise(() => undefined));
    const chunks = joinLines(source, { maxWaitMs: 5 }).read(undefined, new AbortController().signal)[Symbol.asyncIterator]();
    const seen: Entry[] = [];
    while (seen.length < 2) seen.push(...((await chunks.next()).value as Chunk).entries);
    assert.deepEqual(seen.map((entry) => [textOf(entry, 'MESSAGE'), entry.cursor]), [['a1a2', 'c2'], ['p3', 'c3']]);
  });

  it('are given in parts where they are longer than the limit', async () => {
    const entries = await joinedEntries([[piece(1, 'a', 'xxxx'), piece(2, 'a', 'yyyy'), last(3, 'a', 'z')]], { maxLineBytes: 8 });
    assert.deepEqual(entries.map((entry) => textOf(entry, 'MESSAGE')), ['xxxxyyyy', 'z']);
  });

  it('hold back a position through which nothing matched, as long as they are unfinished', async () => {
    const source: Source = {
      async *read() {
        yield { entries: [piece(1, 'a', 'a1')] };
        yield { entries: [], through: { cursor: 'c9' as Cursor, timestamp: 9 } };
        yield { entries: [last(10, 'a', 'a2')], through: { cursor: 'c11' as Cursor, timestamp: 11 } };
      },
    };
    const chunks: Chunk[] = [];
    for await (const chunk of joinLines(source).read(undefined, new AbortController().signal)) chunks.push(chunk);
    assert.deepEqual(chunks.map((chunk) => chunk.through?.cursor).filter((cursor) => cursor !== undefined), ['c11']);
  });

  it('tell the source what is settled', () => {
    const settled: Position[] = [];
    const source: Source = { ...sourceOf([]), settled: (position) => settled.push(position) };
    joinLines(source).settled?.({ cursor: 'c1' as Cursor, timestamp: 1 });
    assert.deepEqual(settled, [{ cursor: 'c1', timestamp: 1 }]);
  });

  it('lose nothing, whenever the consumer stops and begins again at any position that it settled', async () => {
    await fc.assert(
      fc.asyncProperty(journals, limits, fc.nat(), async (chunks, limit, stopAt) => {
        const whole = chunks.flat();
        const given = await joinedEntries(chunks, limit);
        assert.deepEqual(textsByStream(given), textsByStream(whole), 'the same bytes in the same order');
        for (const [index, entry] of given.entries()) if (index > 0) assert.ok(numberOf(entry) >= numberOf(given[index - 1]!), 'positions never go back');
        if (given.length === 0) return;

        const settled = given.slice(0, (stopAt % given.length) + 1);
        const { cursor, timestamp } = settled.at(-1)!;
        const again = await joinedEntries(chunks, limit, { cursor, timestamp });
        const text = [...settled, ...again].map((entry) => textOf(entry, 'MESSAGE')).join('');
        // Before the very first entry there is no position, so that its first piece is passed.
        assert.deepEqual(whole.map(numberOf).filter((number) => number > 1 && !text.includes(`[${number}]`)), []);
      }),
      { numRuns: 500 },
    );
  });
});

const limits: fc.Arbitrary<Partial<JoinLimits>> = fc.record(
  { maxLineBytes: fc.integer({ min: 1, max: 60 }), maxBytes: fc.integer({ min: 1, max: 100 }), maxChunks: fc.integer({ min: 1, max: 10 }), maxLines: fc.integer({ min: 1, max: 3 }) },
  { requiredKeys: [] },
);

/** Chunks of entries whose MESSAGE holds `[number]`, so that each can be found again in a whole. */
const journals: fc.Arbitrary<Entry[][]> = fc
  .array(fc.record({ stream: fc.constantFrom(undefined, 'a', 'b', 'c'), isPiece: fc.boolean(), endsChunk: fc.boolean() }), { maxLength: 40 })
  .map((specs) => {
    const chunks: Entry[][] = [[]];
    specs.forEach(({ stream, isPiece, endsChunk }, index) => {
      const number = index + 1;
      const text = `[${number}]`;
      chunks.at(-1)!.push(stream === undefined ? plain(number, text) : isPiece ? piece(number, stream, text) : last(number, stream, text));
      if (endsChunk) chunks.push([]);
    });
    return chunks;
  });

async function joinedEntries(chunks: readonly Entry[][], limit: Partial<JoinLimits> = {}, after?: Position): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const chunk of joinLines(sourceOf(chunks), limit).read(after, new AbortController().signal)) entries.push(...chunk.entries);
  return entries;
}

function sourceOf(chunks: readonly Entry[][], end: () => Promise<unknown> = () => Promise.resolve()): Source {
  return {
    async *read(after) {
      const from = after === undefined ? 0 : Number(after.cursor.slice(1));
      for (const entries of chunks) yield { entries: entries.filter((entry) => numberOf(entry) > from) };
      await end();
    },
  };
}

function textsByStream(entries: readonly Entry[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const entry of entries) {
    const stream = textOf(entry, '_STREAM_ID') ?? 'none';
    texts[stream] = (texts[stream] ?? '') + textOf(entry, 'MESSAGE')!;
  }
  return texts;
}

function numberOf(entry: Entry): number {
  return Number(entry.cursor.slice(1));
}

function piece(number: number, stream: string, message: string | Uint8Array): Entry {
  return entryOf(number, { MESSAGE: message, _STREAM_ID: stream, _LINE_BREAK: 'line-max' });
}

function last(number: number, stream: string, message: string | Uint8Array): Entry {
  return entryOf(number, { MESSAGE: message, _STREAM_ID: stream });
}

function plain(number: number, message = `p${number}`): Entry {
  return entryOf(number, { MESSAGE: message });
}

function entryOf(number: number, fields: Readonly<Record<string, string | Uint8Array>>): Entry {
  const all: Readonly<Record<string, string | Uint8Array>> = { ...fields, N: String(number) };
  return {
    cursor: `c${number}` as Cursor,
    timestamp: number,
    get: (name) => all[name],
    bytes: (name) => {
      const value = all[name];
      return typeof value === 'string' ? Buffer.from(value) : value;
    },
    names: () => Object.keys(all),
  };
}
