import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reasonsNotReady } from '../../src/observe/health.js';
import { routeStatus } from '../support/route-status.js';

const nothing = { delivered: 0, filtered: 0, rejected: 0 };

describe('a destination', () => {
  it('is ready when it delivers, and when it is idle', () => {
    assert.deepEqual(reasonsNotReady(routeStatus()), []);
    assert.deepEqual(reasonsNotReady(routeStatus({ runCounts: nothing, unconfirmedBatches: 0, waitingMs: 0 })), []);
    assert.deepEqual(reasonsNotReady(routeStatus({ state: 'stopped', unconfirmedBatches: 0 })), []);
  });

  it('is ready when all that it did was to refuse', () => {
    assert.deepEqual(reasonsNotReady(routeStatus({ runCounts: { ...nothing, rejected: 1 } })), []);
  });

  it('is not ready before it has started', () => {
    assert.deepEqual(reasonsNotReady(routeStatus({ state: 'starting' })), ['there (tcp://there:514): is starting']);
  });

  it('is not ready while it cannot be reached, and tells why', () => {
    assert.deepEqual(reasonsNotReady(routeStatus({ state: 'retrying', lastError: 'connection refused' })), ['there (tcp://there:514): connection refused']);
  });

  it('is not ready until it has confirmed the first that it was sent', () => {
    assert.deepEqual(reasonsNotReady(routeStatus({ runCounts: nothing })), ['there (tcp://there:514): has confirmed nothing yet']);
  });

  it('is not ready when it has confirmed nothing for more than a minute', () => {
    assert.deepEqual(reasonsNotReady(routeStatus({ waitingMs: 60_000 })), []);
    assert.deepEqual(reasonsNotReady(routeStatus({ waitingMs: 75_400 })), ['there (tcp://there:514): has confirmed nothing for 75 s']);
  });

  it('is not ready while its checkpoint cannot be saved, told in a line of its own', () => {
    assert.deepEqual(reasonsNotReady(routeStatus({ sourceError: 'it exited with 1' })), ['there (tcp://there:514): nothing can be read: it exited with 1']);
    assert.deepEqual(reasonsNotReady(routeStatus({ state: 'starting', lastError: 'Cannot write the state folder' })), ['there (tcp://there:514): Cannot write the state folder']);
    assert.deepEqual(reasonsNotReady(routeStatus({ lastError: 'connection refused', checkpointError: 'ENOSPC: no space\nleft' })), [
      'there (tcp://there:514): connection refused',
      'there (tcp://there:514): the checkpoint cannot be saved: ENOSPC: no space left',
    ]);
  });
});
