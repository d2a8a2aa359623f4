import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { OperatorError, ReadingGivenUp } from '../../src/core/errors.js';
import type { Chunk } from '../../src/core/source.js';
import { Route, type RouteOptions } from '../../src/pipeline/route.js';
import { aborted, Attempts, delivered, failing, FakeSink, sent, stopped, type FakeSinkOptions } from '../support/fake-sink.js';
import { beginning, chunksOf, cursorOf, FakeSource, numbered, numberIn } from '../support/fake-source.js';
import { MemoryCheckpoints, MemoryDeadLetters } from '../support/fake-stores.js';
import { encodeMessage } from '../support/message-encoder.js';
import { RecordedLogger } from '../support/recorded-logger.js';

const one = { limits: { maxMessages: 1 } };

describe('a route', { timeout: 60_000 }, () => {
  test('delivers everything once and in order, and saves the end', async () => {
    const received: string[] = [];
    const part = routeOver(chunksOf(100, 7), { limits: { maxMessages: 9, maxInFlight: 3 }, answer: ({ messages }) => (received.push(...messages), delivered) });
    await part.run();
    assert.deepEqual(received, numbers(1, 100));
    assert.equal(numberIn(part.checkpoints.saved?.position), 100);
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 100, filtered: 0, rejected: 0 });
    assert.equal(part.checkpoints.saved?.position.timestamp, 100);
    assert.deepEqual([part.source.passes, part.sink.closes, part.sink.aborts], [[0], 1, 1]);
    const { state, read, firstRead, lastRead, unconfirmedBatches, retries, bytes } = part.route.status();
    assert.deepEqual({ state, read, firstRead, lastRead, unconfirmedBatches, retries, bytes }, { state: 'stopped', read: 100, firstRead: 1, lastRead: 100, unconfirmedBatches: 0, retries: 0, bytes: 292 });
  });

  test('goes on after the saved position, and counts on', async () => {
    const part = routeOver(chunksOf(10), { answer: () => delivered });
    part.checkpoints.saved = { position: { cursor: cursorOf(4), timestamp: 4 }, counts: { delivered: 3, filtered: 1, rejected: 2 } };
    await part.run();
    assert.deepEqual(part.source.passes, [4]);
    assert.deepEqual(part.checkpoints.saved.counts, { delivered: 9, filtered: 1, rejected: 2 });
  });

  test('holds the position behind the oldest batch that is not settled', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(3), { answer: attempts.answer, limits: { maxMessages: 1, maxInFlight: 3 } });
    const run = part.run();
    const calls = [await attempts.next(), await attempts.next(), await attempts.next()] as const;
    calls[2].end(delivered);
    calls[1].end(delivered);
    await turns();
    assert.deepEqual(part.route.status().position, beginning);
    assert.equal(part.source.settledNumber, 0);
    assert.equal(part.route.status().unconfirmedBatches, 3);
    calls[0].end(delivered);
    await run;
    assert.equal(part.source.settledNumber, 3);
  });

  test('saves where a first run begins before anything is delivered, and the next run begins there', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(3), { answer: attempts.answer });
    const saved = part.checkpoints.nextSave();
    const run = part.run();
    const call = await attempts.next();
    await saved;
    assert.deepEqual(part.checkpoints.saved?.position, beginning);
    const next = routeOver(chunksOf(3), { answer: () => delivered });
    next.checkpoints.saved = part.checkpoints.saved;
    await next.run();
    assert.deepEqual([next.source.passes, numberIn(next.checkpoints.saved.position), next.checkpoints.saved.counts.delivered], [[0], 3, 3]);
    part.stop();
    part.abort();
    call.end(failing());
    await run;
  });

  test('reads no further than the sink takes', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(100, 1), { ...one, answer: attempts.answer });
    const run = part.run();
    for (let answered = 0; answered < 5; answered++) {
      const call = await attempts.next();
      await turns();
      assert.equal(attempts.waiting, 0);
      assert.ok(part.source.pulled <= answered + 4, `${part.source.pulled} chunks for ${answered} deliveries`);
      call.end(delivered);
    }
    const call = await attempts.next();
    part.abort();
    call.end(stopped);
    await run;
  });

  test('counts a batch that was sent only when it is confirmed', async () => {
    const first = sent();
    const part = routeOver(chunksOf(2), { ...one, answer: ({ messages }) => (messages[0] === '1' ? first.delivery : delivered), onClose: (signal) => first.confirm(!signal.aborted) });
    const run = part.run();
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 2);
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 2, filtered: 0, rejected: 0 });
  });

  test('reads again from the last confirmed entry when the connection broke, and sends just what was unconfirmed', async () => {
    mock.method(Math, 'random', () => 0);
    const attempts = new Attempts();
    const part = routeOver(chunksOf(5), { ...one, answer: attempts.answer }, { follows: true });
    const run = part.run();
    const open = [];
    for (let number = 1; number <= 4; number++) {
      const call = await attempts.next();
      open.push(sent());
      call.end(open.at(-1)!.delivery);
    }
    const fifth = await attempts.next();
    open[0]!.confirm(true);
    open[1]!.confirm(true);
    open[3]!.confirm(false);
    open[2]!.confirm(false);
    await aborted(fifth.signal);
    fifth.end(stopped);
    for (const number of [3, 4, 5]) {
      const call = await attempts.next();
      assert.deepEqual(call.messages, [String(number)]);
      call.end(delivered);
    }
    await part.logger.line(/^info: .*reachable again/);
    part.stop();
    await run;
    assert.deepEqual(part.source.passes, [0, 2]);
    assert.equal(numberIn(part.checkpoints.saved?.position), 5);
    assert.equal(part.logger.lines.filter((line) => line.startsWith('warn:')).length, 1);
    mock.restoreAll();
  });

  test('reads again when the last connection breaks only while it is being closed', async () => {
    mock.method(Math, 'random', () => 0);
    let broken: ReturnType<typeof sent> | undefined;
    const received: string[] = [];
    const part = routeOver(chunksOf(3), {
      answer({ messages }) {
        received.push(...messages);
        if (broken !== undefined) return delivered;
        broken = sent();
        return broken.delivery;
      },
      onClose: () => broken?.confirm(false),
    });
    await part.run();
    assert.deepEqual(received, [...numbers(1, 3), ...numbers(1, 3)]);
    assert.deepEqual(part.source.passes, [0, 0]);
    assert.equal(numberIn(part.checkpoints.saved?.position), 3);
    mock.restoreAll();
  });

  test('does not wait for what was sent on a new connection after the old one broke', async () => {
    mock.method(Math, 'random', () => 0);
    const attempts = new Attempts();
    const part = routeOver(chunksOf(2, 1), { ...one, answer: attempts.answer }, { follows: true });
    const run = part.run();
    const [old, stalled] = [sent(), sent()];
    (await attempts.next()).end(old.delivery);
    (await attempts.next()).end(stalled.delivery);
    await turns();
    old.confirm(false);
    for (const number of [1, 2]) {
      const call = await attempts.next();
      assert.deepEqual(call.messages, [String(number)]);
      call.end(delivered);
    }
    await turns();
    stalled.confirm(true);
    part.stop();
    await run;
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 2, filtered: 0, rejected: 0 });
    mock.restoreAll();
  });

  test('moves the position over entries that are filtered out, or of which the format has nothing to say', async () => {
    const entry = (number: number): ReturnType<typeof numbered> => numbered(number, number === 3 ? { MESSAGE: 'x' } : { PRIORITY: '6' });
    const part = routeOver(chunksOf(6, 2, entry), { answer: () => delivered }, {}, { accepts: ({ cursor }) => cursor !== cursorOf(5) });
    await part.run();
    assert.deepEqual(part.checkpoints.saved, { position: { cursor: cursorOf(6), timestamp: 6 }, counts: { delivered: 1, filtered: 5, rejected: 0 } });
  });

  test('does not move the position over filtered entries while what is before them is not settled', async () => {
    const attempts = new Attempts();
    const entry = (number: number): ReturnType<typeof numbered> => numbered(number, number === 1 ? { MESSAGE: 'x' } : {});
    const part = routeOver(chunksOf(6, 1, entry), { answer: attempts.answer }, { follows: true });
    const run = part.run();
    const call = await attempts.next();
    while (part.source.pulled < 6) await turns();
    await turns();
    assert.deepEqual(part.route.status().position, beginning);
    call.end(delivered);
    await turns();
    assert.equal(numberIn(part.route.status().position), 6);
    part.stop();
    await run;
  });

  test('moves the position up to where the source has nothing more to give', async () => {
    const through = (number: number): Chunk => ({ entries: [], through: { cursor: cursorOf(number), timestamp: number } });
    const attempts = new Attempts();
    const part = routeOver([through(3), { entries: [numbered(4)] }, through(9)], { answer: attempts.answer }, { follows: true });
    const run = part.run();
    const call = await attempts.next();
    assert.equal(numberIn(part.route.status().position), 3);
    await turns();
    assert.equal(numberIn(part.route.status().position), 3);
    call.end(delivered);
    part.stop();
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 9);
  });

  test('takes a position together with entries for the one of them all', async () => {
    const part = routeOver([{ entries: [numbered(1), numbered(2)], through: { cursor: cursorOf(7), timestamp: 7 } }], { answer: () => delivered });
    await part.run();
    assert.equal(numberIn(part.checkpoints.saved?.position), 7);
  });

  test('sets aside what the receiver refuses, and counts the rest as delivered', async () => {
    const part = routeOver(chunksOf(5), { answer: () => ({ outcome: 'rejected', rejections: [{ index: 1, reason: 'too old' }, { index: 4, reason: 'empty' }] }) });
    await part.run();
    assert.deepEqual(
      part.deadLetters.letters.map(({ content, ...letter }) => ({ ...letter, content: Buffer.from(content).toString() })),
      [
        { from: 'there', kind: 'refused', reason: 'too old', cursor: cursorOf(2), timestamp: 2, content: '2' },
        { from: 'there', kind: 'refused', reason: 'empty', cursor: cursorOf(5), timestamp: 5, content: '5' },
      ],
    );
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 3, filtered: 0, rejected: 2 });
  });

  test('does not move the position before a refused message is safely set aside', async () => {
    const written = deferred();
    const begun = deferred();
    const deadLetters = { write: () => (begun.resolve(), written.promise) };
    const part = routeOver(chunksOf(1), { answer: () => ({ outcome: 'rejected', rejections: [{ index: 0, reason: 'no' }] }) }, {}, { deadLetters });
    const run = part.run();
    await begun.promise;
    await turns();
    assert.deepEqual(part.route.status().position, beginning);
    written.resolve();
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
  });

  test('ends without an error, and without moving on, when it is aborted while a message cannot be set aside', async () => {
    const begun = deferred();
    const deadLetters = {
      write: async (_: unknown, signal: AbortSignal): Promise<void> => {
        begun.resolve();
        await aborted(signal);
        signal.throwIfAborted();
      },
    };
    const part = routeOver(chunksOf(3, 1), { ...one, answer: () => ({ outcome: 'rejected', rejections: [{ index: 0, reason: 'no' }] }) }, {}, { deadLetters });
    const run = part.run();
    await begun.promise;
    part.stop();
    part.abort();
    await run;
    assert.deepEqual(part.checkpoints.saved?.position, beginning);
  });

  test('sets aside what was refused of a head that is settled, and sends only the rest', async () => {
    mock.method(Math, 'random', () => 0);
    const attempts = new Attempts();
    const part = routeOver(chunksOf(5), { answer: attempts.answer });
    const run = part.run();
    (await attempts.next()).end({ outcome: 'retryable', code: 'HTTP_503', reason: 'is busy', deliveredCount: 3, rejections: [{ index: 1, reason: 'no' }] });
    const second = await attempts.next();
    assert.deepEqual([second.messages, part.deadLetters.contents], [['4', '5'], ['2']]);
    assert.deepEqual(part.route.status().position, beginning);
    second.end({ outcome: 'rejected', rejections: [{ index: 0, reason: 'no' }] });
    await run;
    assert.deepEqual(part.deadLetters.contents, ['2', '4']);
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 3, filtered: 0, rejected: 2 });
  });

  test('sends only the rest of a batch whose head was delivered', async () => {
    mock.method(Math, 'random', () => 0);
    const attempts = new Attempts();
    const part = routeOver(chunksOf(5), { answer: attempts.answer });
    const run = part.run();
    (await attempts.next()).end(failing('was full', { deliveredCount: 2 }));
    const second = await attempts.next();
    assert.deepEqual(second.messages, ['3', '4', '5']);
    second.end(failing('was full', { deliveredCount: 1 }));
    const third = await attempts.next();
    assert.deepEqual(third.messages, ['4', '5']);
    third.end({ outcome: 'rejected', rejections: [{ index: 1, reason: 'no' }] });
    await run;
    assert.deepEqual(part.deadLetters.contents, ['5']);
    assert.deepEqual(part.checkpoints.saved?.counts, { delivered: 4, filtered: 0, rejected: 1 });
    assert.equal(part.route.status().retries, 2);
    mock.restoreAll();
  });

  test('keeps the order when batches that are under way together fail', async () => {
    let random = 1;
    mock.method(Math, 'random', () => (random = 1 - random) / 100);
    const attempts = new Attempts();
    const part = routeOver(chunksOf(4), { limits: { maxMessages: 1, maxInFlight: 2 }, answer: attempts.answer });
    const run = part.run();
    const [first, second] = [await attempts.next(), await attempts.next()];
    second.end(failing());
    first.end(failing());
    const order: string[] = [];
    for (let round = 0; round < 3; round++) {
      const again = await attempts.next();
      await turns();
      order.push(...again.messages);
      assert.equal(attempts.waiting, 0, 'nothing overtakes a batch that failed');
      again.end(round < 2 ? failing() : delivered);
    }
    const rest = await attempts.next();
    rest.end(delivered);
    order.push(...rest.messages);
    for (const number of [3, 4]) {
      const call = await attempts.next();
      assert.deepEqual(call.messages, [String(number)]);
      call.end(delivered);
    }
    await run;
    assert.deepEqual(order, ['1', '1', '1', '2']);
    mock.restoreAll();
  });

  test('takes a break that gives back several batches for one failure, and repeats them one behind the other', async () => {
    mock.method(Math, 'random', () => 0.001);
    const attempts = new Attempts();
    const part = routeOver(chunksOf(3), { limits: { maxMessages: 1, maxInFlight: 3 }, answer: attempts.answer });
    const run = part.run();
    for (const call of [await attempts.next(), await attempts.next(), await attempts.next()]) call.end(failing('broke'));
    for (const number of ['1', '2', '3']) {
      const again = await attempts.next();
      assert.deepEqual(again.messages, [number]);
      assert.equal(attempts.waiting, 0);
      again.end(delivered);
    }
    await run;
    assert.deepEqual(part.logger.lines.filter((line) => line.includes('broke')).length, 1);
    mock.restoreAll();
  });

  test('attempts nothing later while a batch that failed has to wait, and leaves it to the next run at a stop', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(4, 1), { limits: { maxMessages: 1, maxInFlight: 3 }, answer: attempts.answer }, { follows: true });
    const run = part.run();
    (await attempts.next()).end(failing('asks for time', { retryAfterMs: 1e6 }));
    const underWay = attempts.waiting;
    await part.logger.line(/asks for time/);
    while (part.source.pulled < 3) await turns();
    await turns();
    assert.equal(attempts.waiting, underWay);
    assert.equal(underWay, 0);
    part.stop();
    await run;
    assert.deepEqual(part.checkpoints.saved?.position, beginning);
  });

  test('says that it is retrying, and why', async () => {
    const part = routeOver(chunksOf(1), { answer: () => failing('refused the connection', { retryAfterMs: 1e6 }) });
    const run = part.run();
    await part.logger.line(/refused the connection/);
    assert.deepEqual([part.route.status().state, part.route.status().lastError], ['retrying', 'refused the connection']);
    part.stop();
    await run;
    assert.equal(part.route.status().state, 'stopped');
  });
});

