import assert from 'node:assert/strict';
import { it } from 'node:test';
import { complaints, ratiosOf, readBaseline } from '../../bench/guard.js';
import { ours } from '../../bench/contestants/ours.js';

const baseline = { ours: { rate: 0.8, cpu: 2 } };

it('lets pass what is as it was, better, or a little worse', () => {
  for (const measured of [{ rate: 0.8, cpu: 2 }, { rate: 1, cpu: 1 }, { rate: 0.6, cpu: 2.5 }]) assert.deepEqual(complaints(baseline, { ours: measured }), []);
});

it('says no when the rate falls, when CPU rises, and when nothing was measured', () => {
  assert.deepEqual(complaints(baseline, { ours: { rate: 0.4, cpu: 2 } }), ['ours: entries a second fell to 0.4 × floor from 0.8; at least 0.48 is asked for.']);
  assert.deepEqual(complaints(baseline, { ours: { rate: 0.8, cpu: 3 } }), ['ours: CPU rose to 3 × floor from 2; at most 2.70 is allowed.']);
  assert.equal(complaints(baseline, { ours: { rate: Number.NaN, cpu: Number.NaN } }).length, 2);
  assert.deepEqual(complaints(baseline, {}), ['ours was not measured.']);
});

it('takes the ratios of this program alone from the figures', () => {
  const summary = { name: 'ours', kind: 'ours', entriesPerSecond: 1, slowest: 1, fastest: 1, cpuSeconds: 1, readerCpuSeconds: 0, ownCpuSeconds: 1, anonymousMiB: 1 } as const;
  assert.deepEqual(ratiosOf([{ ...summary, ratio: 0.777, cpuRatio: 1.234 }, { ...summary, name: 'floor', kind: 'floor', ratio: 1, cpuRatio: 1 }]), { ours: { rate: 0.78, cpu: 1.23 } });
});

it('has a baseline for contestants that there are', async () => {
  const names = Object.keys(await readBaseline());
  assert.ok(names.length > 0);
  assert.deepEqual(names.filter((name) => !ours.some((contestant) => contestant.name === name)), []);
});
