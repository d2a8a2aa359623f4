import assert from 'node:assert/strict';
import { it } from 'node:test';
import { markOf } from '../../bench/rig/mark.js';
import { MarkScanner, Tally } from '../../bench/rig/marks.js';

it('counts each mark once, wherever a connection is cut into chunks', () => {
  const bytes = Buffer.from(`<14>1 first ${markOf(0)}\nsecond ${markOf(1)}${markOf(2)} ~Q~Q00000000~ ~Q00000000x~`);
  for (let size = 1; size <= bytes.length; size++) {
    const tally = new Tally(3);
    const scanner = new MarkScanner(tally);
    for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
    assert.deepEqual([tally.unique, tally.duplicates, tally.unexpected], [3, 0, 0], `chunks of ${size} bytes`);
    assert.ok(tally.complete);
  }
});

it('tells what is missing, what came twice, and what nobody sent', () => {
  const tally = new Tally(5);
  const scanner = new MarkScanner(tally);
  scanner.push(Buffer.from([0, 1, 1, 3, 1, 7].map(markOf).join(' ')));
  // A message that was cut has lost the end of its mark.
  scanner.push(Buffer.from(` cut ${markOf(4).slice(0, -1)}`));
  assert.deepEqual([tally.unique, tally.missing, tally.duplicates, tally.unexpected, tally.complete], [3, 2, 2, 1, false]);
});

it('does not join what two connections bring', () => {
  const tally = new Tally(1);
  const [head, tail] = [markOf(0).slice(0, 6), markOf(0).slice(6)];
  new MarkScanner(tally).push(Buffer.from(head));
  new MarkScanner(tally).push(Buffer.from(tail));
  assert.equal(tally.unique, 0);
});