describe('stopping a route', { timeout: 60_000 }, () => {
  test('gives up what is in a retry pause, and nothing overtakes it', async () => {
    let attempts = 0;
    const part = routeOver(chunksOf(5), { ...one, answer: () => (++attempts === 1 ? delivered : failing('asks for time', { retryAfterMs: 1e6 })) });
    const run = part.run();
    await part.logger.line(/asks for time/);
    part.stop();
    await run;
    assert.equal(attempts, 2);
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
  });

  test('waits for an attempt under way, and takes its outcome', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(1), { ...one, answer: attempts.answer }, { follows: true });
    const run = part.run();
    const call = await attempts.next();
    part.stop();
    await turns();
    assert.equal(call.signal.aborted, false);
    call.end(delivered);
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
  });

  test('delivers what it has read, and reads no more', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(6, 3), { ...one, answer: attempts.answer });
    const run = part.run();
    const first = await attempts.next();
    part.stop();
    first.end(delivered);
    for (const number of [2, 3]) {
      const call = await attempts.next();
      assert.deepEqual(call.messages, [String(number)]);
      call.end(delivered);
    }
    await run;
    assert.equal(attempts.waiting, 0);
    assert.equal(numberIn(part.checkpoints.saved?.position), 3);
  });

  test('cuts an attempt that hangs only at the abort, and saves what is settled', async () => {
    const begun = deferred();
    const answer: FakeSinkOptions['answer'] = async ({ messages, signal }) => {
      if (messages[0] === '1') return delivered;
      begun.resolve();
      await aborted(signal);
      return stopped;
    };
    const part = routeOver(chunksOf(5), { ...one, answer });
    const run = part.run();
    await begun.promise;
    part.stop();
    part.abort();
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
    assert.deepEqual(part.logger.lines, []);
  });

  test('keeps what an attempt delivered in the moment of the abort', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(1), { ...one, answer: attempts.answer });
    const run = part.run();
    const call = await attempts.next();
    part.stop();
    part.abort();
    call.end(delivered);
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
  });

  test('confirms what was sent by closing the sink', async () => {
    const open: ReturnType<typeof sent>[] = [];
    const part = routeOver(
      chunksOf(3),
      {
        ...one,
        answer: () => (open.push(sent()), open.at(-1)!.delivery),
        onClose: (signal) => { for (const { confirm } of open) confirm(!signal.aborted); },
      },
      { follows: true },
    );
    const run = part.run();
    while (open.length < 3) await turns();
    part.stop();
    await run;
    assert.deepEqual([part.sink.closes, part.sink.aborts], [1, 1]);
    assert.equal(numberIn(part.checkpoints.saved?.position), 3);
  });

  test('leaves to the next run what no close could confirm before the abort, and sends nothing again', async () => {
    const open: ReturnType<typeof sent>[] = [];
    const closing = deferred();
    const part = routeOver(
      chunksOf(3),
      {
        ...one,
        answer: () => (open.push(sent()), open.at(-1)!.delivery),
        onClose: async (signal) => {
          closing.resolve();
          await aborted(signal);
          for (const [index, { confirm }] of open.entries()) confirm(index === 0);
        },
      },
      { follows: true },
    );
    const run = part.run();
    while (open.length < 3) await turns();
    part.stop();
    await closing.promise;
    part.abort();
    await run;
    assert.equal(open.length, 3);
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
  });

  test('begins no other pass where the connection breaks after the stop', async () => {
    const open = sent();
    const part = routeOver(chunksOf(1), { answer: () => open.delivery, onClose: () => open.confirm(false) }, { follows: true });
    const run = part.run();
    while (part.route.status().unconfirmedBatches === 0) await turns();
    part.stop();
    await run;
    assert.deepEqual(part.source.passes, [0]);
    assert.deepEqual(part.logger.lines, []);
    assert.deepEqual(part.checkpoints.saved?.position, beginning);
  });

  test('ends while it waits for confirmations with as many batches open as it may have', async () => {
    const open: ReturnType<typeof sent>[] = [];
    const part = routeOver(chunksOf(20_000, 20_000), {
      ...one,
      answer: () => (open.push(sent()), open.at(-1)!.delivery),
      onClose: (signal) => { for (const { confirm } of open) confirm(!signal.aborted); },
    });
    const run = part.run();
    while (open.length < 16_384) await turns();
    await turns(10);
    assert.equal(open.length, 16_384);
    open[0]!.confirm(true);
    while (open.length < 16_385) await turns();
    await turns(10);
    assert.equal(open.length, 16_385);
    part.stop();
    part.abort();
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
  });

  test('ends a pause after a break', async () => {
    mock.method(Math, 'random', () => 0.99);
    const open = sent();
    const part = routeOver(chunksOf(1), { answer: () => open.delivery }, { follows: true });
    const run = part.run();
    while (part.route.status().unconfirmedBatches === 0) await turns();
    open.confirm(false);
    await part.logger.line(/confirmed/);
    part.stop();
    await run;
    assert.deepEqual(part.source.passes, [0]);
    mock.restoreAll();
  });

  test('ends at once where it is stopped before it begins', async () => {
    const part = routeOver(chunksOf(5), { answer: () => assert.fail() });
    part.stop();
    await part.run();
    assert.equal(part.checkpoints.saved, undefined);
  });

  test('saves at the end what could not be saved before', async () => {
    const part = routeOver(chunksOf(1), { answer: () => delivered });
    part.checkpoints.failures.push(new Error('disk full'), new Error('disk full'));
    await part.run();
    assert.equal(numberIn(part.checkpoints.saved?.position), 1);
    assert.equal(part.logger.lines.length, 2);
  });
});

