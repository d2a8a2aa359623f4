import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createStdoutSink } from '../../src/sinks/stdout.js';
import { batchOf, never, testSinkConformance, turns } from '../support/sink-conformance.js';
import type { SinkUnderTest } from '../support/sink-conformance.js';
import { messagesOf, StreamReceiver, temporaryFolder } from '../support/stream-receiver.js';

testSinkConformance('stdout', intoSocket, { backpressure: true });

/** The output is one end of a Unix socket, as under systemd; the receiver the other. */
async function intoSocket(): Promise<SinkUnderTest> {
  const folder = await temporaryFolder();
  const receiver = await StreamReceiver.listen({ path: join(folder.path, 'out') });
  const output = connect(join(folder.path, 'out'));
  await once(output, 'connect');
  await receiver.connection();
  return {
    sink: createStdoutSink({ output, onFailed: assert.ifError, onClosed: () => undefined }),
    stall: () => receiver.stall(),
    resume: () => receiver.resume(),
    received: async (count) => {
      await receiver.until(() => messagesOf(Buffer.concat(receiver.chunks), 'lf').length >= count);
      return messagesOf(Buffer.concat(receiver.chunks), 'lf');
    },
    stop: async () => {
      output.destroy();
      await receiver.stop();
      await folder.remove();
    },
  };
}

test('stdout: loses nothing in a slow pipe', { timeout: 30_000 }, async () => {
  const reader = spawn('wc', ['-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const sink = createStdoutSink({ output: reader.stdin, onFailed: assert.ifError, onClosed: () => assert.fail('wc reads to the end') });
  for (let i = 0; i < 50; i++) assert.deepEqual(await sink.deliver(batchOf('lf', ['x'.repeat(199_999)]), never()), { outcome: 'delivered' });
  await sink.close(never());
  reader.stdin.end();
  const [count] = (await once(reader.stdout, 'data')) as [Buffer];
  assert.equal(Number(count.toString()), 10_000_000);
});

test('stdout: answers EPIPE and tells once when its reader has gone', { timeout: 30_000 }, async () => {
  const reader = spawn('true', { stdio: ['pipe', 'ignore', 'inherit'] });
  await once(reader, 'exit');
  let told = 0;
  const sink = createStdoutSink({ output: reader.stdin, onFailed: assert.ifError, onClosed: () => told++ });
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await sink.deliver(batchOf('lf', ['one']), never()), { outcome: 'retryable', code: 'EPIPE', reason: 'its reader has closed it' });
  }
  assert.equal(told, 1);
  await sink.close(never());
});

test('stdout: answers any other error as retryable, tells it once, and does not take its reader for gone', async () => {
  const failures: string[] = [];
  const output = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })) });
  const sink = createStdoutSink({ output, onFailed: ({ message }) => failures.push(message), onClosed: () => assert.fail('nobody closed it') });
  assert.deepEqual(await sink.deliver(batchOf('lf', ['one']), never()), { outcome: 'retryable', code: 'ENOSPC', reason: 'no space left on device' });
  await sink.deliver(batchOf('lf', ['two']), never());
  assert.deepEqual(failures, ['no space left on device']);
});

test('stdout: writes a batch as it was, and nothing more behind one that an abort left unwritten', async () => {
  const written: string[] = [];
  let done: (() => void) | undefined;
  const output = new Writable({
    write: (chunk: Buffer, _encoding, callback) => {
      written.push(chunk.toString());
      done = callback;
    },
  });
  const sink = createStdoutSink({ output, onFailed: assert.ifError, onClosed: () => undefined });
  const stopping = new AbortController();
  const batch = batchOf('lf', ['one']);
  const first = sink.deliver(batch, stopping.signal);
  await turns(2);
  stopping.abort();
  assert.equal((await first).outcome, 'retryable');
  batch.bytes.fill(0);
  const second = sink.deliver(batchOf('lf', ['two']), never());
  await turns(5);
  assert.deepEqual(written, ['one\n']);
  assert.equal(output.writableLength, 4);
  done?.();
  await turns(2);
  done?.();
  assert.equal((await second).outcome, 'delivered');
  assert.deepEqual(written, ['one\n', 'two\n']);
});
