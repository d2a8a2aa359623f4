import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Batch } from '../../../src/core/sink.js';
import { halvesOf, type Put, putsOf } from '../../../src/sinks/cloudwatch/puts.js';
import { cursorOf } from '../../support/fake-source.js';
import { dayMs, defaultLimits, judge } from '../../support/cloudwatch/limits.js';

const startMs = Date.UTC(2026, 10, 20);
const largest = { eventBytes: 1_048_576, nowMs: startMs };

describe('the requests that a batch becomes', () => {
  test('hold 10,000 events and not one more', () => {
    assert.deepEqual(sizesOf(putsOf(batchOf(Array.from({ length: 10_000 }, () => 'x')), largest)), [10_000]);
    assert.deepEqual(sizesOf(putsOf(batchOf(Array.from({ length: 10_001 }, () => 'x')), largest)), [10_000, 1]);
  });

  test('hold 1,048,576 bytes with 26 for each event, and not one more', () => {
    const half = 1_048_576 / 2 - 26;
    assert.deepEqual(sizesOf(putsOf(batchOf(['x'.repeat(half), 'x'.repeat(half)]), largest)), [2]);
    assert.deepEqual(sizesOf(putsOf(batchOf(['x'.repeat(half), 'x'.repeat(half + 1)]), largest)), [1, 1]);
    assert.deepEqual(sizesOf(putsOf(batchOf(['x'.repeat(1_048_550)]), largest)), [1]);
    assert.deepEqual(sizesOf(putsOf(batchOf(['x'.repeat(1_048_551)]), largest)), [1, 1]);
  });

  test('span less than 24 hours', () => {
    const at = (ms: number): readonly [string, number] => ['x', startMs + ms];
    assert.deepEqual(sizesOf(putsOf(timed([at(0), at(dayMs - 1)]), largest)), [2]);
    assert.deepEqual(sizesOf(putsOf(timed([at(0), at(dayMs), at(dayMs + 1)]), largest)), [1, 2]);
  });

  test('ascend where the clock was set back, and keep the order of what has one time', () => {
    const [put] = putsOf(timed([['a', startMs + 2], ['b', startMs + 2], ['c', startMs], ['d', startMs], ['e', startMs + 1]]), largest);
    assert.deepEqual(put?.events.map(({ message }) => message), ['c', 'd', 'e', 'a', 'b']);
    assert.deepEqual(put?.indexes, [2, 3, 4, 0, 1]);
  });

  test('have a message that is too large as several events of one time, split between characters', () => {
    const [put] = putsOf(timed([['ä'.repeat(2000), startMs + 7]]), { eventBytes: 1024, nowMs: 0 });
    assert.deepEqual(put?.events.map(({ message, timestamp }) => [message.length, timestamp]), [[499, startMs + 7], [499, startMs + 7], [499, startMs + 7], [499, startMs + 7], [4, startMs + 7]]);
    assert.equal(put.events.map(({ message }) => message).join(''), 'ä'.repeat(2000));
  });

  test('count bytes that are not UTF-8 as what they become', () => {
    const puts = putsOf(batchOf([Buffer.alloc(500_000, 0xff)]), largest);
    assert.deepEqual(puts.flatMap(({ events }) => events.map(({ message }) => message)).join(''), '\ufffd'.repeat(500_000));
    for (const put of puts) isTaken(put);
  });

  test('have no event for an empty message', () => {
    assert.deepEqual(putsOf(batchOf(['', 'x', '']), largest).map(({ indexes }) => indexes), [[1]]);
    assert.deepEqual(putsOf(batchOf(['']), largest), []);
  });

  test('give the time of the request to what has none', () => {
    assert.equal(putsOf(timed([['x', 0]]), { ...largest, nowMs: 42 })[0]?.events[0]?.timestamp, 42);
  });

  test('are all taken by the service, and hold every message whole, whatever the batch', () => {
    const message = fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 900, max: 3100 }).map((length) => '€'.repeat(length)), fc.constant('x'.repeat(400_000)));
    const event = fc.tuple(message, fc.oneof(fc.nat(1000), fc.nat(3 * dayMs)));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), fc.integer({ min: 1024, max: 4000 }), (events, eventBytes) => {
        const batch = timed(events.map(([text, ms]) => [text, startMs + ms]));
        const puts = putsOf(batch, { eventBytes, nowMs: startMs });
        const whole = events.map(() => '');
        for (const put of puts) {
          isTaken(put, eventBytes);
          for (const [at, { message: text, timestamp }] of put.events.entries()) {
            const index = put.indexes[at]!;
            whole[index] += text;
            assert.equal(timestamp, startMs + events[index]![1]);
          }
        }
        assert.deepEqual(whole, events.map(([text]) => Buffer.from(text).toString()));
        const order = puts.flatMap(({ indexes }) => indexes);
        const times = order.map((index) => events[index]![1]);
        assert.deepEqual(times, times.toSorted((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });

  test('are halved without losing or turning anything', () => {
    const [put] = putsOf(batchOf(['a', 'b', 'c']), largest);
    const [first, second] = halvesOf(put!);
    assert.deepEqual([...first.events, ...second.events], put?.events);
    assert.deepEqual([...first.indexes, ...second.indexes], put?.indexes);
    assert.ok(first.events.length > 0 && second.events.length > 0);
  });
});

/** Throws where the strict local service would refuse it as a whole. */
function isTaken({ events }: Put, eventBytes = 1_048_576): void {
  judge(events, { limits: { ...defaultLimits, eventBytes, ageMs: Infinity }, nowMs: startMs + 4 * dayMs, retentionDays: undefined });
  assert.ok(events.length > 0 && events.length <= 10_000 && events.every(({ message }) => message !== ''));
}

function sizesOf(puts: readonly Put[]): number[] {
  return puts.map(({ events }) => events.length);
}

function batchOf(messages: readonly (string | Buffer)[]): Batch {
  return timed(messages.map((message) => [message, startMs]));
}

function timed(messages: readonly (readonly [string | Buffer, number])[]): Batch {
  const contents = messages.map(([message]) => Buffer.from(message as string));
  return { lane: 'stream', count: contents.length, bytes: Buffer.concat(contents), message: (index) => contents[index]!, timestamp: (index) => messages[index]![1] * 1000, cursor: (index) => cursorOf(index) };
}
