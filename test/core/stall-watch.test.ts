import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StallWatch } from '../../src/core/stall-watch.js';

describe('a stall watch', () => {
  it('tells of a wait that lasts too long, and not before', async () => {
    const beganMs = performance.now();
    await new Promise<void>((resolve) => {
      const watch = new StallWatch(30, resolve);
      watch.awaits();
      watch.came();
      watch.awaits();
    });
    assert.ok(performance.now() - beganMs >= 29);
  });

  it('tells nothing of waits that have ended, however many, and of none after it was stopped', async () => {
    let stalls = 0;
    const watch = new StallWatch(10, () => (stalls += 1));
    const later = new StallWatch(10, () => (stalls += 1));
    watch.awaits();
    watch.came();
    later.awaits();
    later.stop();
    // Its timer was set after theirs, for as long.
    await new Promise<void>((resolve) => new StallWatch(10, resolve).awaits());
    assert.equal(stalls, 0);
  });

  it('counts a wait from its own beginning, though the timer is that of an earlier one', async () => {
    let secondMs = 0;
    await new Promise<void>((resolve) => {
      const watch = new StallWatch(40, resolve);
      watch.awaits();
      setTimeout(() => {
        watch.came();
        watch.awaits();
        secondMs = performance.now();
      }, 20);
    });
    assert.ok(performance.now() - secondMs >= 39);
  });

  it('keeps one timer for a thousand waits', (t) => {
    const set = t.mock.method(globalThis, 'setTimeout');
    const watch = new StallWatch(60_000, () => assert.fail());
    for (let n = 0; n < 1000; n++) {
      watch.awaits();
      watch.came();
    }
    watch.stop();
    assert.equal(set.mock.callCount(), 1);
  });
});
