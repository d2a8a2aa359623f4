import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Cursor } from '../../src/core/entry.js';
import type { Position } from '../../src/core/position.js';
import type { RouteStatus } from '../../src/core/route-status.js';
import { LagMeter, lagSeconds, type LagTiming } from '../../src/observe/lag.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { routeStatus } from '../support/route-status.js';

/** The status' position is at 10 s, its first entry at 0 s. */
const ORIGIN_US = 1_604_430_000_000_000;

describe('the lag', () => {
  it('is the time from the last settled entry to the newest', () => {
    assert.equal(lagSeconds(routeStatus(), at(12.5)), 2.5);
  });

  it('is 0 when the newest is settled, however long ago that was', () => {
    assert.equal(lagSeconds(routeStatus(), at(10)), 0);
    assert.equal(lagSeconds(routeStatus(), { cursor: 'c' as Cursor, timestamp: ORIGIN_US + 99e6 }), 0, 'the same entry, though its clock reads otherwise');
  });

  it('is 0 when the position has moved past all that there is to forward', () => {
    assert.equal(lagSeconds(routeStatus({ waitingMs: 0 }), at(3)), 0);
  });

  it('is how long the destination has been waited for where the clock was set back before the newest was logged', () => {
    assert.equal(lagSeconds(routeStatus({ waitingMs: 90_000 }), at(-3600)), 90);
  });

  it('is counted from the first entry that was read until one is settled', () => {
    assert.equal(lagSeconds(routeStatus({ position: undefined }), at(30)), 30);
  });

  it('is 0 while there was nothing to read', () => {
    assert.equal(lagSeconds(routeStatus({ position: undefined, firstRead: undefined, lastRead: undefined }), at(30)), 0);
  });

  it('goes by the last entry that was read where that is the newest known of', () => {
    assert.equal(lagSeconds(routeStatus({ lastRead: ORIGIN_US + 14e6 }), at(12)), 4);
    assert.equal(lagSeconds(routeStatus({ lastRead: ORIGIN_US + 14e6 }), undefined), 4);
  });
});

describe('a lag meter', () => {
  it('asks for the newest entry only when asked itself, and not again before its time', async () => {
    let asked = 0;
    const { meter } = meterOver(() => Promise.resolve(at(10 + ++asked)));
    assert.equal(asked, 0);
    assert.deepEqual([await meter.seconds(), await meter.seconds(), asked], [1, 1, 1]);
    const { meter: eager } = meterOver(() => Promise.resolve(at(10 + ++asked)), { askEveryMs: 0 });
    assert.deepEqual([await eager.seconds(), await eager.seconds(), asked], [2, 3, 3]);
  });

  it('asks once for several that ask at a time', async () => {
    let asked = 0;
    const { meter } = meterOver(() => {
      asked += 1;
      return new Promise((resolve) => setImmediate(resolve, at(11)));
    }, { askEveryMs: 0 });
    assert.deepEqual(await Promise.all([meter.seconds(), meter.seconds()]), [1, 1]);
    assert.equal(asked, 1);
  });

  it('does not wait for a late answer, and takes it when it has come', async () => {
    let answer: (position: Position) => void = () => undefined;
    const { meter } = meterOver(() => new Promise((resolve) => (answer = resolve)), { answerWithinMs: 1 });
    assert.equal(await meter.seconds(), 0);
    answer(at(15));
    assert.equal(await meter.seconds(), 5);
  });

  it('goes by the last answer while asking fails, and warns of it once', async () => {
    const answers = [() => Promise.resolve(at(13)), failing, failing, () => Promise.resolve(undefined), failing];
    const { meter, logger } = meterOver(() => answers.shift()!(), { askEveryMs: 0 });
    const lags = [];
    for (let time = 0; time < 5; time++) lags.push(await meter.seconds());
    assert.deepEqual(lags, [3, 3, 3, 3, 3]);
    const warning = 'warn: tcp://there:514: cannot ask for the journal\'s newest entry, so the lag that is shown may be too small: no descriptors';
    assert.deepEqual(logger.lines, [warning, warning], 'once for each time that it begins to fail');
  });

  it('gives up an answer that never comes', async () => {
    const { meter, logger } = meterOver(never, { giveUpAfterMs: 1 });
    assert.equal(await meter.seconds(), 0);
    await logger.line(/cannot ask .*: aborted/);
  });

  it('gives up what is being asked when it is closed, without a word, and asks no more', async () => {
    const given: AbortSignal[] = [];
    const { meter, logger } = meterOver((signal) => {
      given.push(signal);
      return never(signal);
    }, { answerWithinMs: 1, askEveryMs: 0 });
    await meter.seconds();
    meter.close();
    await meter.seconds();
    assert.deepEqual([given.map(({ aborted }) => aborted), logger.lines], [[true], []]);
  });

  it('needs no source that knows its newest entry', async () => {
    const { meter } = meterOver(undefined);
    assert.equal(await meter.seconds(), 0);
  });
});

function at(seconds: number): Position {
  return { cursor: `at ${seconds}` as Cursor, timestamp: ORIGIN_US + seconds * 1e6 };
}

function failing(): Promise<undefined> {
  return Promise.reject(new Error('no descriptors'));
}

function never(signal: AbortSignal): Promise<undefined> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => { reject(new Error('aborted')); }, { once: true }));
}

function meterOver(newest: ((signal: AbortSignal) => Promise<Position | undefined>) | undefined, timing: Partial<LagTiming> = {}, status: RouteStatus = routeStatus()): { readonly meter: LagMeter; readonly logger: RecordedLogger } {
  const logger = new RecordedLogger();
  return { meter: new LagMeter({ status: () => status, newest, logger, timing }), logger };
}
