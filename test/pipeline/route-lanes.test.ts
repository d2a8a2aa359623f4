import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import fc from 'fast-check';
import { textOf, type Entry } from '../../src/core/entry.js';
import type { Delivery, Lanes } from '../../src/core/sink.js';
import type { Chunk } from '../../src/core/source.js';
import { Route } from '../../src/pipeline/route.js';
import { type Attempt, Attempts, delivered, failing, FakeSink, type FakeSinkOptions } from '../support/fake-sink.js';
import { beginning, chunksOf, FakeSource, numbered, numberIn } from '../support/fake-source.js';
import { MemoryCheckpoints, MemoryDeadLetters } from '../support/fake-stores.js';
import { encodeMessage } from '../support/message-encoder.js';
import { RecordedLogger } from '../support/recorded-logger.js';

/** An entry says its lane itself; one without is refused by the destination. */
const lanes: Lanes = { fields: ['LANE'], maxBatches: 100, maxHeldBytes: 1_000_000, laneOf: (entry) => textOf(entry, 'LANE') };

describe('a route into lanes', { timeout: 60_000 }, () => {
  before(() => void mock.method(Math, 'random', () => 0));
  after(() => mock.restoreAll());

  test('makes batches of one lane each, and keeps the order within it', async () => {
    const attempts: Attempt[] = [];
    const part = routeOver(chunksOf(12, 5, inTurns('a', 'b', 'c')), { answer: (attempt) => (attempts.push(attempt), delivered), limits: { maxInFlight: 8, maxAgeMs: 60_000 } });
    await part.run();
    assert.deepEqual(attempts.map(({ lane, messages }) => [lane, ...messages]), [['a', '1', '4', '7', '10'], ['b', '2', '5', '8', '11'], ['c', '3', '6', '9', '12']]);
    assert.equal(numberIn(part.checkpoints.saved?.position), 12);
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 12, filtered: 0, rejected: 0 });
  });

  test('holds the position before the oldest entry that is not delivered, in whichever lane', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(6, 6, inTurns('a', 'b')), { answer: attempts.answer, limits: { maxInFlight: 8, maxMessages: 2 } });
    const run = part.run();
    const [a, b] = [await attempts.next(), await attempts.next()];
    assert.deepEqual([a.lane, b.lane], ['a', 'b']);
    b.end(delivered);
    await turns();
    assert.deepEqual(part.route.status().position, beginning);
    a.end(delivered);
    for (let rest = 0; rest < 2; rest++) (await attempts.next()).end(delivered);
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 6);
  });

  test('lets the other lanes go on while one is refused, and keeps the order there', async () => {
    const attempts: Attempt[] = [];
    let refusals = 5;
    const part = routeOver(chunksOf(40, 4, inTurns('bad', 'good')), {
      answer(attempt) {
        attempts.push(attempt);
        return attempt.lane === 'bad' && refusals-- > 0 ? failing('is busy') : delivered;
      },
      limits: { maxInFlight: 4, maxMessages: 3 },
    });
    await part.run();
    const messages = (wanted: string): string[] => attempts.filter(({ lane }) => lane === wanted).flatMap((attempt) => attempt.messages);
    const odd = Array.from({ length: 20 }, (_, index) => String(index * 2 + 1));
    assert.deepEqual(messages('bad').slice(5 * 3), odd);
    assert.deepEqual(messages('good'), odd.map((number) => String(Number(number) + 1)));
  });

  test('sends what fills slowly when it is old enough, also while reading waits for another lane', async () => {
    const attempts = new Attempts();
    const entry = (number: number): Entry => numbered(number, { MESSAGE: String(number), LANE: number === 1 ? 'rare' : 'busy' });
    const part = routeOver(chunksOf(30, 1, entry), { answer: attempts.answer, limits: { maxInFlight: 3, maxMessages: 2, maxAgeMs: 20 } });
    const run = part.run();
    const seen = new Set<string>();
    for (let ended = 0; ended < 16 && seen.size < 2; ended++) {
      const call = await attempts.next();
      seen.add(call.lane);
      call.end(delivered);
    }
    for (let left = 1; left > 0; ) {
      while (attempts.waiting > 0) (await attempts.next()).end(delivered);
      left = await Promise.race([run.then(() => 0), turns().then(() => 1)]);
    }
    await run;
    assert.ok(seen.has('rare'));
    assert.equal(numberIn(part.checkpoints.saved?.position), 30);
  });

  test('sends the oldest batch where there would be too many, and reads no further than the lanes may hold', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(50, 1, (number) => numbered(number, { MESSAGE: String(number), LANE: `lane ${number}` })), {
      answer: attempts.answer, limits: { maxInFlight: 2, maxAgeMs: 60_000 }, lanes: { ...lanes, maxBatches: 5 },
    });
    const run = part.run();
    const order: string[] = [];
    for (let answered = 0; answered < 40; answered++) {
      const call = await attempts.next();
      order.push(...call.messages);
      await turns();
      assert.ok(part.source.pulled <= answered + 8, `${part.source.pulled} entries read with ${answered} delivered`);
      call.end(delivered);
    }
    assert.deepEqual(order, order.toSorted((a, b) => Number(a) - Number(b)));
    part.abort();
    while (attempts.waiting > 0) (await attempts.next()).end(failing());
    await run;
  });

  test('sends the largest batch where all of them hold too much', async () => {
    const attempts: Attempt[] = [];
    const entry = (number: number): Entry => numbered(number, { MESSAGE: 'x'.repeat(100), LANE: number % 4 === 0 ? 'small' : 'large' });
    const part = routeOver(chunksOf(100, 1, entry), { answer: (attempt) => (attempts.push(attempt), delivered), limits: { maxInFlight: 2, maxAgeMs: 60_000 }, lanes: { ...lanes, maxHeldBytes: 2000 } });
    await part.run();
    assert.deepEqual(attempts.slice(0, 1).map(({ lane, messages }) => [lane, messages.length]), [['large', 16]]);
  });

  test('leaves out, as filtered, what has no lane, and what is empty where the destination takes none such', async () => {
    const entry = (number: number): Entry => numbered(number, { MESSAGE: number === 2 ? '' : String(number), ...(number === 3 ? {} : { LANE: 'a' }) });
    const received: string[] = [];
    const part = routeOver(chunksOf(4, 4, entry), { answer: ({ messages }) => (received.push(...messages), delivered), limits: { refusesEmpty: true } });
    await part.run();
    assert.deepEqual(received, ['1', '4']);
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 2, filtered: 2, rejected: 0 });
  });

  test('loses nothing and keeps every lane in order, whatever its receiver does', async () => {
    const step = fc.record({ kind: fc.constantFrom('deliver' as const, 'deliver' as const, 'refuse' as const, 'half' as const, 'reject' as const), turns: fc.nat(3), ends: fc.option(fc.constantFrom('stop' as const, 'abort' as const), { freq: 12, nil: undefined }) });
    const scenario = fc.record({
      entries: fc.array(fc.constantFrom('a', 'b', 'c', 'd', undefined), { maxLength: 60 }),
      chunkSize: fc.integer({ min: 1, max: 9 }),
      limits: fc.record({ maxMessages: fc.integer({ min: 1, max: 6 }), maxInFlight: fc.integer({ min: 1, max: 4 }), maxAgeMs: fc.constantFrom(0, 1) }),
      maxBatches: fc.integer({ min: 1, max: 6 }),
      maxHeldBytes: fc.integer({ min: 1, max: 60 }),
      steps: fc.array(step, { maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ entries, chunkSize, limits, maxBatches, maxHeldBytes, steps }) => {
        const stored = new Map<string, number[]>();
        const deadLetters = new MemoryDeadLetters();
        const checkpoints = new MemoryCheckpoints();
        const remaining = [...steps];
        const chunks = chunksOf(entries.length, chunkSize, (number) => numbered(number, { MESSAGE: String(number), ...(entries[number - 1] === undefined ? {} : { LANE: entries[number - 1]! }) }));
        const has = (number: number): boolean => entries[number - 1] === undefined || [...stored.values()].some((numbers) => numbers.includes(number));
        const onSettled = (settled: number): void => {
          for (let number = 1; number <= settled; number++) assert.ok(has(number), `the position ${settled} is past ${number}, which nobody has`);
        };
        for (let isOver = false; !isOver; ) {
          const stopping = new AbortController();
          const aborting = new AbortController();
          const answer = async ({ messages, lane, signal }: Attempt): Promise<Delivery> => {
            const next = remaining.shift();
            if (next?.ends !== undefined) stopping.abort();
            if (next?.ends === 'abort') aborting.abort();
            for (let turn = 0; turn < (next?.turns ?? 0); turn++) await new Promise(setImmediate);
            const numbers = messages.map(Number);
            const store = (some: readonly number[]): void => void stored.set(lane, [...(stored.get(lane) ?? []), ...some]);
            if (signal.aborted || next?.kind === 'refuse') return failing();
            if (next?.kind === 'half' && numbers.length > 1) {
              store(numbers.slice(0, 1));
              return failing('is busy', { deliveredCount: 1 });
            }
            // What it refuses once, it may take after a restart: it has had its turn all the same.
            store(numbers);
            return next?.kind === 'reject' ? { outcome: 'rejected', rejections: [{ index: 0, reason: 'no' }] } : delivered;
          };
          const part = routeOver(chunks, { answer, limits, lanes: { ...lanes, maxBatches, maxHeldBytes } }, { source: new FakeSource(chunks, { onSettled }), checkpoints, deadLetters });
          await part.route.run(stopping.signal, aborting.signal);
          isOver = !stopping.signal.aborted;
        }
        assert.equal(numberIn(checkpoints.saved?.position), entries.length);
        for (const [lane, numbers] of stored) {
          const first = [...new Set(numbers)];
          assert.deepEqual(first, first.toSorted((a, b) => a - b), `lane ${lane} is out of order`);
        }
        if (!steps.some(({ ends }) => ends !== undefined)) {
          const { delivered: count = 0, filtered = 0, rejected = 0 } = checkpoints.saved?.counts ?? {};
          assert.deepEqual([count + rejected, filtered], [entries.filter((lane) => lane !== undefined).length, entries.filter((lane) => lane === undefined).length]);
        }
      }),
      // As it once counted too little: a batch was delivered before its last entry was noted.
      { numRuns: 400, examples: [[{ entries: ['a', 'a', 'a', undefined, undefined, 'a', undefined, 'a', 'a', 'a'], chunkSize: 1, limits: { maxMessages: 2, maxInFlight: 1, maxAgeMs: 0 }, maxBatches: 1, maxHeldBytes: 1, steps: [] }]] },
    );
  });
});

