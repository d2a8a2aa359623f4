import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { report } from './report.js';
import { runOracle } from './run.js';

describe('the oracle, from a gateway', () => {
  it('misses nothing where a gateway serves the journal, and is killed and stopped too', async (t) => {
    const seconds = 20;
    const verdict = await runOracle({ seed: 31, lengthMs: seconds * 1000, perSecond: 250, drainMs: 60_000, from: 'gateway', only: ['tcp', 'unix'] });
    const text = await report(verdict, 31, seconds / 60);
    t.diagnostic(`\n${text}`);
    assert.deepEqual(verdict.faults, [], text);
    for (const { name, written, received } of verdict.judgements) assert.ok(received > written / 4, `${name} received only ${received} of ${written}`);
  });
});
