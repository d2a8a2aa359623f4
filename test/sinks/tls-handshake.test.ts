import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import type { TlsOptions, TLSSocket } from 'node:tls';
import type { Sink } from '../../src/core/sink.js';
import type { TlsSettings } from '../../src/core/tls.js';
import { createSyslogStreamSink } from '../../src/sinks/syslog-stream.js';
import type { SyslogStreamSinkOptions } from '../../src/sinks/syslog-stream.js';
import { openTlsIdentity } from '../../src/tls/identity.js';
import { Certificates } from '../support/certificates.js';
import type { CertificateFiles } from '../support/certificates.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { Relay } from '../support/relay.js';
import { batchOf, never, settled } from '../support/sink-conformance.js';
import { StreamReceiver } from '../support/stream-receiver.js';

const pki = new Certificates();
after(() => pki.remove());
const ca = pki.path('ca.crt');
const otherCa = pki.authority('other');
const server = pki.issue('server');
const client = pki.issue('client');
const stranger = pki.issue('stranger', { by: 'other' });

const of = ({ cert, key }: CertificateFiles): TlsOptions => ({ cert: readFileSync(cert), key: readFileSync(key) });
const listen = (tls: TlsOptions) => StreamReceiver.listen({ host: '127.0.0.1', port: 0, tls });

async function sinkTo(port: number, settings: Partial<TlsSettings>, options: Partial<SyslogStreamSinkOptions> = {}, logger = new RecordedLogger()): Promise<Sink> {
  const tls = await openTlsIdentity({ ca, cert: undefined, key: undefined, serverName: undefined, insecure: false, ...settings }, { label: 'tls', environment: {}, logger, memory: new Map() });
  return createSyslogStreamSink({ address: { host: '127.0.0.1', port }, framing: 'octet-counting', tls, confirmAfterMs: 40, tableShare: 0.5, logger, ...options });
}

const deliver = (sink: Sink, ...messages: string[]) => sink.deliver(batchOf(sink.framing, messages), never());
const giveUp = (sink: Sink) => sink.close(AbortSignal.abort());