describe('a route that cannot go on', { timeout: 60_000 }, () => {
  const mendable = new OperatorError('ERR_X', 'Mend it.');

  test('rejects with the failure of its source, after it has closed the sink and saved what is settled', async () => {
    const part = routeOver(chunksOf(2, 1), { ...one, answer: () => delivered }, { failure: mendable });
    await assert.rejects(part.run(), mendable);
    assert.equal(part.sink.aborts, 1);
    assert.equal(part.route.status().state, 'stopped');
    assert.equal(part.source.settledNumber, numberIn(part.checkpoints.saved?.position));
  });

  test('rejects with the failure of its source also while an attempt hangs', async () => {
    const answer: FakeSinkOptions['answer'] = async ({ signal }) => {
      await aborted(signal);
      return stopped;
    };
    await assert.rejects(routeOver(chunksOf(2, 1), { ...one, answer }, { failure: mendable }).run(), mendable);
  });

  const givenUp = new ReadingGivenUp('ERR_X', 'Mend it.');

  test('delivers, confirms and saves what it read before its source gave up, and then rejects', async () => {
    const attempts = new Attempts();
    const part = routeOver(chunksOf(3, 1), { answer: attempts.answer, limits: { maxMessages: 2 } }, { failure: givenUp });
    let hasEnded = false;
    const run = assert.rejects(part.run(), givenUp).finally(() => (hasEnded = true));
    (await attempts.next()).end(delivered);
    const last = await attempts.next();
    const awaited = sent();
    last.end(awaited.delivery);
    await turns();
    assert.equal(hasEnded, false);
    awaited.confirm(true);
    await run;
    assert.equal(numberIn(part.checkpoints.saved?.position), 3);
    assert.equal(part.route.isComplete, true);
    assert.deepEqual(part.source.passes, [0]);
  });

  test('reads again what was not confirmed before its source gave up, before it rejects', async () => {
    mock.method(Math, 'random', () => 0);
    const received: string[] = [];
    const part = routeOver(chunksOf(3), {
      answer({ messages }) {
        received.push(...messages);
        return received.length > 3 ? delivered : { outcome: 'sent', confirmed: Promise.resolve(false) };
      },
    }, { failure: givenUp });
    await assert.rejects(part.run(), givenUp);
    assert.deepEqual(received, [...numbers(1, 3), ...numbers(1, 3)]);
    assert.deepEqual(part.source.passes, [0, 0]);
    assert.equal(numberIn(part.checkpoints.saved?.position), 3);
    mock.restoreAll();
  });

  test('rejects with a bug of the sink', async () => {
    const bug = new TypeError('undefined is not a function');
    const part = routeOver(chunksOf(2), { answer: () => Promise.reject(bug) }, { follows: true });
    await assert.rejects(part.run(), bug);
    assert.equal(part.sink.aborts, 1);
    assert.deepEqual(part.checkpoints.saved?.position, beginning);
  });

  test('rejects where a confirmation does, which is a bug too', async () => {
    const bug = new Error('never rejects');
    const part = routeOver(chunksOf(2), { answer: () => ({ outcome: 'sent', confirmed: Promise.reject(bug) }) }, { follows: true });
    await assert.rejects(part.run(), bug);
  });

  test('rejects where the checkpoint cannot be read, before anything else', async () => {
    const checkpoints = { load: () => Promise.reject(mendable), save: () => assert.fail() };
    const part = routeOver(chunksOf(2), { answer: () => assert.fail() }, {}, { checkpoints });
    await assert.rejects(part.run(), mendable);
    assert.deepEqual(part.source.passes, []);
  });
});

