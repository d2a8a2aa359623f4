import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { RouteProgress } from '../../src/core/route-progress.js';
import { Service, type Subject } from '../../src/observe/service.js';
import { ManagerSocket } from '../support/manager-socket.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { routeStatus } from '../support/route-status.js';

describe('Service', { timeout: 30_000 }, () => {
  let manager: ManagerSocket;
  let service: Service;
  let logger: RecordedLogger;
  beforeEach(async () => {
    manager = await ManagerSocket.create();
    logger = new RecordedLogger();
    service = create();
  });
  afterEach(async () => {
    await service.close();
    await manager.close();
  });
  const create = (watchdog: Readonly<Record<string, string>> = {}): Service =>
    new Service({ environment: { PATH: process.env['PATH'], NOTIFY_SOCKET: manager.path, ...watchdog }, pid: 17, monotonicUs: () => 123_456n });
  const sent = (assignment: string): number => manager.messages.flat().filter((one) => one === assignment).length;
  /** Sends something so often, and waits for each to arrive: by then all that was sent before has, too. */
  const exchange = async (times: number): Promise<void> => {
    for (let round = 0; round < times; round++) {
      const { length } = manager.messages;
      service.reloading();
      await manager.message('RELOADING=1', length);
    }
  };

  it('is ready once every route is, with a status', async () => {
    const subject = new FakeSubject({ label: 'one' }, { label: 'two', isReady: false });
    service.watch(subject, logger);
    await exchange(2);
    assert.equal(sent('READY=1'), 0);
    subject.routes[1]!.isReady = true;
    await manager.message('READY=1');
    await manager.message('STATUS=one: 0 entries/s; two: 0 entries/s');
  });

  it('is not ready before the subject knows its routes', async () => {
    service.watch(new FakeSubject(), logger);
    await exchange(2);
    assert.equal(sent('READY=1'), 0);
    service.watch(new FakeSubject({ label: 'one' }), logger);
    await manager.message('READY=1');
  });

  it('tells of a reload with the time, and is ready again once the next subject is', async () => {
    service.watch(new FakeSubject({ label: 'old' }), logger);
    await manager.message('READY=1');
    service.reloading();
    assert.deepEqual((await manager.message('RELOADING=1')).slice(0, 2), ['RELOADING=1', 'MONOTONIC_USEC=123456']);
    const next = new FakeSubject({ label: 'new', isReady: false });
    service.watch(next, logger);
    await exchange(2);
    assert.equal(sent('READY=1'), 1);
    next.routes[0]!.isReady = true;
    await manager.message('READY=1', manager.messages.length);
  });

  it('is not ready any more once it stops', async () => {
    const subject = new FakeSubject({ label: 'one', isReady: false });
    service.watch(subject, logger);
    service.stopping();
    subject.routes[0]!.isReady = true;
    service.ready();
    service.stopping();
    await service.close();
    await manager.message('STOPPING=1');
    assert.deepEqual(manager.messages, [['STOPPING=1']]);
  });

  it('tells the watchdog that all goes on, until a route is stuck, and says which', async () => {
    service = create({ WATCHDOG_USEC: '30000', WATCHDOG_PID: '17' });
    const subject = new FakeSubject({ label: 'one' }, { label: 'tcp://loghost:514' });
    service.watch(subject, logger);
    await manager.message('WATCHDOG=1');
    subject.routes[1]!.stuck = 'an attempt hangs';
    assert.equal(await logger.line(/watchdog/), "error: tcp://loghost:514: an attempt hangs; systemd's watchdog is told nothing more, so that it starts this program anew");
    await exchange(1);
    const heard = sent('WATCHDOG=1');
    await exchange(10);
    assert.equal(sent('WATCHDOG=1'), heard);
    subject.routes[1]!.stuck = undefined;
    await manager.message('WATCHDOG=1', manager.messages.length);
    assert.deepEqual(logger.lines.slice(1), ['info: tcp://loghost:514: goes on again']);
  });

  it('tells the watchdog nothing where it listens to another process, or to none', async () => {
    for (const watchdog of [{ WATCHDOG_USEC: '3000', WATCHDOG_PID: '18' }, { WATCHDOG_PID: '17' }, { WATCHDOG_USEC: 'x' }]) {
      await service.close();
      service = create(watchdog as Readonly<Record<string, string>>);
      service.watch(new FakeSubject({ label: 'one' }), logger);
      await exchange(5);
      assert.equal(sent('WATCHDOG=1'), 0);
    }
  });
});

type MutableProgress = { -readonly [K in keyof RouteProgress]: RouteProgress[K] };

class FakeSubject implements Subject {
  readonly routes: readonly MutableProgress[];

  constructor(...routes: readonly Partial<RouteProgress>[]) {
    this.routes = routes.map((route) => ({ label: 'route', isReady: true, isIdle: false, stuck: undefined, ...route }));
  }

  progress(): readonly RouteProgress[] {
    return this.routes;
  }

  status(): ReturnType<Subject['status']> {
    return this.routes.map(({ label }) => routeStatus({ name: label, label, position: undefined, firstRead: undefined, unconfirmedBatches: 0 }));
  }
}
