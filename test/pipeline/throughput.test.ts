import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Throughput } from '../../src/pipeline/throughput.js';

describe('a throughput', () => {
  it('is what came in the last minute, for each of its seconds', () => {
    const throughput = new Throughput(0);
    for (let second = 0; second < 300; second++) throughput.add(7, second * 1000 + 999);
    assert.equal(throughput.perSecond(299_999), 7);
  });

  it('counts from the beginning while less than a minute has passed', () => {
    const throughput = new Throughput(500_400);
    throughput.add(30, 500_900);
    assert.equal(throughput.perSecond(500_999), 30);
    assert.equal(throughput.perSecond(509_999), 3);
  });

  it('falls to 0 when nothing has come for a minute, and forgets what is older', () => {
    const throughput = new Throughput(0);
    throughput.add(60, 100_000);
    assert.equal(throughput.perSecond(159_999), 1);
    assert.equal(throughput.perSecond(160_000), 0);
    throughput.add(60, 1_000_000_000);
    assert.equal(throughput.perSecond(1_000_000_000), 1);
  });

  it('does not depend on how often it is asked', () => {
    const throughput = new Throughput(0);
    for (let ms = 0; ms < 120_000; ms += 100) {
      throughput.add(1, ms);
      throughput.perSecond(ms);
    }
    assert.equal(throughput.perSecond(119_900), 10);
  });
});
