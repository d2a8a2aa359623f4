import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createServer } from 'node:tls';
import type { Secret } from '../../src/core/secret.js';
import { openSecret } from '../../src/secrets/secret.js';
import { createLogentriesSink } from '../../src/sinks/logentries.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import { openTlsIdentity } from '../../src/tls/identity.js';
import { Certificates } from '../support/certificates.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { batchOf, never, settled, testSinkConformance } from '../support/sink-conformance.js';
import type { SinkUnderTest } from '../support/sink-conformance.js';
import { StreamReceiver, temporaryFolder } from '../support/stream-receiver.js';

const TOKEN = '2bfbea1e-10c3-4419-bdad-7e6435882e1f';
const fixed: Secret = { read: () => Promise.resolve(TOKEN) };
const certificates = new Certificates();
after(() => certificates.remove());

testSinkConformance('logentries', overTcp, { backpressure: true });

async function overTcp(): Promise<SinkUnderTest> {
  const receiver = await StreamReceiver.listen();
  return {
    sink: createLogentriesSink({ token: fixed, stream: streamTo(receiver.port) }),
    stall: () => receiver.stall(),
    resume: () => receiver.resume(),
    received: async (count) => {
      let lines: string[] = [];
      let read = 0;
      await receiver.until(() => {
        if (receiver.byteCount !== read) lines = linesOf(receiver.text(), TOKEN);
        read = receiver.byteCount;
        return lines.length >= count;
      });
      return lines;
    },
    stop: () => receiver.stop(),
  };
}

test('carries lines over TLS to a server whose certificate it checks', { timeout: 30_000 }, async () => {
  const { cert, key } = certificates.issue('server');
  let text = '';
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const logger = new RecordedLogger();
  const settings = { ca: certificates.path('ca.crt'), cert: undefined, key: undefined, serverName: undefined, insecure: false };
  const tls = await openTlsIdentity(settings, { label: 'logentries:', environment: {}, logger, memory: new Map() });
  const { port } = server.address() as AddressInfo;
  const sink = createLogentriesSink({ token: fixed, stream: createSyslogStreamSink({ address: { host: '127.0.0.1', port }, framing: 'lf', tls, confirmAfterMs: 40, tableShare: 0.5, logger }) });
  assert.equal(await sink.probe(never()), undefined);
  assert.equal(await settled(await sink.deliver(batchOf('lf', ['one', 'two']), never())), true);
  await sink.close(never());
  assert.deepEqual(linesOf(text, TOKEN), ['one', 'two']);
  server.close();
});

test('takes a token that was replaced, and waits for one that cannot be read', { timeout: 30_000 }, async () => {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'token');
  writeFileSync(file, 'first\n');
  const receiver = await StreamReceiver.listen();
  const sink = createLogentriesSink({ token: await openSecret({ setting: 'tokenFile', from: { file } }, {}), stream: streamTo(receiver.port) });
  await sink.deliver(batchOf('lf', ['a']), never());
  writeFileSync(file, 'second');
  await sink.deliver(batchOf('lf', ['b']), never());
  writeFileSync(file, 'two words');
  const refused = await sink.deliver(batchOf('lf', ['c']), never());
  assert.equal(refused.outcome, 'retryable');
  assert.ok(refused.outcome === 'retryable' && !refused.reason.includes('words') && refused.reason.includes('no space'));
  writeFileSync(file, '');
  const absent = await sink.deliver(batchOf('lf', ['c']), never());
  assert.ok(absent.outcome === 'retryable' && absent.reason.includes(file));
  assert.match((await sink.probe(never())) ?? '', /the file is empty/);
  await sink.close(never());
  assert.equal(receiver.text(), 'first a\nsecond b\n');
  await receiver.stop();
  await folder.remove();
});

function streamTo(port: number) {
  return createSyslogStreamSink({ address: { host: '127.0.0.1', port }, framing: 'lf', confirmAfterMs: 40, tableShare: 0.5, logger: new RecordedLogger() });
}

/** What a strict receiver makes of it: every line begins with the token and one space. */
function linesOf(text: string, token: string): string[] {
  return text.split('\n').slice(0, -1).map((line) => {
    assert.ok(line.startsWith(`${token} `), `not a line of Logentries: ${line.slice(0, 80)}`);
    return line.slice(token.length + 1);
  });
}
