import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deadline } from '../../src/core/deadline.js';

describe('a deadline', () => {
  it('comes when it is due, once, and not before', async () => {
    const beganMs = performance.now();
    let count = 0;
    await new Promise<void>((resolve) => {
      const deadline = new Deadline(() => {
        count += 1;
        resolve();
      });
      deadline.set(30);
      deadline.drop();
      deadline.set(30);
    });
    assert.ok(performance.now() - beganMs >= 30);
    await passed(40);
    assert.equal(count, 1);
  });

  it('does not come once it was dropped, nor after a stop', async () => {
    let count = 0;
    const dropped = new Deadline(() => (count += 1));
    const stopped = new Deadline(() => (count += 1));
    dropped.set(10);
    dropped.drop();
    stopped.set(10);
    stopped.stop();
    // Its timer was set after theirs, for as long.
    await passed(10);
    assert.equal(count, 0);
  });

  it('is put off by being set again, though the timer is that of the earlier one', async () => {
    let secondMs = 0;
    await new Promise<void>((resolve) => {
      const deadline = new Deadline(resolve);
      deadline.set(40);
      setTimeout(() => {
        deadline.set(40);
        secondMs = performance.now();
      }, 20);
    });
    assert.ok(performance.now() - secondMs >= 39.9);
  });

  it('comes earlier where it is set to', async () => {
    await new Promise<void>((resolve) => {
      const deadline = new Deadline(resolve);
      deadline.set(600_000);
      deadline.set(10);
    });
  });

  it('can be set again when it has come, and when it was stopped', async () => {
    let count = 0;
    await new Promise<void>((resolve) => {
      const deadline = new Deadline(() => {
        count += 1;
        if (count === 3) resolve();
        else deadline.set(1);
      });
      deadline.set(1);
      deadline.stop();
      deadline.set(1);
    });
    assert.equal(count, 3);
  });

  it('keeps one timer for a thousand waits', (t) => {
    const set = t.mock.method(globalThis, 'setTimeout');
    const deadline = new Deadline(() => assert.fail());
    for (let n = 0; n < 1000; n++) {
      deadline.set(60_000);
      deadline.drop();
    }
    deadline.stop();
    assert.equal(set.mock.callCount(), 1);
  });
});

function passed(ms: number): Promise<void> {
  return new Promise<void>((resolve) => new Deadline(resolve).set(ms));
}
