import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import type { Checkpoint, CheckpointStore } from '../../src/core/checkpoint.js';
import { CheckpointSaver } from '../../src/pipeline/checkpoint-saver.js';
import { cursorOf } from '../support/fake-source.js';
import { MemoryCheckpoints } from '../support/fake-stores.js';
import { RecordedLogger } from '../support/recorded-logger.js';

describe('the checkpoint saver', () => {
  let store: MemoryCheckpoints;
  let logger: RecordedLogger;
  let position: number;
  let saver: CheckpointSaver;
  const never = new AbortController().signal;

  beforeEach(() => {
    store = new MemoryCheckpoints();
    logger = new RecordedLogger();
    position = 0;
    saver = over(store);
  });
  afterEach(() => mock.timers.reset());

  test('saves the first position at once, so that a sudden death leaves no first run behind', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const saved = store.nextSave();
    move();
    mock.timers.tick(0);
    await saved;
    assert.equal(store.saved?.position.timestamp, 1);
  });

  test('saves at most once a second from then on while the position moves, and then the newest', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const first = store.nextSave();
    move();
    mock.timers.tick(0);
    await first;
    await turn();
    for (let second = 1; second <= 3; second++) {
      const saved = store.nextSave();
      move();
      move();
      mock.timers.tick(999);
      await turn();
      assert.equal(store.saves, second);
      move();
      mock.timers.tick(1);
      await saved;
      await turn();
      assert.equal(store.saved?.position.timestamp, 1 + second * 3);
    }
    mock.timers.tick(60_000);
    await turn();
    assert.equal(store.saves, 4);
  });

  test('does not begin to save while it saves, and saves what came meanwhile a second later', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const saves: { readonly number: number; readonly end: () => void }[] = [];
    saver = over({ load: () => Promise.resolve(undefined), save: ({ position: { timestamp } }) => new Promise((resolve) => saves.push({ number: timestamp, end: resolve })) });
    move();
    mock.timers.tick(1000);
    move();
    mock.timers.tick(10_000);
    await turn();
    assert.deepEqual(saves.map(({ number }) => number), [1]);
    saves[0]!.end();
    await turn();
    mock.timers.tick(1000);
    assert.deepEqual(saves.map(({ number }) => number), [1, 2]);
    saves[1]!.end();
  });

  test('saves once more at the end, without waiting for the second', async () => {
    move();
    await saver.finish(never);
    assert.deepEqual([store.saves, store.saved?.position.timestamp], [1, 1]);
  });

  test('waits at the end for the save that is under way, and saves what came after it', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const saves: (() => void)[] = [];
    const numbers: number[] = [];
    saver = over({ load: () => Promise.resolve(undefined), save: (checkpoint) => (numbers.push(checkpoint.position.timestamp), new Promise((resolve) => saves.push(resolve))) });
    move();
    mock.timers.tick(1000);
    move();
    let isOver = false;
    const finished = saver.finish(never).then(() => (isOver = true));
    await turn();
    assert.deepEqual([isOver, numbers], [false, [1]]);
    saves[0]!();
    await turn();
    saves[1]!();
    await finished;
    assert.deepEqual(numbers, [1, 2]);
  });

  test('saves nothing where nothing moved', async () => {
    await saver.finish(never);
    assert.equal(store.saves, 0);
  });

  test('tries again a second later, says once that it failed and once that it works again', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    store.failures.push(new Error('disk full'), new Error('still full'));
    move();
    for (let second = 1; second <= 3; second++) {
      const saved = store.nextSave();
      mock.timers.tick(1000);
      await saved;
      await turn();
      assert.equal(saver.failure, [undefined, 'disk full', 'still full', undefined][second]);
    }
    assert.equal(store.saved?.position.timestamp, 1);
    assert.equal(logger.lines.length, 2);
    assert.match(logger.lines[0]!, /^warn: there: cannot save the checkpoint, .*: disk full$/);
    assert.match(logger.lines[1]!, /^info: there: the checkpoint is saved again$/);
  });

  test('tries again at the end until it succeeds', async () => {
    store.failures.push(new Error('disk full'), new Error('disk full'));
    move();
    await saver.finish(never);
    assert.equal(store.saved?.position.timestamp, 1);
  });

  test('gives up at the end when it is aborted, after one attempt', async () => {
    store.failures.push(...Array.from({ length: 100 }, () => new Error('disk full')));
    move();
    await saver.finish(AbortSignal.abort());
    assert.equal(store.saves, 1);
    assert.equal(saver.failure, 'disk full');
    const aborting = new AbortController();
    const failed = store.nextSave();
    const finished = saver.finish(aborting.signal);
    await failed;
    aborting.abort();
    await finished;
    assert.equal(store.saves, 2);
    assert.match(logger.lines.at(-1)!, /^error: there: stopped without saving the checkpoint, so the next run repeats what was delivered since: disk full$/);
  });

  test('leaves no timer behind', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    move();
    assert.equal(timers(), before + 1);
    await saver.finish(never);
    assert.equal(timers(), before);
  });

  function move(): void {
    position += 1;
    saver.request();
  }

  function over(checkpoints: CheckpointStore): CheckpointSaver {
    const current = (): Checkpoint => ({ position: { cursor: cursorOf(position), timestamp: position }, counts: { delivered: 0, filtered: 0, rejected: 0 } });
    return new CheckpointSaver({ store: checkpoints, current, logger, label: 'there' });
  }
});

function turn(): Promise<void> {
  return new Promise(setImmediate);
}
