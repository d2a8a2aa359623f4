import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { report } from './report.js';
import { runOracle } from './run.js';

/** How long things fail. With a beginning, a drain and the shorter test, two minutes at most; test/run sets less for the second Node.js. */
const minutes = Number(process.env['ORACLE_MINUTES'] ?? 1.25);
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

  it('misses nothing where a gateway serves the journal, and is killed and stopped too', async (t) => {
    const seconds = 20;
    const verdict = await runOracle({ seed: 31, lengthMs: seconds * 1000, perSecond: 250, drainMs: 60_000, from: 'gateway', only: ['tcp', 'unix'] });
    const text = await report(verdict, 31, seconds / 60);
    t.diagnostic(`\n${text}`);
    assert.deepEqual(verdict.faults, [], text);
    for (const { name, written, received } of verdict.judgements) assert.ok(received > written / 4, `${name} received only ${received} of ${written}`);
  });

  it('finds what is lost where a message counts as delivered as soon as it is written', async () => {
    const streams = ['tcp', 'unix'];
    const verdict = await runOracle({ seed: 206, lengthMs: 12_000, perSecond: 250, drainMs: 3000, only: streams, failing: streams, settings: 'confirmAfterMs=0&confirmBytes=1' });
    await rm(verdict.folder ?? '', { recursive: true, force: true });
    assert.notDeepEqual(verdict.judgements.flatMap(({ missing }) => missing), []);
    assert.match(verdict.faults.join('\n'), /entries are missing/);
  });
});
