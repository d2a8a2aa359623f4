import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import type { Logger } from '../../src/core/logger.js';
import type { TlsIdentity, TlsSettings } from '../../src/core/tls.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import { openTlsIdentity } from '../../src/tls/identity.js';
import { Certificates } from '../support/certificates.js';
import { Deframer } from '../support/deframer.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { testSinkConformance } from '../support/sink-conformance.js';
import type { SinkUnderTest } from '../support/sink-conformance.js';
import { StreamReceiver } from '../support/stream-receiver.js';
import { testStreamSink } from './stream-suite.js';

const pki = new Certificates();
after(() => pki.remove());
const ca = pki.path('ca.crt');
const server = pki.issue('server');
const client = pki.issue('client');

for (const host of ['127.0.0.1', 'localhost']) {
  testSinkConformance(`tls to ${host}`, () => overTls(host), { backpressure: true });
}

testStreamSink('tls', { receiver: { cert: readFileSync(server.cert), key: readFileSync(server.key) }, sink: () => identity({ ca }) });

function identity(settings: Partial<TlsSettings>, logger: Logger = new RecordedLogger()): Promise<TlsIdentity> {
  return openTlsIdentity({ ca: undefined, cert: undefined, key: undefined, serverName: undefined, insecure: false, ...settings }, { label: 'tls', environment: {}, logger, memory: new Map() });
}

async function overTls(host: string): Promise<SinkUnderTest> {
  const receiver = await StreamReceiver.listen({ host, port: 0, tls: { cert: readFileSync(server.cert), key: readFileSync(server.key), ca: readFileSync(ca), requestCert: true } });
  const logger = new RecordedLogger();
  const tls = await identity({ ca, ...client }, logger);
  const sink = createSyslogStreamSink({ address: { host, port: receiver.port }, framing: 'octet-counting', tls, confirmAfterMs: 40, tableShare: 0.5, logger });
  const messages: string[] = [];
  const deframer = new Deframer('octet-counting', (message) => messages.push(message.toString()));
  return {
    sink,
    stall: () => receiver.stall(),
    resume: () => receiver.resume(),
    received: async (count) => {
      await receiver.until(() => {
        for (const chunk of receiver.chunks.splice(0)) deframer.push(chunk);
        return messages.length >= count;
      });
      return messages;
    },
    stop: async () => {
      await receiver.stop();
      assert.deepEqual(logger.lines, []);
    },
  };
}
