import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { createStdoutSink } from '../../src/sinks/stdout.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import { eventually } from '../support/eventually.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { batchOf, never } from '../support/sink-conformance.js';
import { StreamReceiver, temporaryFolder } from '../support/stream-receiver.js';

describe('a sink whose receiver does not read', { timeout: 30_000 }, () => {
  it('is held up over TCP, until it reads again or the connection breaks', async () => {
    const receiver = await StreamReceiver.listen();
    // More than the kernel's buffers on both sides take.
    await holdsUp({ host: '127.0.0.1', port: receiver.port }, receiver, 'x'.repeat(32 * 1024 * 1024));
  });

  it('is held up over a Unix socket, until it reads again or the connection breaks', async () => {
    const folder = await temporaryFolder();
    const path = `${folder.path}/syslog`;
    await holdsUp({ path }, await StreamReceiver.listen({ path }), 'x'.repeat(1024 * 1024));
    await folder.remove();
  });

  it('is held up on stdout, until it reads again', async () => {
    let release: () => void = () => undefined;
    const output = new Writable({ write: (_chunk, _encoding, done) => void (release = done) });
    const sink = createStdoutSink({ output, onFailed: assert.ifError, onClosed: () => undefined });
    assert.equal(sink.isHeldUp, false);
    const delivery = sink.deliver(batchOf('lf', ['one']), never());
    await eventually(() => sink.isHeldUp, (isHeldUp) => isHeldUp === true);
    release();
    assert.equal((await delivery).outcome, 'delivered');
    assert.equal(sink.isHeldUp, false);
  });

  it('is not held up while it connects', async () => {
    const sink = createSyslogStreamSink({ address: { host: '127.0.0.1', port: 1 }, framing: 'lf', connectTimeoutMs: 5000, logger: new RecordedLogger() });
    const delivery = sink.deliver(batchOf('lf', ['one']), never());
    assert.equal(sink.isHeldUp, false);
    assert.equal((await delivery).outcome, 'retryable');
    assert.equal(sink.isHeldUp, false);
    assert.ok(sink.attemptTimeoutMs! > 5000);
  });
});

async function holdsUp(address: { readonly host: string; readonly port: number } | { readonly path: string }, receiver: StreamReceiver, message: string): Promise<void> {
  const sink = createSyslogStreamSink({ address, framing: 'lf', logger: new RecordedLogger() });
  try {
    receiver.stall();
    assert.equal(sink.isHeldUp, false);
    const delivery = sink.deliver(batchOf('lf', [message]), never());
    await eventually(() => sink.isHeldUp, (isHeldUp) => isHeldUp === true);
    receiver.resume();
    assert.equal((await delivery).outcome, 'sent');
    assert.equal(sink.isHeldUp, false);

    receiver.stall();
    const broken = sink.deliver(batchOf('lf', [message]), never());
    await eventually(() => sink.isHeldUp, (isHeldUp) => isHeldUp === true);
    (await receiver.connection()).destroy();
    assert.equal((await broken).outcome, 'retryable');
    assert.equal(sink.isHeldUp, false);
  } finally {
    await sink.close(AbortSignal.abort());
    await receiver.stop();
  }
}
