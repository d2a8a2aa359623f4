import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Sink } from '../../src/core/sink.js';
import type { TlsSettings } from '../../src/core/tls.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import { openTlsIdentity } from '../../src/tls/identity.js';
import { Certificates } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { type SyslogDaemon, type TlsInputs, startRsyslog, startSyslogNg } from '../support/receivers.js';
import { batchOf, never, settled } from '../support/sink-conformance.js';

const pki = new Certificates();
after(() => pki.remove());
const ca = pki.path('ca.crt');
pki.authority('other');
const inputs: TlsInputs = {
  ca,
  inputs: {
    good: pki.issue('server'),
    expired: pki.issue('expired', { toHours: -1 }),
    future: pki.issue('future', { fromHours: 24 }),
    wronghost: pki.issue('wronghost', { names: ['DNS:example.test'] }),
    foreign: pki.issue('foreign', { by: 'other' }),
  },
};
const client = pki.issue('client');

/** What is wrong with the server's certificate, and what a sender says of it. */
const faults = {
  expired: /^the server's certificate has expired$/,
  future: /^the server's certificate is not valid yet$/,
  wronghost: /^the server's certificate is not for localhost but for DNS:example\.test$/,
  foreign: /^the server's certificate is of an unknown authority: none of those in \/\S+\/ca\.crt has signed it$/,
};

/** rsyslog with GnuTLS says nothing when it refuses a client: it hangs up. */
const silence = /^the receiver (closed|reset) the connection before it had taken anything; perhaps it (refuses the client certificate|demands a client certificate \(cert=, key=\))$/;
const refusals = {
  alert: { stranger: /^the server refused the client certificate: unknown authority$/, late: /^the server refused the client certificate: it has expired$/, none: /^the server demands a client certificate, and none is given \(cert=, key=\)$/ },
  silence: { stranger: silence, late: silence, none: silence },
};

for (const [name, start, refusal] of [
  ['rsyslog with GnuTLS', () => startRsyslog({ queue: 'Direct', tls: { ...inputs, driver: 'gtls' } }), refusals.silence],
  ['rsyslog with OpenSSL', () => startRsyslog({ queue: 'Direct', tls: { ...inputs, driver: 'ossl' } }), refusals.alert],
  ['syslog-ng', () => startSyslogNg({ tls: inputs }), refusals.alert],
] as const) {
  describe(`a real ${name} that wants a client certificate`, { timeout: 60_000 }, () => {
    let daemon: SyslogDaemon;
    before(async () => (daemon = await start()));
    after(() => daemon.stop());

    const sinks: Sink[] = [];
    after(async () => {
      for (const sink of sinks) await sink.close(AbortSignal.abort());
    });
    async function sinkTo(input: string, settings: Partial<TlsSettings> = client): Promise<Sink> {
      const logger = new RecordedLogger();
      const tls = await openTlsIdentity({ ca, cert: undefined, key: undefined, serverName: 'localhost', insecure: false, ...settings }, { label: 'tls', environment: {}, logger, memory: new Map() });
      const sink = createSyslogStreamSink({ address: { host: '127.0.0.1', port: daemon.port(input) }, framing: 'octet-counting', tls, logger });
      sinks.push(sink);
      return sink;
    }

    it('takes messages as they were sent, and has them all when the sender closes', async () => {
      const sink = await sinkTo('good');
      const texts = ['plain', 'naïve 日本 😀', 'one\n\ttwo\n\nthree', 'x'.repeat(20_000)];
      const already = daemon.messages().length;
      const delivery = await sink.deliver(batchOf('octet-counting', texts.map((text) => `<13>1 2026-03-03T00:00:12.150000Z h app 1 - - ${text}`)), never());
      const received = (await daemon.waitFor(already + texts.length)).slice(already);
      assert.deepEqual(received.map(({ input, text }) => [input, text]), texts.map((text) => ['good', text]));
      await sink.close(never());
      assert.equal(await settled(delivery), true);
    });

    for (const [input, reason] of Object.entries(faults)) {
      it(`is not sent anything where its certificate is ${input}, and that is what is said`, async () => {
        const sink = await sinkTo(input);
        const delivery = await sink.deliver(batchOf('octet-counting', ['<13>1 - h app - - - not this']), never());
        assert.ok(delivery.outcome === 'retryable');
        assert.match(delivery.reason, reason);
        assert.match((await sink.probe(never())) ?? '', reason);
        assert.ok(daemon.messages().every(({ text }) => text !== 'not this'));
      });
    }

    it('refuses other clients, which is said, and takes what was not delivered once the certificate is mended', async () => {
      const [cert, key] = [pki.path('mended.crt'), pki.path('mended.key')];
      const install = (files: typeof client): void => {
        copyFileSync(files.cert, cert);
        copyFileSync(files.key, key);
      };
      const batch = batchOf('octet-counting', ['<13>1 - h app - - - the one']);
      const already = daemon.messages().length;

      const naked = await (await sinkTo('good', {})).deliver(batch, never());
      assert.ok(naked.outcome === 'retryable');
      assert.match(naked.reason, refusal.none);

      install(pki.issue('stranger', { by: 'other' }));
      const sink = await sinkTo('good', { cert, key });
      for (const [files, expected] of [[undefined, refusal.stranger], [pki.issue('late', { toHours: -1 }), refusal.late]] as const) {
        if (files !== undefined) install(files);
        const delivery = await sink.deliver(batch, never());
        // Were the refusal to come late, the bytes would be taken, and never confirmed.
        if (delivery.outcome === 'sent') assert.equal(await delivery.confirmed, false);
        assert.match(delivery.outcome === 'retryable' ? delivery.reason : (sink.lastBreak ?? ''), expected);
      }
      install(client);
      const delivery = await eventually(() => sink.deliver(batch, never()), ({ outcome }) => outcome === 'sent');
      assert.equal(await settled(delivery), true);
      assert.deepEqual((await daemon.waitFor(already + 1)).slice(already).map(({ text }) => text), ['the one']);
    });

    it('is connected to again, with the session from before, as if for the first time', async () => {
      const sink = await sinkTo('good');
      for (const text of ['first', 'second', 'third']) {
        const delivery = await sink.deliver(batchOf('octet-counting', [`<13>1 - h app - - - ${text}`]), never());
        assert.equal(delivery.outcome, 'sent', JSON.stringify(delivery));
        await sink.close(never());
        assert.equal(await settled(delivery), true);
      }
      assert.deepEqual((await daemon.waitFor((messages) => messages.at(-1)?.text === 'third')).slice(-3).map(({ text }) => text), ['first', 'second', 'third']);
    });

    it('is killed, and everything that it had not confirmed fails', async () => {
      const sink = await sinkTo('good');
      const delivery = await sink.deliver(batchOf('octet-counting', ['<13>1 - h app - - - before']), never());
      await daemon.kill();
      assert.equal(await settled(delivery), false);
      await daemon.restart();
      assert.equal((await sink.deliver(batchOf('octet-counting', ['<13>1 - h app - - - after']), never())).outcome, 'sent');
      await daemon.waitFor((messages) => messages.at(-1)?.text === 'after');
    });
  });
}
