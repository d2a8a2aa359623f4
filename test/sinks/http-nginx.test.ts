import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Delivery, Sink } from '../../src/core/sink.js';
import type { HttpSinkOptions } from '../../src/sinks/http.js';
import { openTlsIdentity } from '../../src/tls/identity.js';
import { Certificates } from '../support/certificates.js';
import { httpSinkTo } from '../support/http-sink.js';
import { Nginx, freePorts } from '../support/nginx.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { batchOf, never } from '../support/sink-conformance.js';

describe('nginx', { timeout: 120_000 }, () => {
  const certificates = new Certificates();
  const server = certificates.issue('server');
  const silent = createServer((socket) => socket.on('error', () => undefined).resume());
  let nginx: Nginx;

  before(async () => {
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const secure = `ssl_certificate ${server.cert}; ssl_certificate_key ${server.key};`;
    nginx = await Nginx.start({
      http: 'limit_req_zone $server_port zone=busy:1m rate=1r/m; limit_req_status 429;',
      servers: {
        plain: `
          location /in { @store }
          location /small { client_max_body_size 1k; @store }
          location /busy { limit_req zone=busy burst=5 nodelay; add_header Retry-After 1 always; @store }
          location /down { return 503; }
          location /dead { proxy_pass http://127.0.0.1:${(await freePorts(1))[0]}; }
          location /silent { proxy_read_timeout 1s; proxy_pass http://127.0.0.1:${(silent.address() as AddressInfo).port}; }
          location /moved { return 307 https://other.example/moved?token=hunter2; }
          location /late { limit_rate 1; @store }`,
        // Each request needs a connection of its own.
        once: 'keepalive_requests 1; location / { @store }',
        secure: `${secure} location / { @store }`,
        mutual: `${secure} ssl_client_certificate ${certificates.path('ca.crt')}; ssl_verify_client on; location / { @store }`,
      },
    });
  });
  after(async () => {
    await nginx.stop();
    silent.close();
    certificates.remove();
  });

  async function at(where: string, body: (part: { readonly sink: Sink; readonly deliver: (...messages: string[]) => Promise<Delivery> }) => Promise<void>, options: Partial<HttpSinkOptions> = {}): Promise<void> {
    const [name, path = ''] = where.split('/');
    nginx.forget();
    const sink = httpSinkTo(nginx.port(name!), { path: `/${path}`, ...options });
    try {
      await body({ sink, deliver: (...messages) => sink.deliver(batchOf('lf', messages), never()) });
    } finally {
      await sink.close(AbortSignal.abort());
    }
  }

  const numbered = (count: number) => Array.from({ length: count }, (_, i) => JSON.stringify({ n: i, text: 'x'.repeat(40) }));
  const reasonOf = (delivery: Delivery) => (delivery.outcome === 'retryable' ? delivery.reason : delivery.outcome);

  it('stores what was delivered, byte for byte', () =>
    at('plain/in', async ({ deliver }) => {
      const messages = numbered(2000);
      assert.deepEqual(await deliver(...messages), { outcome: 'delivered' });
      assert.deepEqual(nginx.lines, messages);
    }));

  it('takes gzip as it is, and an array', () =>
    at('plain/in', async ({ deliver }) => {
      await deliver(...numbered(3));
      assert.deepEqual(JSON.parse(gunzipSync(nginx.bodies[0]!).toString()), numbered(3).map((text) => JSON.parse(text) as unknown));
    }, { compress: 'gzip', body: 'array' }));

  it('takes the largest batch that there is by default', () =>
    at('plain/in', async ({ sink, deliver }) => {
      const messages = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(sink.limits.maxBytes / 100 - 1, 'x'));
      assert.deepEqual(await deliver(...messages), { outcome: 'delivered' });
      assert.equal(nginx.bodies.length, 1);
    }));

  it('gets smaller bodies when it answers 413, and all entries but one that is too large alone', () =>
    at('plain/small', async ({ deliver }) => {
      const messages = numbered(100);
      const large = JSON.stringify('y'.repeat(2000));
      const delivery = await deliver(...messages.slice(0, 70), large, ...messages.slice(70));
      assert.deepEqual(delivery.outcome === 'rejected' && delivery.rejections.map(({ index }) => index), [70]);
      assert.deepEqual(nginx.lines, messages);
      assert.ok(nginx.bodies.every((body) => body.length <= 1024));
    }));

  it('is given the pause that it asks for when it answers 429', () =>
    at('plain/busy', async ({ deliver }) => {
      const deliveries: Delivery[] = [];
      for (let i = 0; i < 20; i++) deliveries.push(await deliver(String(i)));
      const refused = deliveries.find(({ outcome }) => outcome === 'retryable');
      assert.ok(refused?.outcome === 'retryable', 'some are refused');
      assert.deepEqual([refused.code, refused.retryAfterMs, refused.needsOperator], ['HTTP_429', 1000, false]);
      assert.deepEqual(nginx.lines, deliveries.flatMap(({ outcome }, i) => (outcome === 'delivered' ? [String(i)] : [])));
    }));

  for (const [path, reason] of [
    ['down', 'HTTP 503 (Service Unavailable)'],
    ['dead', 'HTTP 502 (Bad Gateway)'],
    ['silent', 'HTTP 504 (Gateway Timeout)'],
    ['moved', 'HTTP 307 (Temporary Redirect): it points to https://other.example/moved, and redirects are not followed; set the URL to where the receiver is'],
    ['nothing', 'HTTP 404 (Not Found): there is nothing at this path; mend the URL'],
  ] as const) {
    it(`answers /${path} with ${/\d+/.exec(reason)![0]}, which costs nothing`, () => at(`plain/${path}`, async ({ deliver }) => assert.equal(reasonOf(await deliver(...numbered(3))), reason)));
  }

  it('may close every connection behind its answer', () =>
    at('once/', async ({ deliver }) => {
      for (let i = 0; i < 20; i++) assert.deepEqual(await deliver(String(i)), { outcome: 'delivered' });
      assert.deepEqual(nginx.lines, Array.from({ length: 20 }, (_, i) => String(i)));
    }));

  const trusting = (settings: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly insecure?: boolean }) =>
    openTlsIdentity({ ca: undefined, cert: undefined, key: undefined, serverName: undefined, insecure: false, ...settings }, { label: 'https', environment: {}, logger: new RecordedLogger(), memory: new Map() });

  it('is sent to over TLS only where its certificate is of an authority that is trusted', async () => {
    const ca = certificates.path('ca.crt');
    await at('secure/', async ({ deliver }) => {
      assert.deepEqual(await deliver('a'), { outcome: 'delivered' });
      assert.deepEqual(nginx.lines, ['a']);
    }, { scheme: 'https', tls: await trusting({ ca }) });
    await at('secure/', async ({ deliver }) => assert.match(reasonOf(await deliver('a')), /^the server's certificate is of an unknown authority/), { scheme: 'https', tls: await trusting({}) });
    await at('secure/', async ({ deliver }) => assert.equal(reasonOf(await deliver('a')), 'delivered'), { scheme: 'https', tls: await trusting({ insecure: true }) });
  });

  it('that wants a client certificate gets it; without one it refuses everything, and the probe tells', async () => {
    const ca = certificates.path('ca.crt');
    const client = certificates.issue('client');
    await at('mutual/', async ({ deliver, sink }) => {
      assert.equal(await sink.probe(never()), undefined);
      assert.deepEqual(await deliver('a'), { outcome: 'delivered' });
    }, { scheme: 'https', tls: await trusting({ ca, ...client }) });
    await at('mutual/', async ({ sink }) => assert.equal(await sink.probe(never()), 'HTTP 400 (Bad Request) to a HEAD request'), { scheme: 'https', tls: await trusting({ ca }) });
  });

  it('is shown a client certificate that was renewed meanwhile', async () => {
    certificates.authority('another');
    const renewed = certificates.issue('renewed', { by: 'another' });
    const tls = await trusting({ ca: certificates.path('ca.crt'), ...renewed });
    await at('mutual/', async ({ deliver, sink }) => {
      assert.equal(await sink.probe(never()), 'HTTP 400 (Bad Request) to a HEAD request');
      certificates.issue('renewed');
      assert.deepEqual(await deliver('a'), { outcome: 'delivered' });
    }, { scheme: 'https', tls });
  });
});