for (const [what, certificate, code, reason] of [
  ['has expired', pki.issue('expired', { toHours: -1 }), 'CERT_HAS_EXPIRED', /^the server's certificate has expired$/],
  ['is not valid yet', pki.issue('future', { fromHours: 24 }), 'CERT_NOT_YET_VALID', /^the server's certificate is not valid yet$/],
  ['is for another host', pki.issue('wronghost', { names: ['DNS:example.test'] }), 'ERR_TLS_CERT_ALTNAME_INVALID', /^the server's certificate is not for 127\.0\.0\.1 but for DNS:example\.test$/],
  ['is of an unknown authority', pki.issue('foreign', { by: 'other' }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', /^the server's certificate is of an unknown authority: none of those in \/\S+ca\.crt has signed it$/],
] as const) {
  test(`says that the server's certificate ${what}, and sends nothing`, { timeout: 30_000 }, async () => {
    const receiver = await listen(of(certificate));
    const sink = await sinkTo(receiver.port, {});
    const delivery = await deliver(sink, 'one');
    assert.ok(delivery.outcome === 'retryable');
    assert.equal(delivery.code, code);
    assert.equal(delivery.needsOperator, true);
    assert.match(delivery.reason, reason);
    assert.match((await sink.probe(never())) ?? '', reason);
    const careless = await sinkTo(receiver.port, { ca: undefined, insecure: true });
    assert.equal(await settled(await deliver(careless, 'all the same')), true);
    assert.equal(receiver.text(), '12 all the same');
    await giveUp(careless);
    await receiver.stop();
  });
}

test('takes a certificate by the name that serverName= expects', { timeout: 30_000 }, async () => {
  const receiver = await listen(of(pki.issue('named', { names: ['DNS:central.example.com'] })));
  const sink = await sinkTo(receiver.port, { serverName: 'central.example.com' });
  assert.equal(await settled(await deliver(sink, 'one')), true);
  assert.equal(((await receiver.connection()) as TLSSocket & { servername: string }).servername, 'central.example.com');
  await giveUp(sink);
  await receiver.stop();
});

test('trusts an authority that was added to those of the system', { timeout: 30_000 }, async () => {
  const receiver = await listen(of(server));
  const logger = new RecordedLogger();
  const settings = { ca: undefined, cert: undefined, key: undefined, serverName: undefined, insecure: false };
  for (const [environment, outcome] of [[{}, 'retryable'], [{ SSL_CERT_FILE: ca }, 'sent']] as const) {
    const tls = await openTlsIdentity(settings, { label: 'tls', environment, logger, memory: new Map() });
    const sink = createSyslogStreamSink({ address: { host: '127.0.0.1', port: receiver.port }, framing: 'octet-counting', tls, logger });
    assert.equal((await deliver(sink, 'one')).outcome, outcome);
    await giveUp(sink);
  }
  await receiver.stop();
});

for (const [what, tls] of [['TLS 1.3', {}], ['TLS 1.2', { maxVersion: 'TLSv1.2' }]] as const) {
  test(`resumes its session when it connects again over ${what}`, { timeout: 30_000 }, async () => {
    const receiver = await listen({ ...of(server), ...tls });
    const sink = await sinkTo(receiver.port, {});
    const isReused: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      assert.equal(await settled(await deliver(sink, `${i}`)), true);
      isReused.push(((await receiver.connection(i)) as TLSSocket).isSessionReused());
      await sink.close(never());
    }
    assert.deepEqual(isReused, [false, true, true]);
    assert.equal(receiver.text(), '1 01 11 2');
    await receiver.stop();
  });

  test(`ends a connection over ${what} with close_notify`, { timeout: 30_000 }, async () => {
    const receiver = await listen({ ...of(server), ...tls });
    const relay = await Relay.to(receiver.port);
    const sink = await sinkTo(relay.port, {});
    const delivery = await deliver(sink, 'one');
    await receiver.until(() => receiver.text() === '3 one');
    const before = Buffer.concat(relay.sent).length;
    await sink.close(never());
    assert.equal(await settled(delivery), true);
    // One record more: of type alert (RFC 5246 section 6.2.1), or hidden in one of type application data (RFC 8446 section 5.2).
    const last = Buffer.concat(relay.sent).subarray(before);
    assert.equal(last[0], what === 'TLS 1.2' ? 21 : 23);
    assert.equal(last.readUInt16BE(3) + 5, last.length);
    await relay.stop();
    await receiver.stop();
  });
}

test('shows a renewed certificate on the next connection, and does not resume the session of the old one', { timeout: 30_000 }, async () => {
  const [cert, key] = [pki.path('current.crt'), pki.path('current.key')];
  const install = (files: CertificateFiles) => [copyFileSync(files.cert, cert), copyFileSync(files.key, key)];
  const receiver = await listen({ ...of(server), ca: readFileSync(ca), requestCert: true });
  const logger = new RecordedLogger();
  const shown = async (index: number): Promise<unknown> => {
    const socket = (await receiver.connection(index)) as TLSSocket;
    return [socket.getPeerCertificate().subject.CN, socket.isSessionReused()];
  };
  install(client);
  const sink = await sinkTo(receiver.port, { cert, key }, {}, logger);
  assert.equal(await settled(await deliver(sink, 'one')), true);
  assert.deepEqual(await shown(0), ['client', false]);
  await sink.close(never());
  install(pki.issue('renewed'));
  assert.equal(await settled(await deliver(sink, 'two')), true);
  assert.deepEqual(await shown(1), ['renewed', false]);
  assert.deepEqual(logger.lines, ['info: tls: the certificates have changed and were read again; new connections use them']);
  await giveUp(sink);
  await receiver.stop();
});

test('refuses a server that speaks nothing newer than TLS 1.1', { timeout: 30_000 }, async () => {
  // OpenSSL allows the old versions at security level 0 alone.
  const receiver = await listen({ ...of(server), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' });
  const sink = await sinkTo(receiver.port, {});
  const delivery = await deliver(sink, 'one');
  assert.ok(delivery.outcome === 'retryable');
  assert.equal(delivery.reason, 'the server knows no version of TLS that is allowed here, which is 1.2 or later');
  await receiver.stop();
});

test('says that what answers speaks no TLS, hangs up, or says nothing', { timeout: 30_000 }, async () => {
  const receiver = await StreamReceiver.listen();
  const sink = await sinkTo(receiver.port, {}, { connectTimeoutMs: 1000 });
  const reasonOf = async (act?: (index: number) => Promise<void>): Promise<string> => {
    const delivery = deliver(sink, 'one');
    await act?.(receiver.connections.length);
    const settledDelivery = await delivery;
    return settledDelivery.outcome === 'retryable' ? settledDelivery.reason : settledDelivery.outcome;
  };
  assert.equal(await reasonOf(async (i) => void (await receiver.connection(i)).write('220 mail.example.com ready\r\n')), 'what answers on this port speaks no TLS');
  assert.match(await reasonOf(async (i) => void (await receiver.connection(i)).end()), /^the connection ended during the TLS handshake/);
  assert.equal(await reasonOf(), 'no TLS handshake within 1 s');
  const delivery = deliver(sink, 'two');
  await receiver.connection(3);
  await sink.close(never());
  assert.deepEqual(await delivery, { outcome: 'retryable', code: 'CLOSED', reason: 'closed' });
  await receiver.stop();
});

test('says that a client certificate was refused when the alert comes after the first writes, and confirms none of them', { timeout: 30_000 }, async () => {
  const daemon = await opensslServer();
  // From the sender's second flight on, which holds its certificate.
  const relay = await Relay.to(daemon.port, { holdsAfter: 2 });
  const logger = new RecordedLogger();
  const sink = await sinkTo(relay.port, stranger, { confirmAfterMs: 3_600_000 }, logger);
  const deliveries = [await deliver(sink, 'one'), await deliver(sink, 'two')];
  assert.deepEqual(deliveries.map(({ outcome }) => outcome), ['sent', 'sent']);
  relay.release();
  for (const delivery of deliveries) assert.equal(await settled(delivery), false);
  assert.equal(sink.lastBreak, 'the server refused the client certificate: unknown authority');
  await giveUp(sink);
  await relay.stop();
  await daemon.stop();
});

test('writes nothing until the time for a refusal is over', { timeout: 30_000 }, async () => {
  const daemon = await opensslServer();
  const relay = await Relay.to(daemon.port, { holdsAfter: 2 });
  const sink = await sinkTo(relay.port, stranger);
  const delivery = deliver(sink, 'one');
  await relay.holding;
  relay.release();
  assert.equal((await delivery).outcome, 'retryable');
  assert.equal(relay.sent.length, 2);
  await relay.stop();
  await daemon.stop();
});

test('says that a client certificate was refused, or is missing, before anything is written', { timeout: 30_000 }, async () => {
  const daemon = await opensslServer();
  const reasonOf = async (settings: Partial<TlsSettings>): Promise<string> => {
    const sink = await sinkTo(daemon.port, settings);
    const delivery = await deliver(sink, 'one');
    assert.ok(delivery.outcome === 'retryable');
    assert.equal(await sink.probe(never()), delivery.reason);
    return delivery.reason;
  };
  assert.equal(await reasonOf(stranger), 'the server refused the client certificate: unknown authority');
  assert.equal(await reasonOf(pki.issue('late', { toHours: -1 })), 'the server refused the client certificate: it has expired');
  assert.equal(await reasonOf({}), 'the server demands a client certificate, and none is given (cert=, key=)');
  await daemon.stop();
});

test('takes a server that hangs up before it has taken anything for one that may refuse the certificate', { timeout: 30_000 }, async () => {
  // Node's server refuses in this way, and rsyslog with GnuTLS does.
  const receiver = await listen({ ...of(server), ca: readFileSync(otherCa), requestCert: true, rejectUnauthorized: true });
  const sink = await sinkTo(receiver.port, client);
  const delivery = await deliver(sink, 'one');
  assert.ok(delivery.outcome === 'retryable');
  assert.match(delivery.reason, /^the receiver (closed|reset) the connection before it had taken anything; perhaps it refuses the client certificate$/);
  await receiver.stop();
});

/** OpenSSL's own server, which refuses by an alert whoever has no certificate of `ca`. */
async function opensslServer(): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-cert', server.cert, '-key', server.key, '-CAfile', ca, '-Verify', '1', '-verify_return_error'], { stdio: ['pipe', 'pipe', 'ignore'] });
  let said = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (/ACCEPT .*:\d+/.test(said)) break;
  }
  child.stdout.resume();
  return {
    port: Number(/ACCEPT .*:(\d+)/.exec(said)![1]),
    stop: async () => {
      child.kill();
      await once(child, 'close');
    },
  };
}
