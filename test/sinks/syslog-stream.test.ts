import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Sink } from '../../src/core/sink.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import type { SyslogStreamSinkOptions } from '../../src/sinks/syslog-stream.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { batchOf, never, settled, testSinkConformance } from '../support/sink-conformance.js';
import type { SinkUnderTest } from '../support/sink-conformance.js';
import { testStreamSink } from './stream-suite.js';
import { messagesOf, StreamReceiver, temporaryFolder } from '../support/stream-receiver.js';

for (const host of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
  testSinkConformance(`tcp to ${host}`, () => overTcp(host), { backpressure: true });
}
testSinkConformance('unix stream', overUnix, { backpressure: true });
testStreamSink('tcp');

async function overTcp(host: string): Promise<SinkUnderTest> {
  const receiver = await StreamReceiver.listen({ host: host === '::ffff:127.0.0.1' ? '127.0.0.1' : host, port: 0 });
  const logger = new RecordedLogger();
  const sink = createSyslogStreamSink({ address: { host, port: receiver.port }, framing: 'octet-counting', confirmAfterMs: 40, tableShare: 0.5, logger });
  return {
    ...underTest(sink, receiver),
    stop: async () => {
      await receiver.stop();
      assert.deepEqual(logger.lines, []); // No word of a table that could not be read, or did not list the connection.
    },
  };
}

async function overUnix(): Promise<SinkUnderTest> {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'syslog');
  const receiver = await StreamReceiver.listen({ path });
  const sink = createSyslogStreamSink({ address: { path }, framing: 'lf', confirmAfterMs: 40, logger: new RecordedLogger() });
  return {
    ...underTest(sink, receiver),
    stop: async () => {
      await receiver.stop();
      await folder.remove();
    },
  };
}

function underTest(sink: Sink, receiver: StreamReceiver): Omit<SinkUnderTest, 'stop'> {
  let messages: string[] = [];
  let read = 0;
  return {
    sink,
    stall: () => receiver.stall(),
    resume: () => receiver.resume(),
    received: async (count) => {
      await receiver.until(() => {
        if (receiver.byteCount !== read) messages = messagesOf(Buffer.concat(receiver.chunks), sink.framing === 'lf' ? 'lf' : 'octet-counting');
        read = receiver.byteCount;
        return messages.length >= count;
      });
      return messages;
    },
  };
}

test('answers as retryable when the name cannot be resolved', async () => {
  const sink = sinkFor({ host: 'nowhere.invalid', port: 514 });
  const delivery = await sink.deliver(batchOf('lf', ['one']), never());
  assert.ok(delivery.outcome === 'retryable');
  assert.match(delivery.code, /^(ENOTFOUND|EAI_AGAIN)$/);
  assert.match((await sink.probe(never())) ?? '', /host name|name server/);
});

test('answers as retryable when there is no such Unix socket', async () => {
  const sink = sinkFor({ path: '/nonexistent/syslog' });
  assert.deepEqual(await sink.deliver(batchOf('lf', ['one']), never()), { outcome: 'retryable', code: 'ENOENT', reason: 'no such socket' });
  assert.equal(await sink.probe(never()), 'no such socket');
});

test('gives up connecting to a host that does not answer', { timeout: 30_000 }, async () => {
  const silent = await silentListener();
  const sink = createSyslogStreamSink({ address: { host: '127.0.0.1', port: silent.port }, framing: 'lf', connectTimeoutMs: 100, logger: new RecordedLogger() });
  assert.deepEqual(await sink.deliver(batchOf('lf', ['one']), never()), { outcome: 'retryable', code: 'ETIMEDOUT', reason: 'no answer within 0.1 s' });
  const delivery = sink.deliver(batchOf('lf', ['two']), never());
  await sink.close(never());
  assert.deepEqual(await delivery, { outcome: 'retryable', code: 'CLOSED', reason: 'closed' });
  await silent.stop();
});

test('settles the deliveries that wait for a connection when one of them is aborted', async () => {
  const sink = sinkFor({ host: 'nowhere.invalid', port: 514 });
  const stopping = new AbortController();
  const deliveries = [sink.deliver(batchOf('lf', ['one']), never()), sink.deliver(batchOf('lf', ['two']), stopping.signal)];
  stopping.abort();
  for (const delivery of await Promise.all(deliveries)) assert.deepEqual(delivery, { outcome: 'retryable', code: 'ABORTED', reason: 'stopped' });
});

test('connects to a name', { timeout: 30_000 }, async () => {
  const receiver = await StreamReceiver.listen({ host: 'localhost', port: 0 });
  const sink = createSyslogStreamSink({ address: { host: 'localhost', port: receiver.port }, framing: 'lf', logger: new RecordedLogger() });
  const delivery = await sink.deliver(batchOf('lf', ['one']), never());
  await sink.close(never());
  assert.equal(await settled(delivery), true);
  await receiver.stop();
});

test('connects as soon as a batch begins, and delivers on that connection', { timeout: 30_000 }, async () => {
  const receiver = await StreamReceiver.listen();
  const sink = sinkFor({ host: '127.0.0.1', port: receiver.port });
  sink.expect!();
  sink.expect!();
  await receiver.until(() => receiver.connections.length > 0);
  const delivery = await sink.deliver(batchOf('lf', ['one']), never());
  await sink.close(never());
  assert.equal(await settled(delivery), true);
  assert.equal(receiver.connections.length, 1);
  // Nor does it keep one open that was never used.
  sink.expect!();
  await sink.close(never());
  await receiver.stop();
});

test('leaves it to the delivery to tell why there was no connection when a batch began', async () => {
  const sink = sinkFor({ path: '/nonexistent/syslog' });
  sink.expect!();
  await setImmediate();
  assert.deepEqual(await sink.deliver(batchOf('lf', ['one']), never()), { outcome: 'retryable', code: 'ENOENT', reason: 'no such socket' });
  sink.expect!();
  await sink.close(never());
});

function sinkFor(address: SyslogStreamSinkOptions['address']): Sink {
  return createSyslogStreamSink({ address, framing: 'lf', logger: new RecordedLogger() });
}

/** A port that answers no SYN: its process is stopped and its queue of connections full. */
async function silentListener(): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const script = "const s = require('net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGSTOP');
  const port = Number(line.toString());
  const fillers = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await once(fillers[1]!, 'connect');
  return {
    port,
    stop: async () => {
      for (const filler of fillers) filler.destroy();
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}
