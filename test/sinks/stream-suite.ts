import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Delivery, Sink } from '../../src/core/sink.js';
import type { TlsIdentity } from '../../src/core/tls.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import type { SyslogStreamSinkOptions } from '../../src/sinks/syslog-stream.js';
import { readProcTable } from '../../src/sinks/tcp-table.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { batchOf, never, settled } from '../support/sink-conformance.js';
import { StreamReceiver } from '../support/stream-receiver.js';
import type { StreamReceiverOptions } from '../support/stream-receiver.js';

/** How the sink and its receiver speak TLS with each other. */
export interface TlsEnds {
  readonly receiver: StreamReceiverOptions['tls'];
  readonly sink: () => Promise<TlsIdentity>;
}

/** What a stream sink promises of confirmation and of a receiver that fails, with TLS or without. */
export function testStreamSink(name: string, tls?: TlsEnds): void {
  const listen = ({ port = 0, answersEnd = true } = {}) => StreamReceiver.listen({ host: '127.0.0.1', port, answersEnd, ...(tls?.receiver && { tls: tls.receiver }) });

  /** A test with a receiver on 127.0.0.1 and a sink for it, both gone afterwards. */
  function scene(
    title: string,
    { answersEnd = true, ...options }: Partial<SyslogStreamSinkOptions> & { readonly answersEnd?: boolean },
    body: (scene: Scene) => Promise<void>,
  ): void {
    test(`${name}: ${title}`, { timeout: 30_000 }, async () => {
      const receiver = await listen({ answersEnd });
      const logger = new RecordedLogger();
      const sink = createSyslogStreamSink({ address: { host: '127.0.0.1', port: receiver.port }, framing: 'lf', tableShare: 0.5, logger, tls: await tls?.sink(), ...options });
      try {
        await body({ receiver, sink, logger, deliver: (...messages) => sink.deliver(batchOf('lf', messages), never()) });
      } finally {
        await sink.close(AbortSignal.abort());
        await receiver.stop();
      }
    });
  }

  scene('answers as retryable while the port is refused, and delivers once it is not', {}, async ({ receiver, deliver }) => {
    const { port } = receiver;
    await receiver.stop();
    assert.deepEqual(await deliver('one'), { outcome: 'retryable', code: 'ECONNREFUSED', reason: 'connection refused' });
    const again = await listen({ port });
    assert.equal((await deliver('two')).outcome, 'sent');
    await again.until(() => again.text() === 'two\n');
    await again.stop();
  });

  for (const [what, strike] of [
    ['resets', (receiver: StreamReceiver) => receiver.reset()],
    ['closes', (receiver: StreamReceiver) => receiver.connections[0]!.end()],
  ] as const) {
    scene(`confirms nothing of what it sent before the receiver ${what} the connection`, { confirmAfterMs: LONG_MS }, async ({ receiver, deliver }) => {
      const [one, two] = [await deliver('one'), await deliver('two')];
      await receiver.until(() => receiver.text() === 'one\ntwo\n');
      strike(receiver);
      assert.equal(await settled(one), false);
      assert.equal(await settled(two), false);
      assert.equal((await deliver('three')).outcome, 'sent');
      await receiver.until(() => receiver.text() === 'one\ntwo\nthree\n');
      assert.equal(receiver.connections.length, 2);
    });

    scene(`answers a delivery as retryable when the receiver ${what} the connection in the middle of it`, { confirmAfterMs: LONG_MS }, async ({ receiver, deliver }) => {
      receiver.stall();
      const delivery = deliver('x'.repeat(24_000_000));
      await receiver.connection();
      strike(receiver);
      receiver.resume();
      const { outcome } = await delivery;
      assert.equal(outcome, 'retryable');
    });

    scene(`connects anew when the receiver ${what} a connection that has nothing unconfirmed`, { confirmAfterMs: 20 }, async ({ receiver, sink, deliver }) => {
      assert.equal(await settled(await deliver('one')), true);
      const first = await receiver.connection();
      const gone = once(first, 'close');
      strike(receiver);
      await gone;
      // The break must be noticed without a write: so the next delivery, on a new connection, succeeds at once.
      let delivery = await deliver('two');
      if (delivery.outcome === 'retryable') delivery = await deliver('two'); // The RST was still under way.
      await receiver.until(() => receiver.text().endsWith('two\n'));
      assert.equal(await settled(delivery), true);
      await sink.close(never());
      assert.equal(receiver.connections.length, 2);
    });
  }

  scene('discards what the receiver sends', { confirmAfterMs: 20 }, async ({ receiver, deliver }) => {
    const first = await deliver('one');
    const socket = await receiver.connection();
    await new Promise<void>((resolve) => socket.write(Buffer.alloc(24_000_000), () => resolve()));
    assert.equal(await settled(first), true);
  });

  scene('confirms with the settings it has by default', { tableShare: 0.01 }, async ({ logger, deliver }) => {
    assert.equal(await settled(await deliver('one')), true);
    assert.deepEqual(logger.lines, []);
  });

  if (tls === undefined) {
    scene('confirms on close at once when the receiver closes too', { confirmAfterMs: LONG_MS }, async ({ receiver, sink, deliver }) => {
      const delivery = await deliver('one');
      await sink.close(never());
      assert.equal(await settled(delivery), true);
      assert.equal(receiver.text(), 'one\n');
    });

    scene('confirms nothing on close when the receiver resets instead of closing', { confirmAfterMs: LONG_MS, answersEnd: false }, async ({ receiver, sink, deliver }) => {
      const delivery = await deliver('one');
      const closed = sink.close(never());
      await once(await receiver.connection(), 'end');
      receiver.reset();
      await closed;
      assert.equal(await settled(delivery), false);
    });
  } else {
    scene('closes once everything is confirmed', { confirmAfterMs: 50 }, async ({ receiver, sink, deliver }) => {
      const delivery = await deliver('one');
      let isEnded = false;
      const ended = once(await receiver.connection(), 'end').then(() => (isEnded = true));
      assert.ok(delivery.outcome === 'sent');
      const closed = sink.close(never());
      assert.equal(await delivery.confirmed, true);
      assert.equal(isEnded, false);
      await ended;
      await closed;
    });

    scene('confirms nothing when the receiver resets before everything is confirmed that a close waits for', { confirmAfterMs: LONG_MS }, async ({ receiver, sink, deliver }) => {
      const delivery = await deliver('one');
      const closed = sink.close(never());
      await receiver.connection();
      receiver.reset();
      await closed;
      assert.equal(await settled(delivery), false);
    });
  }

  scene('confirms on close by time when the receiver keeps its side open', { confirmAfterMs: 50, answersEnd: false }, async ({ sink, deliver }) => {
    const delivery = await deliver('one');
    await sink.close(never());
    assert.equal(await settled(delivery), true);
  });

  scene('confirms nothing on close when the receiver goes with bytes unread', { confirmAfterMs: LONG_MS }, async ({ receiver, sink, deliver }) => {
    receiver.stall();
    const delivery = await deliver('x'.repeat(50_000));
    const closed = sink.close(never());
    (await receiver.connection()).destroy();
    await closed;
    assert.equal(await settled(delivery), false);
  });

  scene('tells once of a receiver that does not read, and once when it reads again', { stallAfterMs: 60 }, async ({ receiver, logger, deliver }) => {
    receiver.stall();
    const delivery = deliver('x'.repeat(24_000_000));
    await logger.line(/^warn: has not read for 0.06 s; waiting$/);
    receiver.resume();
    assert.equal((await delivery).outcome, 'sent');
    await logger.line(/^info: reads again, after \d+ s$/);
    assert.equal(logger.lines.length, 2);
  });

  scene('never confirms more than a receiver has read that stops for good', { confirmAfterMs: 250, stallAfterMs: 400 }, async ({ receiver, logger, deliver }) => {
    receiver.stall();
    const tally = flood(deliver);
    await logger.line(/has not read/);
    assert.equal(tally.confirmed, 0);
    await receiver.connection();
    receiver.reset();
    await tally.end;
    assert.equal(tally.confirmed, 0);
    assert.ok(tally.unconfirmed > 0);
  });

  scene('never confirms more than a slow receiver has read', { confirmAfterMs: 100, confirmBytes: MORE_THAN_BUFFERED }, async ({ receiver, deliver }) => {
    receiver.stall();
    const tally = flood(deliver);
    const socket = await receiver.connection();
    let excess = -Infinity;
    while (tally.confirmed === 0 || receiver.byteCount < 1.5 * MORE_THAN_BUFFERED) {
      const goal = receiver.byteCount + 1_000_000;
      socket.resume();
      await receiver.until(() => receiver.byteCount >= goal);
      socket.pause();
      await new Promise((resolve) => setTimeout(resolve, 10)); // The receiver's own work on what it has read.
      excess = Math.max(excess, tally.confirmed - receiver.byteCount);
    }
    receiver.reset();
    await tally.end;
    excess = Math.max(excess, tally.confirmed - receiver.byteCount);
    assert.ok(excess <= 0, `confirmed ${excess} bytes too many`);
    assert.ok(tally.unconfirmed > 0);
  });

  scene('lets time alone confirm where the table cannot be read, and says so in one line', { confirmAfterMs: 20, readTable: () => Promise.reject(new Error('EACCES')) }, async ({ sink, logger, deliver }) => {
    assert.equal(await settled(await deliver('one')), true);
    assert.equal(await settled(await deliver('two')), true);
    assert.equal(logger.lines.filter((line) => line.startsWith('debug: ')).length, 1);
    assert.equal(await sink.probe(never()), undefined);
    await logger.line(/^warn: .*time alone/);
  });

  scene('lets time alone confirm where the table does not list the connection', { confirmAfterMs: 20, readTable: () => Promise.resolve(Buffer.from('  sl  local_address\n')) }, async ({ deliver }) => {
    assert.equal(await settled(await deliver('one')), true);
  });

  scene('breaks a connection on which nothing is acknowledged any more', { deadPathMs: 150, confirmAfterMs: 30, readTable: unanswered }, async ({ receiver, deliver }) => {
    receiver.stall();
    assert.equal(await settled(await deliver('one')), false);
    const [delivery] = await Promise.all([deliver('x'.repeat(24_000_000))]);
    assert.deepEqual(delivery, { outcome: 'retryable', code: 'ETIMEDOUT', reason: 'no acknowledgement for 0.15 s' });
  });
}

