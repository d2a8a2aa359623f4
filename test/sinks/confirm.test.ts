import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Confirmations } from '../../src/sinks/confirm.js';
import type { ConfirmationOptions } from '../../src/sinks/confirm.js';
import type { TcpRow } from '../../src/sinks/tcp-table.js';
import { RecordedLogger } from '../support/recorded-logger.js';

/** A kernel's table whose next rows a test decides, one reading at a time. */
class ScriptedTable {
  readonly #asked: ((row: TcpRow | undefined | Error) => void)[] = [];
  #tell: (() => void) | undefined;

  readonly readRow = (): Promise<TcpRow | undefined> =>
    new Promise((resolve, reject) => {
      this.#asked.push((row) => (row instanceof Error ? reject(row) : resolve(row)));
      this.#tell?.();
    });

  /** Resolves when the reading has been asked for and answered. */
  async answer(row: TcpRow | undefined | Error): Promise<void> {
    await this.asked();
    this.#asked.shift()!(row);
    await new Promise(setImmediate);
  }

  async asked(): Promise<void> {
    if (this.#asked.length === 0) await new Promise<void>((resolve) => (this.#tell = resolve));
  }

  get waiting(): boolean {
    return this.#asked.length > 0;
  }
}

const established = (queuedBytes: number, more: Partial<TcpRow> = {}): TcpRow => ({ state: 1, queuedBytes, timer: queuedBytes > 0 ? 1 : 0, retransmits: 0, unansweredProbes: 0, ...more });

interface Scene {
  readonly table: ScriptedTable;
  readonly confirmations: Confirmations;
  readonly logger: RecordedLogger;
  readonly dead: () => boolean;
  /** Submits and hands over; what became of it is kept in `state`. */
  send(bytes: number): { state: 'open' | boolean };
}

function scene(title: string, options: Partial<ConfirmationOptions>, body: (scene: Scene) => Promise<void>): void {
  test(title, { timeout: 20_000 }, async () => {
    const table = new ScriptedTable();
    const logger = new RecordedLogger();
    let dead = false;
    const confirmations = new Confirmations({ confirmAfterMs: 10, confirmBytes: 1000, tableShare: 1, readRow: table.readRow, onDeadPath: () => (dead = true), logger, ...options });
    let sent = 0;
    const send = (bytes: number): { state: 'open' | boolean } => {
      const mark: { state: 'open' | boolean } = { state: 'open' };
      confirmations.submit();
      void confirmations.handOver((sent += bytes)).then((confirmed) => (mark.state = confirmed));
      return mark;
    };
    await body({ table, confirmations, logger, dead: () => dead, send });
    confirmations.fail();
  });
}

scene('confirms what was acknowledged when the queue was empty and time has passed', {}, async ({ table, send, confirmations }) => {
  const one = send(100);
  await table.answer(established(0));
  assert.equal(one.state, 'open');
  while (one.state === 'open') await table.answer(established(0));
  assert.equal(one.state, true);
  await confirmations.idle();
  assert.equal(table.waiting, false);
});

scene('does not count the time for bytes that were handed over after the queue was seen empty', { confirmAfterMs: 50 }, async ({ table, send }) => {
  const one = send(100);
  await table.answer(established(0));
  const two = send(100);
  await table.asked();
  const askedMs = performance.now();
  while (two.state === 'open') await table.answer(established(0));
  assert.ok(performance.now() - askedMs >= 50);
  assert.deepEqual([one.state, two.state], [true, true]);
});

scene('confirms nothing by time while the receiver does not take what waits for it', { confirmBytes: 1_000_000 }, async ({ table, send }) => {
  send(50_000);
  await table.answer(established(0));
  const two = send(50_000);
  await table.asked();
  const three = send(50_000);
  await table.answer(established(50_000)); // `three` was not counted yet when the row was asked for.
  for (let i = 0; i < 3; i++) await table.answer(established(100_000));
  assert.deepEqual([two.state, three.state], ['open', 'open']);
});

scene('forgets that the queue was empty once the receiver has stopped', { confirmAfterMs: 400 }, async ({ table, send }) => {
  const one = send(900);
  await table.answer(established(0));
  send(300);
  await table.answer(established(300));
  const startMs = performance.now();
  while (performance.now() - startMs < 600) await table.answer(established(300));
  assert.equal(one.state, 'open');
});

scene('confirms by later bytes where the queue is never empty', { confirmAfterMs: 3_600_000 }, async ({ table, send }) => {
  const one = send(500);
  const two = send(500);
  const three = send(50_000);
  await table.answer(established(49_501)); // 1499 of 51000 acknowledged: 999 after the first.
  assert.deepEqual([one.state, two.state, three.state], ['open', 'open', 'open']);
  await table.answer(established(49_500));
  assert.deepEqual([one.state, two.state, three.state], [true, 'open', 'open']);
  await table.answer(established(0));
  assert.deepEqual([two.state, three.state], [true, 'open']);
});

scene('takes a trickle that is always on its way for no queue', { confirmBytes: 1_000_000 }, async ({ table, send }) => {
  const one = send(100);
  while (one.state === 'open') {
    await table.answer(established(100));
    send(100);
  }
  assert.equal(one.state, true);
});

scene('does not believe the row of a dying socket', {}, async ({ table, send, confirmations }) => {
  const one = send(100);
  for (const state of [7, 8, 7]) await table.answer({ ...established(0), state });
  await table.answer(undefined);
  assert.equal(one.state, 'open');
  confirmations.fail();
  await new Promise(setImmediate);
  assert.equal(one.state, false);
});

scene('ignores the answer to a reading that a break overtook', {}, async ({ table, send, confirmations }) => {
  const one = send(100);
  await table.answer(established(0));
  await table.asked();
  confirmations.fail();
  await table.answer(established(0));
  assert.equal(one.state, false);
  confirmations.submit();
  assert.equal(await confirmations.handOver(101), false);
  await confirmations.idle();
});

scene('takes FIN_WAIT2 for the acknowledgement of everything, and counts our FIN in FIN_WAIT1', { confirmBytes: 0, confirmAfterMs: 3_600_000 }, async ({ table, send }) => {
  const one = send(100);
  await table.answer({ ...established(1), state: 4 });
  assert.equal(one.state, 'open');
  await table.answer({ ...established(0), state: 5 });
  assert.equal(one.state, true);
});

scene('confirms everything when the peer has closed after us and the connection ended in TIME_WAIT', { confirmAfterMs: 3_600_000 }, async ({ table, send, confirmations }) => {
  const one = send(100);
  confirmations.peerClosed();
  await table.answer({ ...established(1), state: 11 }); // CLOSING: our FIN is not acknowledged yet.
  assert.equal(one.state, 'open');
  confirmations.peerClosed();
  await table.answer({ ...established(0), state: 6 });
  assert.equal(one.state, true);
});

scene('confirms nothing when the two closes crossed and a reset took our last bytes', { confirmAfterMs: 3_600_000 }, async ({ table, send, confirmations }) => {
  const one = send(100);
  confirmations.peerClosed();
  await table.answer(undefined);
  assert.equal(one.state, false);
  await confirmations.idle();
});

scene('reads the table again for a close that came during a reading', { confirmAfterMs: 10 }, async ({ table, send, confirmations }) => {
  const one = send(100);
  await table.asked();
  confirmations.peerClosed();
  await table.answer(undefined); // As the socket was gone from the table by then: not yet to be believed.
  assert.equal(one.state, 'open');
  await table.answer({ ...established(0), state: 6 });
  assert.equal(one.state, true);
});

scene('lets time alone confirm when the table cannot be read', {}, async ({ table, send, logger }) => {
  const one = send(100);
  await table.answer(new Error('EACCES'));
  while (one.state === 'open') await new Promise(setImmediate);
  assert.equal(one.state, true);
  assert.equal(logger.lines.length, 1);
});

scene('lets later bytes alone confirm on a Unix socket that is always full', { readRow: undefined }, async ({ send, confirmations }) => {
  const one = send(100);
  for (let i = 0; i < 2; i++) confirmations.submit(); // And not handed over: the receiver does not read.
  await new Promise((resolve) => setTimeout(resolve, 60)); // Several times confirmAfterMs.
  assert.equal(one.state, 'open');
  void confirmations.handOver(1100);
  while (one.state === 'open') await new Promise(setImmediate);
  assert.equal(one.state, true);
});

scene('counts what the kernel has taken by its least, and where a write ends by its most', { confirmBytes: 1000, confirmAfterMs: 3_600_000 }, async ({ table, confirmations }) => {
  for (let i = 0; i < 2; i++) confirmations.submit();
  let one: boolean | undefined;
  void confirmations.handOver(2000, 1500).then((confirmed) => (one = confirmed)); // Of the second write, which ends at 3200, an unknown part is on its way.
  await table.answer(established(0));
  assert.equal(one, undefined);
  void confirmations.handOver(3200);
  await table.answer(established(201));
  assert.equal(one, undefined);
  await table.answer(established(200));
  assert.equal(one, true);
});

scene('reports a path on which nothing is answered', { deadPathMs: 60 }, async ({ table, send, dead }) => {
  send(100);
  while (!dead()) await table.answer(established(100, { retransmits: 2 }));
});

scene('reports no dead path while the peer answers probes of its closed window, or acknowledges anything', { deadPathMs: 60 }, async ({ table, send, dead }) => {
  send(100_000);
  const startMs = performance.now();
  let queuedBytes = 100_000;
  while (performance.now() - startMs < 250) {
    await table.answer(established(queuedBytes, { timer: 4, unansweredProbes: 0 }));
    await table.answer(established(queuedBytes, { timer: 4, unansweredProbes: 1 }));
    await table.answer(established(--queuedBytes, { timer: 1, retransmits: 1 }));
  }
  assert.equal(dead(), false);
  send(1);
  while (!dead()) await table.answer(established(queuedBytes, { timer: 4, unansweredProbes: 5 }));
});

scene('reads the table only while something is unconfirmed', {}, async ({ table, send, confirmations }) => {
  const one = send(100);
  while (one.state === 'open') await table.answer(established(0));
  await confirmations.idle();
  await new Promise((resolve) => setTimeout(resolve, 50)); // Several intervals.
  assert.equal(table.waiting, false);
});

scene('soon looks again although the first readings took long, as on a busy machine', { tableShare: 0.01 }, async ({ table, send }) => {
  const one = send(100);
  for (let reading = 1; reading <= 3; reading++) {
    await table.asked();
    await new Promise((resolve) => setTimeout(resolve, 60)); // For which it might take its ease for 6 s.
    await table.answer(established(50));
  }
  const startMs = performance.now();
  while (one.state === 'open') await table.answer(established(0));
  assert.ok(performance.now() - startMs < 2000);
});

scene('confirms nothing while too many files are open to read the table, and goes by it again afterwards', {}, async ({ table, send, logger }) => {
  const one = send(100);
  const shortage = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  for (let reading = 0; reading < 10; reading++) await table.answer(shortage);
  for (let reading = 0; reading < 10; reading++) await table.answer(established(50));
  assert.equal(one.state, 'open');
  while (one.state === 'open') await table.answer(established(0));
  assert.equal(logger.lines.length, 2);
  assert.match(logger.lines[0]!, /^warn: cannot look up what the receiver has acknowledged, and confirms nothing until it can/);
  assert.match(logger.lines[1]!, /^info: looks up again what the receiver has acknowledged/);
});
