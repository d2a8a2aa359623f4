import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { SettingError } from '../../src/core/errors.js';
import { proxyTo, readProxy } from '../../src/sinks/http-proxy.js';
import { openTlsIdentity } from '../../src/tls/identity.js';
import { Certificates } from '../support/certificates.js';
import { HttpReceiver } from '../support/http-receiver.js';
import { httpSinkTo } from '../support/http-sink.js';
import { freePorts } from '../support/nginx.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { batchOf, never } from '../support/sink-conformance.js';
import { Tinyproxy } from '../support/tinyproxy.js';

describe('through a proxy', { timeout: 60_000 }, () => {
  const proxy = new Tinyproxy();
  const certificates = new Certificates();
  before(() => proxy.start());
  after(async () => {
    await proxy.stop();
    certificates.remove();
  });

  it('plain HTTP is asked for by its whole URL, as every proxy allows', async () => {
    const receiver = await HttpReceiver.start();
    const sink = httpSinkTo(receiver.port, { path: '/in', proxy: { proxy: `http://ada:pass@127.0.0.1:${proxy.port}`, noProxy: '' } });
    for (const message of ['a', 'b']) assert.deepEqual(await sink.deliver(batchOf('lf', [message]), never()), { outcome: 'delivered' });
    assert.deepEqual(receiver.taken, ['a', 'b']);
    assert.ok(proxy.requests.includes(`POST http://127.0.0.1:${receiver.port}/in HTTP/1.1`), proxy.requests.join('\n'));
    await sink.close(never());
    await receiver.stop();
  });

  it('HTTPS goes through a tunnel, and the certificate is the receiver\'s', async () => {
    const { cert, key } = certificates.issue('server');
    const bodies: string[] = [];
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => {
        bodies.push(body);
        response.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const tls = await openTlsIdentity({ ca: certificates.path('ca.crt'), cert: undefined, key: undefined, serverName: undefined, insecure: false }, { label: 'https', environment: {}, logger: new RecordedLogger(), memory: new Map() });
    const sink = httpSinkTo(port, { scheme: 'https', tls, proxy: { proxy: `http://ada:pass@127.0.0.1:${proxy.port}`, noProxy: '' } });
    assert.deepEqual(await sink.deliver(batchOf('lf', ['a', 'b']), never()), { outcome: 'delivered' });
    assert.deepEqual(bodies, ['a\nb\n']);
    assert.ok(proxy.requests.includes(`CONNECT 127.0.0.1:${port} HTTP/1.1`), proxy.requests.join('\n'));
    await sink.close(never());
    server.closeAllConnections();
    server.close();
  });

  it('that refuses, the reason says so, and nothing of the password', async () => {
    const [unused] = (await freePorts(1)) as [number];
    // tinyproxy says 401 to a wrong password.
    for (const [scheme, credentials, reason] of [
      ['http', '', /^the proxy answers HTTP 407 \(Proxy Authentication Required\): the proxy wants credentials/],
      ['https', '', /^the proxy answers HTTP 407 \(Proxy Authentication Required\): the proxy wants credentials/],
      ['http', 'ada:hunter2@', /^HTTP 401 /],
      ['https', 'ada:hunter2@', /^the proxy answers HTTP 401 /],
    ] as const) {
      const sink = httpSinkTo(unused, { scheme, proxy: { proxy: `http://${credentials}127.0.0.1:${proxy.port}`, noProxy: '' } });
      const delivery = await sink.deliver(batchOf('lf', ['a']), never());
      assert.ok(delivery.outcome === 'retryable');
      assert.match(delivery.reason, reason);
      assert.doesNotMatch(JSON.stringify(delivery), /hunter2/);
      await sink.close(never());
    }
  });

  it('that says nothing, a delivery can be aborted and the sink closed', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const sink = httpSinkTo(1, { scheme: 'https', proxy: { proxy: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, noProxy: '' } });
    const stopping = new AbortController();
    const delivery = sink.deliver(batchOf('lf', ['a']), stopping.signal);
    const [socket] = (await once(silent, 'connection')) as [Socket];
    assert.match(String(((await once(socket, 'data')) as [Buffer])[0]), /^CONNECT 127\.0\.0\.1:1 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:1\r\n/);
    stopping.abort();
    const { outcome } = await delivery;
    assert.equal(outcome, 'retryable');
    await sink.close(never());
    await once(socket.resume(), 'close');
    silent.close();
  });

  it('but not to a host that NO_PROXY names', async () => {
    const receiver = await HttpReceiver.start();
    const sink = httpSinkTo(receiver.port, { proxy: { proxy: 'http://127.0.0.1:1', noProxy: 'localhost,127.0.0.1' } });
    assert.deepEqual(await sink.deliver(batchOf('lf', ['a']), never()), { outcome: 'delivered' });
    await sink.close(never());
    await receiver.stop();
  });
});

