import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plan, type Actor } from './schedule.js';

const nothing = (): Promise<void> => Promise.resolve();
const actor = (name: string): Actor => ({
  name,
  quietMs: 1000,
  faults: { kill: { weight: 3, lastsMs: [0, 2000], inflict: nothing }, stall: { weight: 1, lastsMs: [500, 4000], inflict: nothing } },
});

describe('a schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(plan(7, 60_000, [actor('tcp')]), plan(7, 60_000, [actor('tcp')]));
    assert.notDeepEqual(plan(7, 60_000, [actor('tcp')]), plan(8, 60_000, [actor('tcp')]));
  });

  it('stays as it is for the others when a thing that can fail is added', () => {
    const both = plan(7, 60_000, [actor('tls'), actor('tcp')]);
    assert.deepEqual(both.filter(({ actor }) => actor === 'tcp'), plan(7, 60_000, [actor('tcp')]));
  });

  it('lets one thing fail in one way at a time, every way now and then, and mends all before the end', () => {
    const planned = plan(7, 60_000, [actor('tcp')]);
    for (const [index, { atMs, lastsMs }] of planned.entries()) {
      assert.ok(atMs + lastsMs <= (planned[index + 1]?.atMs ?? 60_000));
    }
    assert.deepEqual(new Set(planned.map(({ fault }) => fault)), new Set(['kill', 'stall']));
  });
});