const LONG_MS = 3_600_000;
// More than this machine's kernel may buffer for a receiver (net.ipv4.tcp_rmem), as its default is more than is usual.
const MORE_THAN_BUFFERED = 40 * 1024 * 1024;

interface Scene {
  readonly receiver: StreamReceiver;
  readonly sink: Sink;
  readonly logger: RecordedLogger;
  deliver(...messages: string[]): Promise<Delivery>;
}

/** The real table, but every connection has a byte in its queue, and its third retransmission behind it. */
async function unanswered(path: string): Promise<Uint8Array> {
  const table = Buffer.from(await readProcTable(path)).toString();
  return Buffer.from(table.replace(/ 01 [0-9A-F]{8}:([0-9A-F]{8}) \S+ \S+/g, ' 01 10000000:$1 01:00000100 00000003'));
}

/** Delivers batches of 64 KiB without end, two at a time, until one fails, and counts the bytes that were confirmed. */
function flood(deliver: Scene['deliver']): { confirmed: number; unconfirmed: number; readonly end: Promise<unknown> } {
  const tally = { confirmed: 0, unconfirmed: 0, end: Promise.resolve() as Promise<unknown> };
  const text = 'x'.repeat(65_535);
  const one = async (): Promise<void> => {
    for (;;) {
      const delivery = await deliver(text);
      if (delivery.outcome !== 'sent') return;
      void delivery.confirmed.then((confirmed) => (confirmed ? (tally.confirmed += 65_536) : (tally.unconfirmed += 65_536)));
    }
  };
  tally.end = Promise.all([one(), one()]);
  return tally;
}
