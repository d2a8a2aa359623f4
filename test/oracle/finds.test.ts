import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { runOracle } from './run.js';

describe('the oracle, where something is lost', () => {
  it('finds what is lost where a message counts as delivered as soon as it is written', async () => {
    const streams = ['tcp', 'unix'];
    const verdict = await runOracle({ seed: 206, lengthMs: 12_000, perSecond: 250, drainMs: 3000, only: streams, failing: streams, settings: 'confirmAfterMs=0&confirmBytes=1' });
    await rm(verdict.folder ?? '', { recursive: true, force: true });
    assert.notDeepEqual(verdict.judgements.flatMap(({ missing }) => missing), []);
    assert.match(verdict.faults.join('\n'), /entries are missing/);
  });
});
