import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TlsSettings } from '../../../src/core/tls.js';
import { createRelpSink } from '../../../src/sinks/relp/relp.js';
import { openTlsIdentity } from '../../../src/tls/identity.js';
import { Certificates } from '../../support/certificates.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { startRsyslog } from '../../support/rsyslog.js';
import { batchOf, never } from '../../support/sink-conformance.js';
import type { SyslogDaemon } from '../../support/syslog-daemon.js';

const certificates = new Certificates();
const ca = certificates.path('ca.crt');
const client = certificates.issue('client1', { names: ['DNS:client1'] });
const stranger = certificates.issue('client2', { names: ['DNS:client2'] });

for (const library of ['openssl', 'gnutls'] as const) {
  describe(`RELP over TLS, to a real rsyslog with ${library} that knows its clients by their certificates`, { timeout: 60_000 }, () => {
    it('delivers, and closes the session', async () => {
      await withRsyslog(library, async (daemon) => {
        const sink = await sinkFor(daemon, { cert: client.cert, key: client.key });
        assert.equal(await sink.probe(never()), undefined);
        const messages = Array.from({ length: 600 }, (_, number) => `<13>1 - h app - - - ${number} ${'x'.repeat(number)}`);
        const deliveries = [messages.slice(0, 200), messages.slice(200, 400), messages.slice(400)].map((batch) => sink.deliver(batchOf('none', batch), never()));
        for (const delivery of await Promise.all(deliveries)) assert.deepEqual(delivery, { outcome: 'delivered' });
        await sink.close(never());
        assert.deepEqual((await daemon.waitFor(messages.length)).map(({ raw }) => raw.toString()), messages);
      });
    });

    it('says that a certificate is refused, or demanded, and delivers nothing', async () => {
      await withRsyslog(library, async (daemon) => {
        for (const [shown, words] of [[{ cert: stranger.cert, key: stranger.key }, /refuse[sd]? the client certificate/], [{}, /demands a client certificate/]] as const) {
          const sink = await sinkFor(daemon, shown);
          const delivery = await sink.deliver(batchOf('none', ['<13>1 - h app - - - never']), never());
          assert.ok(delivery.outcome === 'retryable');
          assert.match(delivery.reason, words);
          await sink.close(AbortSignal.abort());
        }
        assert.deepEqual(daemon.messages(), []);
      });
    });

    it('does not take a server of another name', async () => {
      await withRsyslog(library, async (daemon) => {
        const sink = await sinkFor(daemon, { cert: client.cert, key: client.key, serverName: 'elsewhere.example.com' });
        const delivery = await sink.deliver(batchOf('none', ['<13>1 - h app - - - never']), never());
        assert.ok(delivery.outcome === 'retryable');
        assert.match(delivery.reason, /the server's certificate is not for elsewhere\.example\.com but for/);
        assert.deepEqual(daemon.messages(), []);
      });
    });
  });
}

async function withRsyslog(library: 'openssl' | 'gnutls', body: (daemon: SyslogDaemon) => Promise<void>): Promise<void> {
  const server = certificates.issue('server');
  const daemon = await startRsyslog({ relps: { ca, ...server, client: 'client1', library } });
  try {
    await body(daemon);
  } finally {
    await daemon.stop();
  }
}

async function sinkFor(daemon: SyslogDaemon, shown: Partial<TlsSettings>) {
  const settings = { ca, cert: undefined, key: undefined, serverName: undefined, insecure: false, ...shown };
  const logger = new RecordedLogger();
  const tls = await openTlsIdentity(settings, { label: 'relps', environment: {}, logger, memory: new Map() });
  return createRelpSink({ address: { host: '127.0.0.1', port: daemon.port('relps') }, tls, logger });
}