function inTurns(...names: readonly string[]): (number: number) => Entry {
  return (number) => numbered(number, { MESSAGE: String(number), LANE: names[(number - 1) % names.length]! });
}

interface RouteUnderTest {
  readonly route: Route;
  readonly source: FakeSource;
  readonly checkpoints: MemoryCheckpoints;
  run(): Promise<void>;
  abort(): void;
}

function routeOver(chunks: readonly Chunk[], sinkOptions: FakeSinkOptions, given: { readonly source?: FakeSource; readonly checkpoints?: MemoryCheckpoints; readonly deadLetters?: MemoryDeadLetters } = {}): RouteUnderTest {
  const { source = new FakeSource(chunks), checkpoints = new MemoryCheckpoints(), deadLetters = new MemoryDeadLetters() } = given;
  const sink = new FakeSink({ framing: 'none', lanes, ...sinkOptions });
  const route = new Route({ name: 'there', label: 'there', source, accepts: () => true, encoder: encodeMessage, sink, checkpoints, deadLetters, logger: new RecordedLogger() });
  const stopping = new AbortController();
  const aborting = new AbortController();
  const abort = (): void => {
    stopping.abort();
    aborting.abort();
  };
  return { route, source, checkpoints, run: () => route.run(stopping.signal, aborting.signal), abort };
}

/** Lets everything happen that can happen by itself. */
async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