interface RouteUnderTest {
  readonly route: Route;
  readonly source: FakeSource;
  readonly sink: FakeSink;
  readonly checkpoints: MemoryCheckpoints;
  readonly deadLetters: MemoryDeadLetters;
  readonly logger: RecordedLogger;
  run(): Promise<void>;
  stop(): void;
  abort(): void;
}

function routeOver(chunks: readonly Chunk[], sinkOptions: FakeSinkOptions, sourceOptions: ConstructorParameters<typeof FakeSource>[1] = {}, more: Partial<RouteOptions> = {}): RouteUnderTest {
  const source = new FakeSource(chunks, sourceOptions);
  const sink = new FakeSink(sinkOptions);
  const checkpoints = new MemoryCheckpoints();
  const deadLetters = new MemoryDeadLetters();
  const logger = new RecordedLogger();
  const route = new Route({ name: 'there', label: 'tcp://there', source, accepts: () => true, encoder: encodeMessage, sink, checkpoints, deadLetters, logger, ...more });
  const stopping = new AbortController();
  const aborting = new AbortController();
  return {
    route,
    source,
    sink,
    checkpoints,
    deadLetters,
    logger,
    run: () => route.run(stopping.signal, aborting.signal),
    stop: () => { stopping.abort(); },
    abort: () => { aborting.abort(); },
  };
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Lets everything happen that can happen by itself. */
async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
