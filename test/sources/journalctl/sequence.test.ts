import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Cursor, Entry } from '../../../src/core/entry.js';
import { Sequence } from '../../../src/sources/journalctl/sequence.js';

const [SYSTEM, USER] = ['a'.repeat(32), 'b'.repeat(32)];

describe('sequence numbers', () => {
  it('count over files with sequence ids of their own', () => {
    assert.deepEqual(jumps([[SYSTEM, 1], [USER, 2], [SYSTEM, 3], [SYSTEM, 4], [USER, 5]]), []);
  });

  it('that jump tell how many are absent, and where', () => {
    const sequence = new Sequence();
    const jump = sequence.take(entries([[SYSTEM, 1], [USER, 2], [SYSTEM, 6], [SYSTEM, 7]]));
    assert.deepEqual([jump?.index, jump?.end, jump?.missing], [2, 3, 3]);
    sequence.accept();
    assert.equal(sequence.take(entries([[SYSTEM, 7], [SYSTEM, 8]])), undefined);
  });

  it('that jump between two runs tell it, too', () => {
    const sequence = new Sequence();
    sequence.take(entries([[SYSTEM, 1], [SYSTEM, 2]]));
    assert.equal(sequence.take(entries([[SYSTEM, 4]]))?.missing, 1);
  });

  it('may begin anew, as when journald was killed', () => {
    assert.deepEqual(jumps([[SYSTEM, 100], [USER, 101], ['c'.repeat(32), 1], ['c'.repeat(32), 2]]), []);
  });

  it('may go on, once, where a file stood that was not being written when journald was killed', () => {
    assert.deepEqual(jumps([[SYSTEM, 99], [USER, 100], [SYSTEM, 100], [USER, 101], [SYSTEM, 102]]), []);
    assert.deepEqual(jumps([[SYSTEM, 50], [USER, 100], [SYSTEM, 51], [USER, 101], [SYSTEM, 102], [SYSTEM, 104]]), [50 - 1, 1], 'the numbers before are not known');
  });

  it('of one moment may come in any order', () => {
    const moment = [entry(SYSTEM, 1, 1), entry(SYSTEM, 3, 2), entry(USER, 2, 2), entry(SYSTEM, 4, 3)];
    assert.equal(new Sequence().take(moment), undefined);
  });

  it('account for every entry that is left out, in runs of any length and any order within a moment', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ isUser: fc.boolean(), isLeftOut: fc.boolean(), isNewMoment: fc.boolean(), endsRun: fc.boolean(), order: fc.nat() }), { minLength: 2, maxLength: 60 }), (specs) => {
        let time = 0;
        const all = specs.map(({ isUser, isNewMoment, order }, index) => {
          // What is missed within the last moment shows with the next entry only.
          if (isNewMoment || index === specs.length - 1) time += 1;
          return { entry: entry(isUser ? USER : SYSTEM, index + 1, time), time, order };
        });
        const isKept = (index: number): boolean => index === 0 || index === specs.length - 1 || !specs[index]!.isLeftOut;
        // A run ends between two moments: the reader itself sees to it that others are looked at twice.
        const runs: (typeof all)[] = [[]];
        all.forEach((item, index) => {
          if (specs[index]!.endsRun && index > 0 && item.time !== all[index - 1]!.time) runs.push([]);
          if (isKept(index)) runs.at(-1)!.push(item);
        });
        const sequence = new Sequence();
        let missing = 0;
        sequence.reset(entry(SYSTEM, 0, 0).cursor);
        for (const run of runs) {
          let rest: readonly Entry[] = run.sort((a, b) => a.time - b.time || a.order - b.order).map((item) => item.entry);
          for (let jump = sequence.take(rest); jump !== undefined; jump = sequence.take(rest)) {
            missing += jump.missing;
            sequence.accept();
            rest = rest.slice(jump.end);
          }
        }
        assert.equal(missing, specs.filter((_, index) => !isKept(index)).length);
      }),
      { numRuns: 500 },
    );
  });
});

function jumps(numbers: readonly (readonly [string, number])[]): number[] {
  const sequence = new Sequence();
  const missing: number[] = [];
  let rest: readonly Entry[] = entries(numbers);
  for (let jump = sequence.take(rest); jump !== undefined; jump = sequence.take(rest)) {
    missing.push(jump.missing);
    sequence.accept();
    rest = rest.slice(jump.end);
  }
  return missing;
}

function entries(numbers: readonly (readonly [string, number])[]): Entry[] {
  return numbers.map(([seqnumId, seqnum], index) => entry(seqnumId, seqnum, index));
}

function entry(seqnumId: string, seqnum: number, time: number): Entry {
  const cursor = `s=${seqnumId};i=${seqnum.toString(16)};b=${'0'.repeat(32)};m=${time.toString(16)};t=${time.toString(16)};x=${seqnum.toString(16)}` as Cursor;
  return { cursor, timestamp: time, get: () => undefined, bytes: () => undefined, names: () => [] };
}
