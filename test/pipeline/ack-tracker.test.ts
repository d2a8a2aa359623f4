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
    const [first, second, third] = [1, 2, 3].map((number) => tracker.open(at(number), 1, 0)) as [Mark, Mark, Mark];
    tracker.settle(third);
    tracker.settle(second);
    assert.equal(tracker.watermark, undefined);
    assert.deepEqual(settled, []);
    tracker.settle(first);
    assert.equal(numberIn(tracker.watermark), 3);
    assert.deepEqual(settled, [1, 2, 3]);
  });

  test('starts with the watermark that it is given', () => {
    assert.equal(numberIn(trackerWith(at(7)).tracker.watermark), 7);
  });

  test('counts a mark once, however often it is settled', () => {
    const { tracker, settled } = trackerWith();
    const mark = tracker.open(at(1), 1, 0);
    tracker.settle(mark);
    tracker.settle(mark);
    assert.deepEqual(settled, [1]);
  });

  test('moves at once over what needs no delivery where nothing is open', () => {
    const { tracker, settled } = trackerWith();
    tracker.pass(at(4), 4);
    assert.equal(numberIn(tracker.watermark), 4);
    assert.deepEqual(settled, [4]);
  });

  test('moves over what needs no delivery only together with the last open mark', () => {
    const { tracker } = trackerWith();
    const mark = tracker.open(at(1), 1, 0);
    tracker.pass(at(5), 4);
    assert.equal(tracker.watermark, undefined);
    tracker.settle(mark);
    assert.equal(numberIn(tracker.watermark), 5);
    assert.equal(mark.filtered, 4);
  });

  test('does not move for a mark that was dropped by a rewind', () => {
    const { tracker } = trackerWith(at(1));
    const dropped = tracker.open(at(2), 1, 0);
    tracker.rewind();
    const again = tracker.open(at(3), 2, 0);
    tracker.settle(dropped);
    assert.equal(numberIn(tracker.watermark), 1);
    tracker.settle(again);
    assert.equal(numberIn(tracker.watermark), 3);
  });

  test('wakes who waits for room when a mark is settled, and leaves no listener', async () => {
    const { tracker } = trackerWith();
    const { signal } = new AbortController();
    const [first] = [tracker.open(at(1), 1, 0), tracker.open(at(2), 1, 0)];
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
    tracker.open(at(1), 1, 0);
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
    const marks = Array.from({ length: 100 }, (_, index) => tracker.open(at(index + 1), 1, 0));
    for (const mark of marks.slice(0, 99)) tracker.settle(mark);
    assert.equal(tracker.openCount, 1);
    await tracker.whenBelow(2, new AbortController().signal);
    tracker.pass(at(200), 100);
    assert.equal(numberIn(tracker.watermark), 99);
    tracker.settle(marks[99]!);
    assert.equal(numberIn(tracker.watermark), 200);
  });

  test('behaves as a plain list of marks would, in any order of events', () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('open' as const), messages: fc.nat(5), filtered: fc.nat(3) }) },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), filtered: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('burst' as const), size: fc.integer({ min: 500, max: 1500 }) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const heard = { messages: 0, filtered: 0 };
        const tracker = new AckTracker(undefined, (mark) => {
          heard.messages += mark.messages;
          heard.filtered += mark.filtered;
        });
        /** Everything noted since the last rewind, oldest first. */
        let model: { end: number; isSettled: boolean; messages: number; filtered: number; mark: Mark }[] = [];
        const ever: { mark: Mark; row: (typeof model)[number] }[] = [];
        const settledOnce = { watermark: 0, messages: 0, filtered: 0 };
        let position = 0;
        const advance = (): void => {
          while (model[0]?.isSettled === true) {
            const row = model.shift()!;
            settledOnce.watermark = row.end;
            settledOnce.messages += row.messages;
            settledOnce.filtered += row.filtered;
          }
        };
        const open = (messages: number, filtered: number): void => {
          position += 1;
          const mark = tracker.open(at(position), messages, filtered);
          const row = { end: position, isSettled: false, messages, filtered, mark };
          model.push(row);
          ever.push({ mark, row });
        };
        const settle = ({ mark, row }: (typeof ever)[number]): void => {
          tracker.settle(mark);
          row.isSettled = true;
          advance();
        };
        for (const step of events) {
          if (step.kind === 'open') open(step.messages, step.filtered);
          else if (step.kind === 'settle' && ever.length > 0) settle(ever[step.which % ever.length]!);
          else if (step.kind === 'pass') {
            position += 1;
            tracker.pass(at(position), step.filtered);
            const last = model.at(-1);
            if (last === undefined) {
              settledOnce.watermark = position;
              settledOnce.filtered += step.filtered;
            } else {
              last.end = position;
              last.filtered += step.filtered;
            }
          } else if (step.kind === 'rewind') {
            tracker.rewind();
            model = [];
          } else if (step.kind === 'burst') {
            for (let i = 0; i < step.size; i++) open(1, 0);
            for (const one of ever.slice(-step.size, -1)) settle(one);
          }
          assert.equal(numberIn(tracker.watermark), settledOnce.watermark);
          assert.equal(tracker.openCount, model.length);
        }
        for (const row of [...model]) settle({ mark: row.mark, row });
        assert.equal(tracker.openCount, 0);
        assert.equal(numberIn(tracker.watermark), settledOnce.watermark);
        assert.deepEqual(heard, { messages: settledOnce.messages, filtered: settledOnce.filtered });
      }),
      { numRuns: 300 },
    );
  });
});

function at(number: number): Position {
  return { cursor: cursorOf(number), timestamp: number };
}

function trackerWith(start?: Position): { readonly tracker: AckTracker; readonly settled: number[] } {
  const settled: number[] = [];
  return { tracker: new AckTracker(start, ({ position }) => settled.push(numberIn(position))), settled };
}