describe('NO_PROXY', () => {
  const proxy = 'http://p:3128';
  for (const [noProxy, host, isProxied] of [
    ['', 'example.com', true],
    [' , ', 'example.com', true],
    ['*', 'example.com', false],
    ['other.net,*', 'example.com', false],
    ['*', '::1', false],
    ['example.com', 'Example.com', false],
    ['EXAMPLE.com', 'example.com', false],
    ['example.com', 'logs.example.com', false],
    ['.example.com', 'logs.example.com', false],
    ['.example.com', 'example.com', false],
    ['*.example.com', 'logs.example.com', false],
    ['example.com', 'anexample.com', true],
    ['.example.com', 'anexample.com', true],
    ['logs.example.com', 'example.com', true],
    ['.', 'example.com', true],
    ['example.com.', 'example.com', false],
    ['example.com', 'logs.example.com.', false],
    ['example.com:443', 'example.com', false],
    ['example.com:8443', 'example.com', true],
    ['.example.com:443', 'logs.example.com', false],
    ['*:8443', 'example.com', true],
    ['a, b example.com', 'example.com', false],
    ['127.0.0.1', '127.0.0.1', false],
    ['127.0.0.1:443', '127.0.0.1', false],
    ['127.0.0.1:80', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.11', true],
    ['0.0.1', '127.0.0.1', true],
    ['127.0.0.0/8', '127.9.9.9', false],
    ['127.0.0.0/8', '128.0.0.1', true],
    ['10.0.0.0/8', '10.example.com', true],
    ['10.0.0.0/33', '10.0.0.0', true],
    ['10.0.0.0/x', '10.0.0.0', true],
    ['example.com/8', '10.0.0.1', true],
    ['::1', '::1', false],
    ['::1', '[::1]', false],
    ['[::1]', '::1', false],
    ['[::1]:443', '::1', false],
    ['[::1]:80', '::1', true],
    ['0:0:0:0:0:0:0:1', '::1', false],
    ['::1', '::2', true],
    ['fd00::/8', 'fd12::1', false],
    ['fd00::/8', '2001:db8::1', true],
    ['10.0.0.0/8', '2001:db8::1', true],
  ] as const) {
    it(`"${noProxy}" ${isProxied ? 'leaves' : 'spares'} ${host} the proxy`, () => assert.equal(proxyTo({ host, port: 443 }, { proxy, noProxy }) !== undefined, isProxied));
  }

  it('apart, a proxy is as its URL says', () => {
    const of = (url: string) => proxyTo({ host: 'example.com', port: 443 }, { proxy: url, noProxy: '' });
    assert.deepEqual(of('http://p'), { scheme: 'http', address: { host: 'p', port: 80 }, authorization: undefined });
    assert.deepEqual(of('https://ada:p%40ss%zz@[::1]:8443/'), { scheme: 'https', address: { host: '::1', port: 8443 }, authorization: `Basic ${Buffer.from('ada:p%40ss%zz').toString('base64')}` });
    assert.equal(of('http://ada:p%40ss@p')?.authorization, `Basic ${Buffer.from('ada:p@ss').toString('base64')}`);
  });
});

describe('the environment', () => {
  for (const [scheme, environment, proxy, noProxy] of [
    ['http', {}, '', ''],
    ['http', { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://q:2', NO_PROXY: 'a' }, 'http://p:1', 'a'],
    ['https', { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://q:2', NO_PROXY: 'a', no_proxy: 'b' }, 'http://q:2', 'b'],
    ['https', { HTTP_PROXY: 'http://p:1' }, '', ''],
    ['https', { https_proxy: '', HTTPS_PROXY: 'q:2' }, 'http://q:2', ''],
    ['http', { no_proxy: '', NO_PROXY: 'a' }, '', 'a'],
    ['https', { ALL_PROXY: 'http://p:1' }, '', ''],
    ['http', { http_proxy: ' p:3128 ', HTTP_PROXY: 'http://other:1' }, 'http://p:3128', ''],
  ] as const) {
    it(`${JSON.stringify(environment)} means ${proxy === '' ? 'no proxy' : proxy} for ${scheme}`, () => assert.deepEqual(readProxy(scheme, environment), { proxy, noProxy }));
  }

  it('with a proxy that is none is told in one sentence, without the value', () => {
    for (const value of ['socks5://ada:hunter2@p:1', 'http://', 'http://ada:hunter2@']) {
      assert.throws(() => readProxy('https', { HTTPS_PROXY: value }), (error) => error instanceof SettingError && error.message === 'Invalid HTTPS_PROXY: a proxy is written http://HOST:PORT, with USER:PASSWORD@ before the host where it wants them; mend the variable.');
    }
  });
});
