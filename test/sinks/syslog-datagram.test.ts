import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { createSyslogDatagramSink } from '../../src/sinks/syslog-datagram.js';
import { batchOf, never, settled, testSinkConformance } from '../support/sink-conformance.js';
import type { SinkUnderTest } from '../support/sink-conformance.js';

for (const host of ['127.0.0.1', '::1']) testSinkConformance(`udp to ${host}`, () => overUdp(host), { backpressure: false });

async function overUdp(host: string): Promise<SinkUnderTest> {
  const receiver = await DatagramReceiver.bind(host);
  return {
    sink: createSyslogDatagramSink({ address: { host, port: receiver.port } }),
    received: (count) => receiver.received(count),
    stop: () => receiver.stop(),
  };
}

class DatagramReceiver {
  readonly messages: string[] = [];
  readonly #socket: Socket;
  #tell: (() => void) | undefined;

  static async bind(host = '127.0.0.1', port = 0): Promise<DatagramReceiver> {
    const receiver = new DatagramReceiver(createSocket(host.includes(':') ? 'udp6' : 'udp4'));
    receiver.#socket.bind(port, host);
    await once(receiver.#socket, 'listening');
    return receiver;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message) => {
      this.messages.push(message.toString());
      this.#tell?.();
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async received(count: number): Promise<readonly string[]> {
    while (this.messages.length < count) await new Promise<void>((resolve) => (this.#tell = resolve));
    return this.messages;
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

const REFUSED = { outcome: 'retryable', code: 'ECONNREFUSED', reason: 'connection refused' };

test('udp: answers as retryable while the port refuses, sends the whole batch once it does not', { timeout: 20_000 }, async () => {
  const gone = await DatagramReceiver.bind();
  const { port } = gone;
  await gone.stop();
  const sink = createSyslogDatagramSink({ address: { host: '127.0.0.1', port } });
  const batch = batchOf('none', ['one', 'two', 'three']);
  for (let i = 0; i < 3; i++) assert.deepEqual(await sink.deliver(batch, never()), REFUSED);
  const back = await DatagramReceiver.bind('127.0.0.1', port);
  assert.equal(await settled(await sink.deliver(batch, never())), true);
  assert.deepEqual(await back.received(3), ['one', 'two', 'three']);
  await sink.close(never());
  await back.stop();
});

test('udp: confirms nothing of what it sent shortly before it was refused', { timeout: 20_000 }, async () => {
  const receiver = await DatagramReceiver.bind();
  const sink = createSyslogDatagramSink({ address: { host: '127.0.0.1', port: receiver.port } });
  assert.equal(await settled(await sink.deliver(batchOf('none', ['one']), never())), true);
  await receiver.stop();
  const delivery = await sink.deliver(batchOf('none', ['two']), never());
  assert.equal(delivery.outcome, 'sent');
  assert.equal(await settled(delivery), false);
  assert.deepEqual(await sink.deliver(batchOf('none', ['three']), never()), REFUSED);
  await sink.close(never());
});

test('udp: rejects the messages that fit into no datagram, and delivers the others', { timeout: 20_000 }, async () => {
  const receiver = await DatagramReceiver.bind();
  const sink = createSyslogDatagramSink({ address: { host: '127.0.0.1', port: receiver.port } });
  const delivery = await sink.deliver(batchOf('none', ['x'.repeat(65_508), 'one', 'x'.repeat(70_000), 'two']), never());
  assert.deepEqual(delivery, {
    outcome: 'rejected',
    rejections: [
      { index: 0, kind: 'too-large', reason: 'its 65508 bytes do not fit into a datagram; set maxBytes, to 65507 at most' },
      { index: 2, kind: 'too-large', reason: 'its 70000 bytes do not fit into a datagram; set maxBytes, to 65507 at most' },
    ],
  });
  assert.deepEqual(await receiver.received(2), ['one', 'two']);
  assert.equal(await settled(await sink.deliver(batchOf('none', ['y'.repeat(65_507)]), never())), true);
  await sink.close(never());
  await receiver.stop();
});

test('udp: answers as retryable when the name cannot be resolved', { timeout: 20_000 }, async () => {
  const sink = createSyslogDatagramSink({ address: { host: 'nowhere.invalid', port: 514 } });
  const delivery = await sink.deliver(batchOf('none', ['one']), never());
  assert.ok(delivery.outcome === 'retryable');
  assert.match(delivery.code, /^(ENOTFOUND|EAI_AGAIN)$/);
  assert.match((await sink.probe(never())) ?? '', /host name|name server/);
  const stopping = new AbortController();
  const aborted = sink.deliver(batchOf('none', ['one']), stopping.signal);
  stopping.abort();
  assert.deepEqual(await aborted, { outcome: 'retryable', code: 'ABORTED', reason: 'stopped' });
  await sink.close(never());
});

test('udp: looks the name up again after a while, and confirms what the old socket had sent', { timeout: 20_000 }, async () => {
  const receiver = await DatagramReceiver.bind();
  const sink = createSyslogDatagramSink({ address: { host: '127.0.0.1', port: receiver.port }, lookupEveryMs: 0 });
  const deliveries = [];
  for (const message of ['one', 'two', 'three']) deliveries.push(await sink.deliver(batchOf('none', [message]), never()));
  for (const delivery of deliveries) assert.equal(await settled(delivery), true);
  assert.deepEqual(await receiver.received(3), ['one', 'two', 'three']);
  await sink.close(never());
  await receiver.stop();
});

test('udp: resolves a delivery that is aborted while it waits for a refusal, and forgets what it sent', { timeout: 20_000 }, async () => {
  const receiver = await DatagramReceiver.bind();
  const sink = createSyslogDatagramSink({ address: { host: '127.0.0.1', port: receiver.port }, refusalWaitMs: 3_600_000 });
  const stopping = new AbortController();
  const delivery = sink.deliver(batchOf('none', ['one', 'two']), stopping.signal);
  await receiver.received(1);
  stopping.abort();
  assert.deepEqual(await delivery, { outcome: 'retryable', code: 'ABORTED', reason: 'stopped' });
  await sink.close(never());
  await receiver.stop();
});
