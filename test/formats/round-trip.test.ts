import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../src/core/entry.js';
import { ExportReader } from '../../src/formats/export.js';
import { jsonLines } from '../../src/formats/json-lines.js';
import { parseJsonEntry } from '../../src/formats/json.js';
import { entryOf } from '../support/entry.js';
import { cutInto, stream, unexpected } from './chunks.js';
import { type Fields, exportEntry, jsonLine } from './serialise.js';
import { snapshot } from './snapshot.js';

const address = { cursor: 'c', timestamp: 1604430000000000 };
const name = fc.oneof(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,63}$/), fc.constantFrom('MESSAGE', 'TAG', '_PID'));
const value = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.string({ unit: fc.constantFrom('a', '\n', '\u001b', '\ufffd', '\ufffe', '\u0085', '=', '"', '\u2028') }).map((text) => Buffer.from(text)),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const entries = fc.array(fc.dictionary(name, fc.array(value, { minLength: 1, maxLength: 3 }), { maxKeys: 6 }), { maxLength: 5 });

function fieldsOf(entry: Record<string, Buffer[]>): Fields {
  const own = Object.entries(entry).flatMap(([one, values]) => values.map((bytes) => [one, bytes] as const));
  return [['__CURSOR', address.cursor], ['__REALTIME_TIMESTAMP', String(address.timestamp)], ...own];
}

/** The generated entries, and a stream of them cut into chunks. */
function streamsOf(serialise: (entry: Fields) => string | Buffer) {
  return entries.chain((all) => {
    const bytes = Buffer.concat(all.map((entry) => Buffer.from(serialise(fieldsOf(entry)) as string)));
    return cutInto(fc.constant(bytes)).map(({ chunks }) => ({ chunks, expected: all.map((entry) => snapshot(entryOf(entry, address))) }));
  });
}

test('any entries written in the export format are read back as they were', () => {
  fc.assert(
    fc.property(streamsOf(exportEntry), ({ chunks, expected }) => {
      const reader = new ExportReader({ onMalformed: (reason) => assert.fail(reason) });
      assert.deepEqual([...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()].map(snapshot), expected);
    }),
    { numRuns: 500 },
  );
});

test('any entries written as JSON are read back as they were', async () => {
  const property = fc.asyncProperty(streamsOf((entry) => `${jsonLine(entry)}\n`), async ({ chunks, expected }) => {
    const read: Entry[] = [];
    for await (const { lines } of jsonLines(stream(chunks), { maxLineBytes: 1e6, onTooLong: unexpected })) {
      for (const line of lines) read.push(parseJsonEntry(line) ?? assert.fail(line));
    }
    assert.deepEqual(read.map(snapshot), expected);
  });
  await fc.assert(property, { numRuns: 500 });
});
