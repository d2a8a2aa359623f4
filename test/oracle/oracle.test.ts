import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { report } from './report.js';
import { runOracle } from './run.js';

/** How long things fail. With a beginning and a drain, two minutes at most; test/run sets less for the second Node.js. */
const minutes = Number(process.env['ORACLE_MINUTES'] ?? 1);
/** In which everything that can fail does within 75 s. */
const seed = Number(process.env['ORACLE_SEED'] ?? 257);

describe('the oracle', { concurrency: false }, () => {
  it(`misses nothing while everything fails for ${minutes} minutes, seed ${seed}`, async (t) => {
    const verdict = await runOracle({ seed, lengthMs: minutes * 60_000, perSecond: 250, drainMs: 60_000 });
    const text = await report(verdict, seed, minutes);
    t.diagnostic(`\n${text}`);
    assert.deepEqual(verdict.faults, [], text);
    for (const { name, written, received } of verdict.judgements) {
      assert.ok(written > minutes * 6000, `only ${written} entries were in the journal`);
      assert.ok(received > written / 4, `${name} received only ${received} of ${written}`);
    }
  });
});
