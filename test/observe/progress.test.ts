import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { afterEach, describe, mock, test } from 'node:test';
import { Progress, progressLine } from '../../src/observe/progress.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { routeStatus } from '../support/route-status.js';

describe('the progress line', () => {
  const unread = routeStatus({ firstRead: undefined, lastRead: undefined, read: 0 });

  test('tells entries, rate, where in time, share and time left', () => {
    assert.equal(progressLine([routeStatus()], 1604430040000000, 2000), '5000 entries, 2500/s, at 2020-11-03T19:00:10Z, 25 %, 6 s left');
  });

  test('tells no share where nobody knows how far it goes', () => {
    assert.equal(progressLine([routeStatus()], undefined, 2000), '5000 entries, 2500/s, at 2020-11-03T19:00:10Z');
    assert.equal(progressLine([routeStatus()], 1604430000000000, 2000), '5000 entries, 2500/s, at 2020-11-03T19:00:10Z');
  });

  test('never tells more than all, nor guesses the time left from next to nothing', () => {
    assert.match(progressLine([routeStatus()], 1604430005000000, 2000)!, /, 100 %, 0 s left$/);
    assert.match(progressLine([routeStatus({ lastRead: 1604430000000001 })], 1604430040000000, 2000)!, /, 0 %$/);
  });

  test('tells minutes and hours', () => {
    assert.match(progressLine([routeStatus()], 1604430040000000, 200_000)!, /, 10 min left$/);
    assert.match(progressLine([routeStatus()], 1604430040000000, 20_000_000)!, /, 17 h left$/);
  });

  test('is of the slowest route that has read something, in any order', () => {
    const fast = routeStatus({ read: 9000, lastRead: 1604430020000000 });
    for (const routes of [[unread, fast, routeStatus()], [fast, routeStatus(), unread], [routeStatus(), unread, fast]]) assert.match(progressLine(routes, undefined, 1000)!, /^5000 entries/);
  });

  test('says what it waits for', () => {
    assert.match(progressLine([routeStatus({ lastError: 'refused the connection' })], undefined, 1000)!, /, waiting: refused the connection$/);
  });

  test('is absent before anything was read', () => {
    assert.equal(progressLine([unread], 1604430040000000, 1000), undefined);
    assert.equal(progressLine([], undefined, 1000), undefined);
  });
});

describe('the progress on a terminal', () => {
  afterEach(() => mock.timers.reset());

  test('is drawn twice a second in place, gives way to log lines, and is cleared at the end', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const output = new PassThrough();
    const text = (): string => ((output.read() as Buffer | null)?.toString() ?? '').replaceAll('\r\u001b[K', '<').replace(/\d+\/s/g, 'N/s');
    const progress = new Progress(output);
    const recorded = new RecordedLogger();
    const logger = progress.above({
      debug: (message) => { recorded.debug(message); },
      info: (message) => { recorded.info(message); },
      warn: (message) => void output.write(`${message}\n`),
      error: (message) => { recorded.error(message); },
    });
    progress.start(() => [routeStatus()], Promise.reject(new Error('nobody knows')));
    await new Promise(setImmediate);
    assert.equal(text(), '');
    mock.timers.tick(500);
    assert.equal(text(), '<5000 entries, N/s, at 2020-11-03T19:00:10Z');
    logger.warn('hear');
    logger.warn('hear');
    assert.equal(text(), '<hear\nhear\n');
    logger.info('an info');
    logger.debug('a debug');
    logger.error('an error');
    assert.deepEqual(recorded.lines, ['info: an info', 'debug: a debug', 'error: an error']);
    mock.timers.tick(500);
    progress.stop();
    assert.equal(text(), '<5000 entries, N/s, at 2020-11-03T19:00:10Z<');
    mock.timers.tick(5000);
    assert.equal(text(), '');
  });
});
