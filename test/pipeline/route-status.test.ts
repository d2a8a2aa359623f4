import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { Route } from '../../src/pipeline/route.js';
import { Attempts, delivered, failing, FakeSink, sent, type FakeSinkOptions } from '../support/fake-sink.js';
import { chunksOf, cursorOf, FakeSource } from '../support/fake-source.js';
import { MemoryCheckpoints, MemoryDeadLetters } from '../support/fake-stores.js';
import { encodeMessage } from '../support/message-encoder.js';
import { RecordedLogger } from '../support/recorded-logger.js';

describe('what a route tells of itself', { timeout: 60_000 }, () => {
  test('counts what this run did apart from what earlier ones did', async () => {
    const part = routeOver(10, { limits: { maxMessages: 4 }, answer: ({ messages }) => (messages.includes('7') ? { outcome: 'rejected', rejections: [{ index: messages.indexOf('7'), reason: 'no' }] } : delivered) });
    part.checkpoints.saved = { position: { cursor: cursorOf(2), timestamp: 2 }, counts: { delivered: 100, filtered: 10, rejected: 1 } };
    await part.run();
    const { counts, runCounts, batches, inFlight, waitingMs, perSecond } = part.route.status();
    assert.deepEqual(counts, { delivered: 105, filtered: 12, rejected: 2 });
    assert.deepEqual({ runCounts, batches, inFlight, waitingMs }, { runCounts: { delivered: 5, filtered: 2, rejected: 1 }, batches: 2, inFlight: 0, waitingMs: 0 });
    assert.ok(perSecond > 0 && perSecond <= 6);
  });

  test('says for how long nothing has been confirmed, from the moment that something was sent', async () => {
    const clock = mock.method(performance, 'now', () => nowMs);
    let nowMs = 1000;
    const attempts = new Attempts();
    const part = routeOver(2, { limits: { maxMessages: 1, maxInFlight: 2 }, answer: attempts.answer });
    assert.equal(part.route.status().waitingMs, 0);
    const run = part.run();
    const [first, second] = [await attempts.next(), await attempts.next()];
    nowMs += 500;
    assert.deepEqual([part.route.status().waitingMs, part.route.status().inFlight], [500, 2]);
    first.end(delivered);
    while (part.route.status().unconfirmedBatches === 2) await new Promise(setImmediate);
    nowMs += 300;
    assert.deepEqual([part.route.status().waitingMs, part.route.status().inFlight], [300, 1]);
    second.end(delivered);
    clock.mock.restore();
    await run;
  });

  test('says for how long the saved checkpoint has been behind, over failures to save it', async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const attempts = new Attempts();
    const part = routeOver(2, { limits: { maxMessages: 1 }, answer: attempts.answer });
    part.checkpoints.failures.push(new Error('disk full'));
    const run = part.run();
    (await attempts.next()).end(delivered);
    const last = await attempts.next();
    const save = async (): Promise<void> => {
      const saved = part.checkpoints.nextSave();
      mock.timers.tick(1000);
      await saved;
      await new Promise(setImmediate);
    };
    await save();
    const failed = part.route.status();
    assert.deepEqual([failed.saveFailures, failed.savedAtMs, failed.checkpointError], [1, undefined, 'disk full']);
    assert.ok(failed.unsavedMs > 0);
    await save();
    const saved = part.route.status();
    assert.deepEqual([saved.saveFailures, saved.savedAtMs, saved.unsavedMs, saved.checkpointError], [1, 2000, 0, undefined]);
    last.end(delivered);
    mock.timers.reset();
    await run;
  });

  test('counts nothing as unconfirmed between a break and the next pass, although a batch was filling', async () => {
    const first = sent();
    const part = routeOver(2, { limits: { maxMessages: 1, maxAgeMs: 60_000 }, answer: () => first.delivery }, { follows: true });
    const run = part.run();
    while (part.route.status().read < 2) await new Promise(setImmediate);
    const before = part.route.status();
    first.confirm(false);
    await part.logger.line(/before all that was sent was confirmed/);
    const after = part.route.status();
    part.stop();
    await run;
    assert.equal(before.unconfirmedBatches, 1);
    assert.deepEqual([after.unconfirmedBatches, after.waitingMs, after.inFlight], [0, 0, 0]);
  });

  test('counts a delivery that waits to be attempted again as in flight', async () => {
    const attempts = new Attempts();
    const part = routeOver(1, { answer: attempts.answer });
    const run = part.run();
    (await attempts.next()).end(failing());
    await part.logger.line(/trying again/);
    assert.deepEqual([part.route.status().inFlight, part.route.status().batches], [1, 0]);
    (await attempts.next()).end(delivered);
    await run;
    assert.deepEqual([part.route.status().inFlight, part.route.status().batches, part.route.status().retries], [0, 1, 1]);
  });
});

interface RouteUnderTest {
  readonly route: Route;
  readonly checkpoints: MemoryCheckpoints;
  readonly logger: RecordedLogger;
  run(): Promise<void>;
  stop(): void;
}

/** A route over entries from 1 on, of which it leaves out 5 and 9. */
function routeOver(count: number, options: FakeSinkOptions, sourceOptions: ConstructorParameters<typeof FakeSource>[1] = {}): RouteUnderTest {
  const checkpoints = new MemoryCheckpoints();
  const logger = new RecordedLogger();
  const accepts = ({ timestamp }: { readonly timestamp: number }): boolean => timestamp !== 5 && timestamp !== 9;
  const route = new Route({ name: 'there', label: 'tcp://there', source: new FakeSource(chunksOf(count), sourceOptions), accepts, encoder: encodeMessage, sink: new FakeSink(options), checkpoints, deadLetters: new MemoryDeadLetters(), logger });
  const stopping = new AbortController();
  const never = new AbortController().signal;
  return { route, checkpoints, logger, run: () => route.run(stopping.signal, never), stop: () => { stopping.abort(); } };
}
