import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Encoder } from '../../src/core/encoder.js';
import type { Entry } from '../../src/core/entry.js';
import type { Framing, SinkLimits } from '../../src/core/sink.js';
import { createEncoder, type EncoderOptions } from '../../src/encoders/index.js';
import { ExportReader } from '../../src/formats/export.js';
import { FramedBatch } from '../../src/pipeline/batch.js';
import { Route } from '../../src/pipeline/route.js';
import { exportEntry, type Fields } from '../formats/serialise.js';
import { delivered, FakeSink } from '../support/fake-sink.js';
import { cursorOf, FakeSource, numberIn } from '../support/fake-source.js';
import { MemoryCheckpoints, MemoryDeadLetters } from '../support/fake-stores.js';
import { RecordedLogger } from '../support/recorded-logger.js';

const encoderOptions: EncoderOptions = { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false };

const message = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom('a', 'é', '日', '"', '\n', '\0'), maxLength: 30 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 1200 }).map((length) => 'x'.repeat(length)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
);
/** One in a few is not one of the usual: a message that is not UTF-8, a field that occurs twice, no time. */
const fields: fc.Arbitrary<Fields> = fc.record({ message, time: fc.boolean(), twice: fc.integer({ min: 0, max: 5 }), name: fc.constantFrom('A', 'B', 'C') }).map((one) => [
  ...(one.time ? [['__REALTIME_TIMESTAMP', '1604430000000000'] as const] : []),
  ['_PID', '1'],
  ...(one.twice === 0 ? [['_PID', '2'] as const] : []),
  [one.name, 'value'],
  ['MESSAGE', one.message],
]);
const limits: fc.Arbitrary<SinkLimits> = fc.record({
  maxMessages: fc.integer({ min: 1, max: 12 }),
  maxBytes: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constant(100_000)),
  maxInFlight: fc.constant(1),
  maxAgeMs: fc.constant(0),
});

test('batches filled in runs are, to the byte, those that are filled entry by entry, with any entries, format, framing and limits', () => {
  const settings = fc.record({ format: fc.constantFrom('rfc5424' as const, 'json' as const), framing: fc.constantFrom<Framing>('octet-counting', 'lf', 'none'), limits, most: fc.option(fc.integer({ min: 64, max: 400 }), { nil: undefined }) });
  const made = { inRuns: 0 };
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 30 }), settings, (all, { format, framing, limits, most }) => {
      const entries = read(all);
      const encoder = createEncoder(format, { ...encoderOptions, singleLine: framing === 'lf', maxMessageBytes: most }, () => 0);
      const one: Encoder = { fields: undefined, encode: (entry, out) => encoder.encode(entry, out) };
      assert.deepEqual(filled(encoder, framing, entries, limits, made), filled(one, framing, entries, limits, { inRuns: 0 }));
    }),
    { numRuns: 1500 },
  );
  assert.ok(made.inRuns > 1000, `${made.inRuns} entries went into batches in runs`);
});

test('entries that do not lie one behind the other do not go in one run', () => {
  const entries = read(Array.from({ length: 6 }, (_, index) => numberedFields(index + 1)));
  const other = read([numberedFields(9)]);
  const mixed = [entries[0]!, entries[1]!, other[0]!, entries[3]!, entries[5]!, entries[4]!];
  const [batch] = filled(createEncoder('json', encoderOptions), 'none', mixed, { maxMessages: 100, maxBytes: 100_000, maxInFlight: 1, maxAgeMs: 0 }, { inRuns: 0 });
  assert.deepEqual(batch!.messages.map((text) => (JSON.parse(text) as { MESSAGE: string }).MESSAGE), ['1', '2', '9', '4', '6', '5']);
});

test('a route that forwards in runs counts and settles each entry, leaves out what is filtered, and saves the end', async () => {
  const entries = read(Array.from({ length: 700 }, (_, index) => numberedFields(index + 1)));
  const received: string[] = [];
  const sink = new FakeSink({ limits: { maxMessages: 300 }, answer: ({ messages }) => (received.push(...messages), delivered) });
  const checkpoints = new MemoryCheckpoints();
  const source = new FakeSource([{ entries: entries.slice(0, 500) }, { entries: entries.slice(500) }]);
  const isLeftOut = (entry: Entry): boolean => numberIn(entry) % 100 === 0;
  const route = new Route({ name: 'there', label: 'there', source, accepts: (entry) => !isLeftOut(entry), encoder: createEncoder('json', encoderOptions), sink, checkpoints, deadLetters: new MemoryDeadLetters(), logger: new RecordedLogger() });
  await route.run(new AbortController().signal, new AbortController().signal);
  assert.deepEqual(received.map((text) => (JSON.parse(text) as { MESSAGE: string }).MESSAGE), entries.filter((entry) => !isLeftOut(entry)).map((entry) => String(numberIn(entry))));
  assert.deepEqual(checkpoints.saved, { position: { cursor: cursorOf(700), timestamp: 700 }, counts: { delivered: 693, filtered: 7, rejected: 0 } });
});

interface Filled {
  readonly bytes: Buffer;
  readonly messages: readonly string[];
  readonly numbers: readonly number[];
}

/** All batches that the entries fill, as a pass fills them. */
function filled(encoder: Encoder, framing: Framing, entries: readonly Entry[], limits: SinkLimits, made: { inRuns: number }): Filled[] {
  const batches = [new FramedBatch(encoder, framing)];
  for (let index = 0; index < entries.length; ) {
    const count = batches.at(-1)!.addRun(entries, index, entries.length, limits);
    made.inRuns += count;
    index += count;
    if (count > 0) continue;
    if (batches.at(-1)!.add(entries[index]!, limits) === 'full') batches.push(new FramedBatch(encoder, framing));
    else index++;
  }
  return batches.map((batch) => ({
    bytes: Buffer.from(batch.bytes),
    messages: Array.from({ length: batch.count }, (_, index) => Buffer.from(batch.message(index)).toString('latin1')),
    numbers: Array.from({ length: batch.count }, (_, index) => entries.findIndex((entry) => entry === batch.place(index))),
  }));
}

function numberedFields(number: number): Fields {
  return [['__CURSOR', cursorOf(number)], ['__REALTIME_TIMESTAMP', String(number)], ['MESSAGE', String(number)]];
}

function read(entries: readonly Fields[]): Entry[] {
  return new ExportReader().push(Buffer.concat(entries.map(exportEntry)));
}
