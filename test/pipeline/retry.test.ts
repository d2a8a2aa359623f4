import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import type { Delivery } from '../../src/core/sink.js';
import { Outage } from '../../src/pipeline/outage.js';
import { retryUntilFinal } from '../../src/pipeline/retry.js';
import { delivered, failing } from '../support/fake-sink.js';
import { RecordedLogger } from '../support/recorded-logger.js';

const never = new AbortController().signal;

describe('retrying a delivery', () => {
  test('repeats until the outcome is final, with one line when it begins and one with the duration when it ends', async () => {
    const { outage, logger } = outageWith(() => 0);
    let attempts = 0;
    let retries = 0;
    const outcome = await retryUntilFinal(() => Promise.resolve(++attempts < 25 ? failing() : delivered), { outage, giveUp: never, onRetry: () => retries++ });
    assert.equal(outcome, delivered);
    outage.recovered();
    assert.deepEqual([attempts, retries], [25, 24]);
    const told = logger.lines.filter((line) => !line.startsWith('debug:'));
    assert.equal(told.length, 2);
    assert.match(told[0]!, /^warn: tcp:\/\/there: refused the connection; /);
    assert.match(told[1]!, /^info: tcp:\/\/there: reachable again after [\d.]+ s$/);
    assert.equal(getEventListeners(never, 'abort').length, 0);
  });

  for (const final of [delivered, { outcome: 'rejected', rejections: [{ index: 0, reason: 'no' }] }, { outcome: 'sent', confirmed: Promise.resolve(true) }] satisfies Delivery[]) {
    test(`takes "${final.outcome}" at the first attempt for final, and says nothing`, async () => {
      const { outage, logger } = outageWith(() => 0);
      assert.equal(await retryUntilFinal(() => Promise.resolve(final), { outage, giveUp: never, onRetry: assert.fail }), final);
      assert.deepEqual(logger.lines, []);
    });
  }

  test('takes the failure of a delivery that is behind another for no further one, and pauses for it only as the receiver asks', async () => {
    const { outage, logger } = outageWith(() => 1);
    let attempts = 0;
    const attempt = (): Promise<Delivery> => Promise.resolve(++attempts < 5 ? failing('broke', attempts === 1 ? { retryAfterMs: 30 } : {}) : delivered);
    const startMs = performance.now();
    assert.equal(await retryUntilFinal(attempt, { outage, giveUp: never, onRetry: () => undefined, isBehind: () => true }), delivered);
    assert.ok(performance.now() - startMs >= 29);
    assert.equal(outage.reason, undefined);
    assert.deepEqual(logger.lines, []);
  });

  test('ends a pause at once when it is told to give up, without another attempt', async () => {
    const { outage, logger } = outageWith(() => 1);
    const giveUp = new AbortController();
    let attempts = 0;
    const attempt = (): Promise<Delivery> => {
      attempts += 1;
      return Promise.resolve(failing('asks for an hour', { retryAfterMs: 3_600_000 }));
    };
    const outcome = retryUntilFinal(attempt, { outage, giveUp: giveUp.signal, onRetry: assert.fail });
    await logger.line(/asks for an hour/);
    await new Promise(setImmediate);
    assert.equal(getEventListeners(giveUp.signal, 'abort').length, 1);
    giveUp.abort();
    assert.equal(await outcome, undefined);
    assert.equal(attempts, 1);
  });

  test('attempts once although it is to give up already, and keeps the outcome', async () => {
    const { outage } = outageWith(() => 0);
    const attempt = (): Promise<Delivery> => Promise.resolve(delivered);
    assert.equal(await retryUntilFinal(attempt, { outage, giveUp: AbortSignal.abort(), onRetry: assert.fail }), delivered);
  });

  test('keeps the outcome of an attempt that ends in the moment of the abort', async () => {
    const { outage } = outageWith(() => 0);
    const giveUp = new AbortController();
    const attempt = (): Promise<Delivery> => {
      giveUp.abort();
      return Promise.resolve(delivered);
    };
    assert.equal(await retryUntilFinal(attempt, { outage, giveUp: giveUp.signal, onRetry: assert.fail }), delivered);
  });

  test('does not call it an outage when the stop itself made the attempt fail', async () => {
    const { outage, logger } = outageWith(() => 0);
    const giveUp = new AbortController();
    const attempt = (): Promise<Delivery> => {
      giveUp.abort();
      return Promise.resolve(failing());
    };
    assert.equal(await retryUntilFinal(attempt, { outage, giveUp: giveUp.signal, onRetry: assert.fail }), undefined);
    assert.deepEqual(logger.lines, []);
  });

  for (const bug of [new Error('a bug'), new TypeError('a bug of types'), new TypeError('fetch failed')]) {
    test(`rejects where an attempt does, without a second one: ${bug.name}: ${bug.message}`, async () => {
      const { outage } = outageWith(() => 0);
      await assert.rejects(retryUntilFinal(() => Promise.reject(bug), { outage, giveUp: never, onRetry: assert.fail }), bug);
    });
  }
});

describe('an outage', () => {
  test('pauses between nothing and a bound that doubles from 500 ms to 30 s', () => {
    const bounds = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
    for (const share of [0, 0.5, 1]) {
      const { outage } = outageWith(() => share);
      assert.deepEqual(bounds.map(() => outage.failed('is away')), bounds.map((bound) => bound * share));
    }
  });

  test('still pauses 30 s at most after a hundred thousand failures', () => {
    const { outage } = outageWith(() => 1);
    for (let i = 0; i < 100_000; i++) outage.failed('is away');
    assert.equal(outage.failed('is away'), 30_000);
  });

  test('pauses no less than the receiver asked for', () => {
    const { outage } = outageWith(() => 0.5);
    assert.equal(outage.failed('is busy', 7000), 7000);
    assert.equal(outage.failed('is busy', 1), 500);
  });

  test('begins anew after it ended, and says so once each time', () => {
    const { outage, logger } = outageWith(() => 1);
    for (let i = 0; i < 3; i++) outage.failed('is away');
    assert.equal(outage.reason, 'is away');
    outage.recovered();
    outage.recovered();
    assert.equal(outage.reason, undefined);
    assert.equal(outage.failed('is away again'), 500);
    outage.recovered();
    const told = logger.lines.filter((line) => !line.startsWith('debug:')).map((line) => line.replace(/;.*| after .*/, ''));
    assert.deepEqual(told, ['warn: tcp://there: is away', 'info: tcp://there: reachable again', 'warn: tcp://there: is away again', 'info: tcp://there: reachable again']);
  });

  test('asks for an operator once in each outage, also in one that began in another way', () => {
    const { outage, logger } = outageWith(() => 0);
    outage.failed('is away');
    for (let i = 0; i < 3; i++) outage.failed('wants other credentials', 0, true);
    outage.recovered();
    outage.failed('wants other credentials', 0, true);
    const told = logger.lines.filter((line) => !/^(debug|info):/.test(line));
    const asked = 'error: tcp://there: wants other credentials; nothing is delivered until that is mended, and nothing is lost';
    assert.deepEqual(told, ['warn: tcp://there: is away; trying again until it answers', asked, asked]);
  });

  test('tells the last reason', () => {
    const { outage } = outageWith(() => 0);
    outage.failed('was refused');
    outage.failed('timed out');
    assert.equal(outage.reason, 'timed out');
  });
});

function outageWith(random: () => number): { readonly outage: Outage; readonly logger: RecordedLogger } {
  const logger = new RecordedLogger();
  return { outage: new Outage({ label: 'tcp://there', logger, random }), logger };
}
