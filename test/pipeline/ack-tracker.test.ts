import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AckTracker, type Mark } from '../../src/pipeline/ack-tracker.js';
import type { Position } from '../../src/core/position.js';
import { cursorOf, numberIn } from '../support/fake-source.js';

describe('the ack tracker', () => {
  test('holds the watermark behind the oldest mark that is not settled', () => {
    const { tracker, settled } = trackerWith();
    const [first, second, third] = [1, 2, 3].map((number) => open(tracker, number)) as [Mark, Mark, Mark];
    tracker.settle(third);
    tracker.settle(second);
    assert.equal(tracker.watermark, undefined);
    assert.deepEqual(settled, []);
    tracker.settle(first);
    assert.equal(numberIn(tracker.watermark), 3);
    assert.deepEqual(settled, [3]);
  });

  test('holds the watermark before the first entry of the oldest open batch, where batches hold each other\'s neighbours', () => {
    const { tracker, settled } = trackerWith();
    const odd = open(tracker, 1);
    const even = open(tracker, 2);
    for (const number of [3, 4, 5, 6]) tracker.take(at(number), false);
    tracker.settle(odd);
    assert.equal(numberIn(tracker.watermark), 1);
    const later = open(tracker, 7);
    tracker.settle(later);
    assert.equal(numberIn(tracker.watermark), 1);
    tracker.settle(even);
    assert.equal(numberIn(tracker.watermark), 7);
    assert.deepEqual(settled, [1, 7]);
  });

  test('starts with the watermark that it is given', () => {
    assert.equal(numberIn(trackerWith(at(7)).tracker.watermark), 7);
  });

  test('counts a mark once, however often it is settled', () => {
    const { tracker, settled } = trackerWith();
    const mark = open(tracker, 1);
    tracker.settle(mark);
    tracker.settle(mark);
    assert.deepEqual(settled, [1]);
  });

  test('moves at once over what needs no delivery where nothing is open', () => {
    const { tracker, settled } = trackerWith();
    for (const number of [1, 2, 3, 4]) tracker.take(at(number), true);
    tracker.pass();
    assert.equal(numberIn(tracker.watermark), 4);
    assert.deepEqual(settled, [4]);
  });

  test('moves over what needs no delivery only together with the last open mark', () => {
    const { tracker, counts } = trackerWith();
    const mark = open(tracker, 1);
    for (const number of [2, 3, 4]) tracker.take(at(number), true);
    tracker.pass(at(5));
    assert.equal(tracker.watermark, undefined);
    tracker.settle(mark);
    assert.equal(numberIn(tracker.watermark), 5);
    assert.deepEqual(counts, { messages: 1, filtered: 3 });
  });

  test('counts what needs no delivery once, in whatever order the marks around it are settled', () => {
    const { tracker, counts } = trackerWith();
    tracker.take(at(1), true);
    const first = open(tracker, 2);
    tracker.take(at(3), true);
    const second = open(tracker, 4);
    tracker.take(at(5), true);
    const third = open(tracker, 6);
    tracker.take(at(7), true);
    assert.deepEqual(counts, { messages: 0, filtered: 1 });
    tracker.settle(second);
    assert.deepEqual(counts, { messages: 0, filtered: 1 });
    tracker.settle(first);
    assert.equal(numberIn(tracker.watermark), 5);
    assert.deepEqual(counts, { messages: 2, filtered: 3 });
    tracker.settle(third);
    assert.deepEqual(counts, { messages: 3, filtered: 4 });
  });

  test('does not move for a mark that was dropped by a rewind', () => {
    const { tracker } = trackerWith(at(1));
    const dropped = open(tracker, 2);
    tracker.rewind();
    const again = open(tracker, 3);
    tracker.settle(dropped);
    assert.equal(numberIn(tracker.watermark), 1);
    tracker.settle(again);
    assert.equal(numberIn(tracker.watermark), 3);
  });

  test('wakes who waits for room when a mark is settled, and leaves no listener', async () => {
    const { tracker } = trackerWith();
    const { signal } = new AbortController();
    const [first] = [open(tracker, 1), open(tracker, 2)];
    let hasRoom = false;
    const waiting = tracker.whenBelow(2, signal).then(() => (hasRoom = true));
    await new Promise(setImmediate);
    assert.equal(hasRoom, false);
    tracker.settle(first);
    await waiting;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('lets who waits for room go on when the signal aborts, and when all is rewound', async () => {
    const { tracker } = trackerWith();
    open(tracker, 1);
    const stopping = new AbortController();
    const stopped = tracker.whenBelow(1, stopping.signal);
    stopping.abort();
    await stopped;
    await tracker.whenBelow(1, stopping.signal);
    const rewound = tracker.whenBelow(1, new AbortController().signal);
    tracker.rewind();
    await rewound;
  });

  test('does not wait behind the settled marks that it keeps for a while', async () => {
    const { tracker } = trackerWith();
    const marks = Array.from({ length: 100 }, (_, index) => open(tracker, index + 1));
    for (const mark of marks.slice(0, 99)) tracker.settle(mark);
    assert.equal(tracker.openCount, 1);
    await tracker.whenBelow(2, new AbortController().signal);
    tracker.pass(at(200));
    assert.equal(numberIn(tracker.watermark), 99);
    tracker.settle(marks[99]!);
    assert.equal(numberIn(tracker.watermark), 200);
  });

  test('behaves as a plain list of entries would, in any order of events', () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('open' as const), which: fc.constant(0) }) },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('join' as const), which: fc.nat() }) },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat() }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('filter' as const), which: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), which: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind' as const), which: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('burst' as const), which: fc.integer({ min: 500, max: 1500 }) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { tracker, counts, settled } = trackerWith();
        /** Each entry since the last rewind, and the mark of the batch that has it; none where it needs no delivery. */
        let entries: { readonly number: number; readonly mark: Mark | undefined }[] = [];
        const marks: Mark[] = [];
        let number = 0;
        let rewoundTo = 0;
        /** The last entry before the first one whose batch is open. */
        const contiguous = (): number => {
          const first = entries.findIndex(({ mark }) => mark?.state === 'open');
          return (first < 0 ? entries.at(-1) : entries[first - 1])?.number ?? rewoundTo;
        };
        const begin = (): Mark => {
          const mark = open(tracker, ++number);
          entries.push({ number, mark });
          marks.push(mark);
          return mark;
        };
        for (const { kind, which } of events) {
          const opened = marks.filter(({ state }) => state === 'open');
          if (kind === 'open') begin();
          else if (kind === 'join' && opened.length > 0) {
            const mark = opened[which % opened.length]!;
            mark.messages += 1;
            tracker.take(at(++number), false);
            entries.push({ number, mark });
          } else if (kind === 'filter') {
            tracker.take(at(++number), true);
            entries.push({ number, mark: undefined });
          } else if (kind === 'settle' && marks.length > 0) tracker.settle(marks[which % marks.length]!);
          else if (kind === 'pass') {
            tracker.pass();
            assert.equal(numberIn(tracker.watermark), contiguous());
          } else if (kind === 'rewind') {
            tracker.rewind();
            entries = [];
            rewoundTo = numberIn(tracker.watermark);
          } else if (kind === 'burst') {
            const burst = Array.from({ length: which }, begin);
            for (const mark of burst.slice(0, -1)) tracker.settle(mark);
          }
          assert.ok(numberIn(tracker.watermark) <= contiguous(), 'the watermark has passed an entry that is not settled');
        }
        for (const mark of marks) tracker.settle(mark);
        tracker.pass();
        assert.equal(tracker.openCount, 0);
        assert.equal(numberIn(tracker.watermark), contiguous());
        assert.deepEqual(settled, settled.toSorted((a, b) => a - b));
        // What was settled, or passed, before a rewind and behind something open is not counted.
        assert.ok(counts.messages + counts.filtered <= number);
        if (!events.some(({ kind }) => kind === 'rewind')) assert.equal(counts.messages + counts.filtered, number);
      }),
      { numRuns: 300 },
    );
  });
});

/** Begins a batch with an entry. */
function open(tracker: AckTracker, number: number): Mark {
  const mark = tracker.begin();
  mark.messages = 1;
  tracker.take(at(number), false);
  return mark;
}

function at(number: number): Position {
  return { cursor: cursorOf(number), timestamp: number };
}

function trackerWith(start?: Position): { readonly tracker: AckTracker; readonly settled: number[]; readonly counts: { messages: number; filtered: number } } {
  const settled: number[] = [];
  const counts = { messages: 0, filtered: 0 };
  const tracker = new AckTracker(start, ({ position, messages, filtered }) => {
    settled.push(numberIn(position));
    counts.messages += messages;
    counts.filtered += filtered;
  });
  return { tracker, settled, counts };
}
