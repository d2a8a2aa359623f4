import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cursor } from '../../src/core/entry.js';
import type { RouteProgress } from '../../src/core/route-progress.js';
import type { RouteStatus } from '../../src/core/route-status.js';
import { StatusText } from '../../src/observe/status-text.js';
import { routeStatus } from '../support/route-status.js';

const NOW_MS = 1_700_000_000_000;
/** It has read nothing yet. */
const fresh = { label: 'tcp://loghost:514', position: undefined, firstRead: undefined, unconfirmedBatches: 0 };
const progress = (isIdle: boolean): RouteProgress => ({ label: 'x', isReady: true, isIdle, stuck: undefined });
const textOf = (status: Partial<RouteStatus>, isIdle = false): string => new StatusText().of([routeStatus({ ...fresh, ...status })], [progress(isIdle)], NOW_MS);
const settled = (agoMs: number): RouteStatus['position'] => ({ cursor: 'c' as Cursor, timestamp: (NOW_MS - agoMs) * 1000 });

describe('StatusText', () => {
  it('tells entries per second since the last call, of all that was settled, whatever the time of day', () => {
    const text = new StatusText();
    const at = (delivered: number, monotonicMs: number): string => text.of([routeStatus({ ...fresh, counts: { delivered, filtered: 20, rejected: 1 } })], [progress(true)], Math.random() * NOW_MS, monotonicMs);
    assert.equal(at(1_000_000, 5_000), 'tcp://loghost:514: 0 entries/s, up to date');
    assert.equal(at(1_001_500, 15_000), 'tcp://loghost:514: 150 entries/s, up to date');
    assert.equal(at(1_001_500, 25_000), 'tcp://loghost:514: 0 entries/s, up to date');
  });

  it('tells how far behind a route is, coarser the longer it is', () => {
    for (const [agoMs, age] of [[3_000, '3 s'], [119_000, '119 s'], [180_000, '3 min'], [7_200_000, '2 h'], [259_200_000, '3 d'], [-5_000, '0 s']] as const) {
      assert.equal(textOf({ position: settled(agoMs) }), `tcp://loghost:514: 0 entries/s, ${age} behind`);
    }
  });

  it('counts from the first entry that was read where nothing is settled yet', () => {
    assert.equal(textOf({ firstRead: (NOW_MS - 4_000) * 1000, unconfirmedBatches: 2 }), 'tcp://loghost:514: 0 entries/s, 4 s behind, 2 batches unconfirmed');
  });

  it('calls a route up to date by what its source has, not by how old the last entry is', () => {
    assert.equal(textOf({ position: settled(3_600_000) }, true), 'tcp://loghost:514: 0 entries/s, up to date');
  });

  it('tells what is down, and that a checkpoint cannot be saved', () => {
    assert.equal(
      textOf({ lastError: 'the connection was refused', checkpointError: 'ENOSPC', position: settled(60_000), unconfirmedBatches: 1 }),
      'tcp://loghost:514: DOWN (the connection was refused), 60 s behind, 1 batch unconfirmed, CANNOT SAVE ITS PLACE (ENOSPC)',
    );
  });

  it('tells that nothing can be read, or that it waits to start', () => {
    assert.equal(textOf({ sourceError: 'it exited with 1' }, true), 'tcp://loghost:514: 0 entries/s, CANNOT READ (it exited with 1)');
    assert.equal(textOf({ state: 'starting', lastError: 'EROFS' }), 'tcp://loghost:514: WAITING (EROFS)');
  });

  it('stays one line, of a length that systemd reads', () => {
    const text = textOf({ lastError: `a\nb\u0007${'€'.repeat(5000)}` });
    assert.match(text, /DOWN \(a b €+\.\.\.$/);
    assert.ok(Buffer.byteLength(text) < 3900);
  });
});
