import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { SecretText } from '../../src/core/secret.js';
import type { Delivery } from '../../src/core/sink.js';
import type { HttpSinkOptions } from '../../src/sinks/http.js';
import { HttpReceiver, type HttpReceiverOptions, type HttpReply, type HttpRequest } from '../support/http-receiver.js';
import { httpSinkTo } from '../support/http-sink.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { batchOf, never, testSinkConformance, turns } from '../support/sink-conformance.js';

for (const [name, options] of Object.entries({ 'http': {}, 'http with gzip': { compress: 'gzip' }, 'http with four in flight': { inFlight: 4 } } satisfies Record<string, Partial<HttpSinkOptions>>)) {
  testSinkConformance(name, async () => {
    const receiver = await HttpReceiver.start();
    return {
      sink: httpSinkTo(receiver.port, options),
      received: async (count) => {
        await receiver.until(() => receiver.taken.length >= count);
        // Requests that are under way together may arrive in any order.
        return 'inFlight' in options ? inOrder(receiver.taken) : receiver.taken;
      },
      stop: () => receiver.stop(),
    };
  }, { backpressure: false });
}

/** `12 first`, `12 second`: by number, those of one request as they are. */
function inOrder(messages: readonly string[]): readonly string[] {
  return [...messages].sort((a, b) => parseInt(a, 10) - parseInt(b, 10));
}

/** Runs with a sink and a receiver that answers so. */
async function withReceiver(answer: HttpReceiverOptions['answer'] | HttpReceiverOptions, options: Partial<HttpSinkOptions>, body: (part: { readonly receiver: HttpReceiver; readonly deliver: (...messages: string[]) => Promise<Delivery>; readonly sink: ReturnType<typeof httpSinkTo> }) => Promise<void>): Promise<void> {
  const receiver = await HttpReceiver.start(typeof answer === 'function' ? { answer } : answer);
  const sink = httpSinkTo(receiver.port, options);
  try {
    await body({ receiver, sink, deliver: (...messages) => sink.deliver(batchOf('lf', messages), never()) });
  } finally {
    await sink.close(AbortSignal.abort());
    await receiver.stop();
  }
}

const text = (text: string) => ({ read: () => Promise.resolve(text) });

describe('an HTTP request', { timeout: 60_000 }, () => {
  it('is a POST of lines of JSON to the path and the query of the URL, just as they were written', () =>
    withReceiver(undefined, { path: '/a%2Fb//c', query: new SecretText('x=%20&y&jf=1') }, async ({ receiver, deliver }) => {
      assert.deepEqual(await deliver('{"a":1}', '{"b":2}'), { outcome: 'delivered' });
      const [request] = receiver.requests;
      assert.deepEqual([request?.method, request?.url], ['POST', '/a%2Fb//c?x=%20&y&jf=1']);
      assert.equal(request?.headers['content-type'], 'application/x-ndjson');
      assert.equal(request?.body.toString(), '{"a":1}\n{"b":2}\n');
    }));

  it('can hold one JSON array instead, whose size counts whole', () =>
    withReceiver(undefined, { body: 'array', batchBytes: 20 }, async ({ receiver, deliver, sink }) => {
      assert.equal(sink.limits.maxBytes, 19);
      await deliver('{"a":"[1,2]"}');
      await deliver('{"a":1}', '{}', '{"b":[]}');
      assert.deepEqual(receiver.requests.map(({ body }) => body.toString()), ['[{"a":"[1,2]"}]', '[{"a":1},{}]', '[{"b":[]}]']);
      assert.equal(receiver.requests[0]?.headers['content-type'], 'application/json');
    }));

  it('can be compressed', () =>
    withReceiver(undefined, { compress: 'gzip' }, async ({ receiver, deliver }) => {
      const message = JSON.stringify({ MESSAGE: 'x'.repeat(10_000) });
      await deliver(message);
      assert.equal(receiver.requests[0]?.headers['content-encoding'], 'gzip');
      assert.ok(receiver.requests[0].body.length < 500);
      assert.deepEqual(receiver.taken, [message]);
    }));

  it('carries the headers and the credentials of the settings, as they are at that moment', async () => {
    let token = 'first';
    await withReceiver(undefined, { headers: [{ name: 'X-Scope', value: text('tenant') }, { name: 'content-type', value: text('application/json-seq') }], credentials: { token: { read: () => Promise.resolve(token) } } }, async ({ receiver, deliver }) => {
      await deliver('{}');
      token = 'second';
      await deliver('{}');
      assert.deepEqual(receiver.requests.map(({ headers }) => [headers['x-scope'], headers['content-type'], headers.authorization]), [['tenant', 'application/json-seq', 'Bearer first'], ['tenant', 'application/json-seq', 'Bearer second']]);
    });
    await withReceiver(undefined, { credentials: { user: 'ada', password: text('pässword:') } }, async ({ receiver, deliver }) => {
      await deliver('{}');
      assert.equal(receiver.requests[0]?.headers.authorization, `Basic ${Buffer.from('ada:pässword:').toString('base64')}`);
    });
  });

  it('goes over connections that are kept', () =>
    withReceiver(undefined, {}, async ({ receiver, deliver }) => {
      for (let i = 0; i < 5; i++) await deliver('{}');
      assert.equal(receiver.connections, 1);
    }));

  it('goes over none that the receiver has said it is about to close', () =>
    withReceiver(() => ({ status: 200, headers: { 'Keep-Alive': 'timeout=2' } }), {}, async ({ receiver, deliver }) => {
      for (let i = 0; i < 3; i++) await deliver('{}');
      assert.equal(receiver.connections, 3);
    }));

  it('goes over another where a kept one was closed under it', async () => {
    const seen: number[] = [];
    const onHeaders: HttpReceiverOptions['onHeaders'] = ({ socket }) => {
      seen.push(socket.remotePort!);
      if (seen.length === 2) socket.resetAndDestroy();
      return seen.length === 2;
    };
    await withReceiver({ onHeaders }, {}, async ({ receiver, deliver }) => {
      for (const message of ['a', 'b', 'c']) assert.deepEqual(await deliver(message), { outcome: 'delivered' });
      assert.deepEqual(receiver.taken, ['a', 'b', 'c']);
      assert.deepEqual([seen.length, new Set(seen).size, seen[0] === seen[1], seen[2] === seen[3]], [4, 2, true, true]);
    });
  });

  it('has a key that is the same for the same entries, and for no others', async () => {
    const keys = new Set<unknown>();
    let replies: HttpReply[] = [503, 204, 204, 204];
    const answer = ({ headers }: HttpRequest): HttpReply => (keys.add(headers['idempotency-key']), replies.shift()!);
    await withReceiver(answer, {}, async ({ deliver }) => {
      assert.equal((await deliver('a', 'b')).outcome, 'retryable');
      assert.equal((await deliver('a', 'b')).outcome, 'delivered');
      assert.equal(keys.size, 1);
      await deliver('b', 'c');
      await deliver('a');
      assert.equal(keys.size, 3);
    });
    replies = [204, 204];
    await withReceiver(answer, {}, async ({ deliver }) => {
      await deliver('a', 'b');
      assert.equal(keys.size, 3, 'after a restart, too');
    });
    await withReceiver(answer, { origin: 'another' }, async ({ deliver }) => {
      await deliver('a', 'b');
      assert.equal(keys.size, 4);
    });
  });

  it('has the same key when it is sent again because its answer was lost', async () => {
    let losses = 3;
    await withReceiver(() => (losses-- > 0 ? (_response, socket) => socket.resetAndDestroy() : 200), {}, async ({ receiver, deliver }) => {
      for (let i = 0; i < 2; i++) assert.equal((await deliver('a', 'b', 'c')).outcome, 'retryable');
      assert.deepEqual(new Set(receiver.requests.map(({ headers, messages }) => `${headers['idempotency-key'] as string} ${messages.join()}`)).size, 1);
    });
  });
});

describe('an answer', { timeout: 60_000 }, () => {
  for (const status of [200, 201, 202, 204, 207]) {
    it(`${status} delivers`, () => withReceiver(() => status, {}, async ({ deliver }) => assert.deepEqual(await deliver('{}'), { outcome: 'delivered' })));
  }

  for (const [status, reason] of [
    [408, 'HTTP 408 (Request Timeout)'],
    [425, 'HTTP 425 (Too Early)'],
    [429, 'HTTP 429 (Too Many Requests)'],
    [500, 'HTTP 500 (Internal Server Error)'],
    [502, 'HTTP 502 (Bad Gateway)'],
    [503, 'HTTP 503 (Service Unavailable)'],
    [504, 'HTTP 504 (Gateway Timeout)'],
    [599, 'HTTP 599'],
  ] as const) {
    it(`${status} is to be tried again`, () =>
      withReceiver(() => status, {}, async ({ deliver }) => assert.deepEqual(await deliver('{}', '{}'), { outcome: 'retryable', code: `HTTP_${status}`, reason, deliveredCount: 0, rejections: [], needsOperator: false })));
  }

  for (const [status, reason] of [
    [401, 'HTTP 401 (Unauthorized): it wants other credentials; mend them'],
    [403, 'HTTP 403 (Forbidden): it forbids what these credentials ask for; mend them, or the URL'],
    [404, 'HTTP 404 (Not Found): there is nothing at this path; mend the URL'],
    [405, 'HTTP 405 (Method Not Allowed): it takes no POST there; mend the URL'],
    [407, 'HTTP 407 (Proxy Authentication Required): the proxy wants credentials; give USER:PASSWORD@ in its variable'],
    [410, 'HTTP 410 (Gone): there is nothing at this path any more; mend the URL'],
    [411, 'HTTP 411 (Length Required): see that the URL is that of the receiver'],
    [415, 'HTTP 415 (Unsupported Media Type): it does not take such a body; try another format, or another Content-Type header'],
    [418, 'HTTP 418 (I\'m a Teapot): see that the URL is that of the receiver'],
    [304, 'HTTP 304 (Not Modified): redirects are not followed; set the URL to where the receiver is'],
  ] as const) {
    it(`${status} is about the destination: it costs no entry, and is told to the operator`, () =>
      withReceiver(() => status, {}, async ({ deliver }) => assert.deepEqual(await deliver('{}', '{}'), { outcome: 'retryable', code: `HTTP_${status}`, reason, deliveredCount: 0, rejections: [], needsOperator: true })));
  }

  it('that redirects is not followed, and tells where it points, but nothing that may repeat a secret', async () => {
    const other = await HttpReceiver.start();
    for (const [location, points] of [
      [`http://127.0.0.1:${other.port}/in?token=hunter2`, `it points to http://127.0.0.1:${other.port}/in, and `],
      ['https://ada:hunter2@other.example/in/', 'it points to https://other.example/in/, and '],
      ['https://other.example/hunter2', 'it points to https://other.example/…, and '],
      ['/hunter2', 'it points elsewhere on this host, and '],
    ] as const) {
      await withReceiver(() => ({ status: 307, headers: { Location: location } }), { path: '/in', query: new SecretText('token=hunter2'), credentials: { token: text('hunter2') } }, async ({ deliver }) => {
        const delivery = await deliver('{}');
        assert.ok(delivery.outcome === 'retryable');
        assert.equal(delivery.reason, `HTTP 307 (Temporary Redirect): ${points}redirects are not followed; set the URL to where the receiver is`);
      });
    }
    assert.equal(other.connections, 0);
    await other.stop();
  });

  it('that asks for a pause gets it, in seconds or until a date, within an hour', async () => {
    const now = Date.parse('Sat, 21 Nov 2026 10:00:00 GMT');
    for (const [header, retryAfterMs] of [['7', 7000], ['0', 0], ['999999999', 3_600_000], ['Sat, 21 Nov 2026 10:00:30 GMT', 30_000], ['Sat, 21 Nov 2026 09:00:00 GMT', 0], ['soon', undefined]] as const) {
      await withReceiver(() => ({ status: 429, headers: { 'Retry-After': header } }), { now: () => now }, async ({ deliver }) => {
        const delivery = await deliver('{}');
        assert.ok(delivery.outcome === 'retryable');
        assert.equal(delivery.retryAfterMs, retryAfterMs, header);
      });
    }
  });

  it('counts by its status, however long its body is, and whether or not it ends', async () => {
    const bodies: ((response: Parameters<Extract<HttpReply, (...args: never[]) => void>>[0]) => void)[] = [
      (response) => response.writeHead(200).end('x'.repeat(5_000_000)),
      (response) => response.writeHead(200, { 'Content-Length': 1_000_000_000 }).write('x'.repeat(1000)),
      (response) => void response.writeHead(200).write('x', () => response.destroy()),
    ];
    for (const body of bodies) await withReceiver(() => body, {}, async ({ deliver }) => assert.equal((await deliver('{}')).outcome, 'delivered'));
  });

  it('that comes before the body was read counts, and harms no later request', async () => {
    let early = 2;
    const onHeaders: HttpReceiverOptions['onHeaders'] = (request, response) => {
      if (early-- <= 0) return false;
      response.writeHead(503, { Connection: 'close' }).end();
      request.resume();
      return true;
    };
    await withReceiver({ onHeaders }, {}, async ({ receiver, deliver }) => {
      const large = ['x'.repeat(900_000)];
      for (let i = 0; i < 2; i++) assert.equal((await deliver(...large)).outcome, 'retryable');
      assert.equal((await deliver(...large)).outcome, 'delivered');
      assert.deepEqual(receiver.taken, large);
    });
  });

  it('413 counts, though the connection is reset before the body is sent', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', () => socket.resetAndDestroy())));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sink = httpSinkTo((server.address() as AddressInfo).port);
    assert.deepEqual(await sink.deliver(batchOf('lf', ['x'.repeat(20_000_000)]), never()), { outcome: 'rejected', rejections: [{ index: 0, kind: 'too-large', reason: 'HTTP 413 (Payload Too Large)' }] });
    await sink.close(never());
    server.close();
  });

  it('that takes a body before it was read ends the delivery no sooner than the body is sent', async () => {
    let body: Promise<Buffer> | undefined;
    const onHeaders: HttpReceiverOptions['onHeaders'] = (request, response) => {
      // Complete for who gets it; a server of Node's that has ended it would read no more.
      response.writeHead(202, { 'Content-Length': 0 }).flushHeaders();
      body = turns(50).then(async () => Buffer.concat((await request.toArray()) as Buffer[])).finally(() => response.end());
      return true;
    };
    await withReceiver({ onHeaders }, {}, async ({ sink }) => {
      const batch = batchOf('lf', ['x'.repeat(20_000_000)]);
      assert.deepEqual(await sink.deliver(batch, never()), { outcome: 'delivered' });
      // As the next batch does, whose messages take the same place.
      batch.bytes.fill(0x79);
      assert.ok((await body!).equals(Buffer.from(`${'x'.repeat(20_000_000)}\n`)));
    });
  });

  it('of the kind that is followed by another is none', () =>
    withReceiver({ onHeaders: (_request, response) => (response.writeProcessing(), response.writeEarlyHints({ link: '</a>' }), false) }, {}, async ({ receiver, deliver }) => {
      assert.deepEqual(await deliver('{}'), { outcome: 'delivered' });
      assert.equal(receiver.requests.length, 1);
    }));
});

describe('a destination that gives no answer', { timeout: 60_000 }, () => {
  const failures: Readonly<Record<string, readonly [(socket: Socket) => void, string, string]>> = {
    'resets the connection': [(socket) => socket.once('data', () => socket.resetAndDestroy()), 'ECONNRESET', 'the receiver reset the connection'],
    'closes it': [(socket) => socket.once('data', () => socket.end()), 'EPIPE', 'the receiver closed the connection'],
    'speaks something else': [(socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), 'NOT_HTTP', 'what answers does not speak HTTP'],
    'breaks off within the headers': [(socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Le')), 'EPIPE', 'the receiver closed the connection'],
    'never ends its headers': [(socket) => socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${`X: ${'y'.repeat(1000)}\r\n`.repeat(40)}`)), 'HPE_HEADER_OVERFLOW', 'the answer has too many headers'],
    'says nothing': [() => undefined, 'ETIMEDOUT', 'no answer within 0.3 s'],
    'answers a byte now and then': [(socket) => void socket.once('data', () => socket.write('H')), 'ETIMEDOUT', 'no answer within 0.3 s'],
  };
  for (const [what, [behave, code, reason]] of Object.entries(failures)) {
    it(`since it ${what}, is tried again`, async () => {
      const server = createServer((socket) => behave(socket.on('error', () => undefined).resume()));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const sink = httpSinkTo((server.address() as AddressInfo).port, { timeoutMs: code === 'ETIMEDOUT' ? 300 : 20_000 });
      assert.deepEqual(await sink.deliver(batchOf('lf', ['{}']), never()), { outcome: 'retryable', code, reason, deliveredCount: 0, rejections: [], needsOperator: false });
      await sink.close(never());
      server.close();
      await once(server, 'close');
    });
  }

  it('since nobody listens, is tried again', async () => {
    const receiver = await HttpReceiver.start();
    const { port } = receiver;
    await receiver.stop();
    const sink = httpSinkTo(port);
    const delivery = await sink.deliver(batchOf('lf', ['{}']), never());
    assert.ok(delivery.outcome === 'retryable');
    assert.deepEqual([delivery.code, delivery.reason], ['ECONNREFUSED', 'connection refused']);
    assert.equal(await sink.probe(never()), 'connection refused');
    await sink.close(never());
  });

  it('cannot keep a delivery that is aborted, nor a close, nor a connection', async () => {
    const hangs: HttpReceiverOptions = { onHeaders: () => true };
    await withReceiver(hangs, {}, async ({ receiver, sink }) => {
      const stopping = new AbortController();
      const delivery = sink.deliver(batchOf('lf', ['x'.repeat(20_000_000)]), stopping.signal);
      await receiver.until(() => receiver.openConnections === 1);
      stopping.abort();
      assert.deepEqual(await delivery, { outcome: 'retryable', code: 'ABORTED', reason: 'stopped', deliveredCount: 0, rejections: [], needsOperator: false });
      await receiver.until(() => receiver.openConnections === 0);

      const another = sink.deliver(batchOf('lf', ['{}']), never());
      await receiver.until(() => receiver.openConnections === 1);
      const closing = new AbortController();
      const closed = sink.close(closing.signal);
      assert.equal(await Promise.race([closed, turns(20)]), undefined);
      closing.abort();
      await closed;
      assert.equal((await another).outcome, 'retryable');
      await receiver.until(() => receiver.openConnections === 0);
    });
  });

  it('has as long as its attempts need: each request has its own limit', () =>
    withReceiver(({ messages }) => (messages.length > 1 ? 413 : 200), { timeoutMs: 1000 }, async ({ sink, deliver }) => {
      assert.equal(sink.attemptTimeoutMs, 11_000);
      const delivery = deliver('a', 'b', 'c', 'd');
      const limits = new Set<number>();
      while ((await Promise.race([delivery, turns(1)])) === undefined) limits.add(sink.attemptTimeoutMs!);
      assert.ok(Math.max(...limits) >= 44_000, String([...limits]));
      assert.equal(sink.attemptTimeoutMs, 11_000);
    }));
});

describe('a batch that the receiver does not take as it is', { timeout: 60_000 }, () => {
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `{"n":${i}}`);

  it('is halved until its parts are small enough, and later ones are cut from the start', () =>
    withReceiver(({ body }) => (body.length > 300 ? 413 : 200), {}, async ({ receiver, deliver }) => {
      const messages = numbered(100);
      assert.deepEqual(await deliver(...messages), { outcome: 'delivered' });
      assert.deepEqual(receiver.taken, messages);
      const before = receiver.requests.length;
      assert.deepEqual(await deliver(...messages), { outcome: 'delivered' });
      assert.deepEqual(receiver.taken, [...messages, ...messages]);
      const statuses = receiver.requests.slice(before).map(({ body }) => body.length > 300);
      assert.ok(statuses.filter(Boolean).length <= 3, `${statuses.filter(Boolean).length} of ${statuses.length} were too large`);
    }));

  it('says once in the log that smaller ones are sent', async () => {
    const logger = new RecordedLogger();
    await withReceiver(({ body }) => (body.length > 20 ? 413 : 200), { logger }, async ({ deliver }) => {
      for (let i = 0; i < 3; i++) await deliver(...numbered(8));
      assert.deepEqual(logger.lines, ['info: HTTP 413 (Payload Too Large): the receiver takes no body of 64 bytes, so smaller ones are sent; batchBytes can say so from the start']);
    });
  });

  it('loses the single message that is too large, and no other', () =>
    withReceiver(({ body }) => (body.length > 30 ? 413 : 200), {}, async ({ receiver, deliver }) => {
      const large = JSON.stringify({ large: 'x'.repeat(50) });
      assert.deepEqual(await deliver('{"n":0}', large, '{"n":2}'), { outcome: 'rejected', rejections: [{ index: 1, kind: 'too-large', reason: 'HTTP 413 (Payload Too Large)' }] });
      assert.deepEqual(receiver.taken, ['{"n":0}', '{"n":2}']);
    }));

  for (const status of [400, 422] as const) {
    it(`loses the single message that is refused with ${status}, and no other`, () =>
      withReceiver(({ messages }) => (messages.includes('{"n":13}') ? status : 200), {}, async ({ receiver, deliver }) => {
        const delivery = await deliver(...numbered(50));
        assert.ok(delivery.outcome === 'rejected');
        assert.deepEqual(delivery.rejections.map(({ index }) => index), [13]);
        assert.match(delivery.rejections[0]!.reason, new RegExp(`^HTTP ${status} `));
        assert.deepEqual(receiver.taken, numbered(50).filter((_, i) => i !== 13));
      }));
  }

  it('keeps what was settled of it when the receiver fails in between', async () => {
    let requests = 0;
    await withReceiver(({ messages }) => (++requests > 12 ? 503 : messages.some((message) => message === '{"n":1}' || message === '{"n":30}') ? 400 : 200), {}, async ({ receiver, deliver }) => {
      const delivery = await deliver(...numbered(32));
      assert.ok(delivery.outcome === 'retryable');
      assert.deepEqual(delivery.rejections?.map(({ index }) => index), [1]);
      assert.ok(delivery.deliveredCount! > 2);
      assert.deepEqual(receiver.taken, numbered(32).slice(0, delivery.deliveredCount).filter((_, i) => i !== 1));
    });
  });

  it('is not thrown away message by message by a destination that refuses everything', async () => {
    let takes = true;
    await withReceiver(() => (takes ? 200 : 400), {}, async ({ receiver, deliver }) => {
      await deliver('{}');
      takes = false;
      const first = await deliver(...numbered(300));
      assert.ok(first.outcome === 'retryable');
      assert.match(first.reason, /^HTTP 400 \(Bad Request\) to each of the last \d+ entries, and it took none in between; mend the URL, the format or the credentials$/);
      assert.equal(first.needsOperator, true);
      assert.equal(first.rejections?.length, 99);
      assert.equal(first.deliveredCount, 99);
      const again = await deliver(...numbered(300).slice(99));
      assert.ok(again.outcome === 'retryable');
      assert.deepEqual([again.rejections, again.deliveredCount], [[], 0]);
      const single = await deliver('{"n":99}');
      assert.ok(single.outcome === 'retryable');
      takes = true;
      assert.deepEqual(await deliver(...numbered(300).slice(99)), { outcome: 'delivered' });
      assert.equal(receiver.taken.length, 202);
    });
  });
});

describe('a probe', { timeout: 60_000 }, () => {
  for (const [status, fault] of [[200, undefined], [400, /^HTTP 400 \(Bad Request\) to a HEAD request$/], [404, undefined], [405, undefined], [501, undefined], [401, /^HTTP 401/], [407, /^HTTP 407/], [502, /^HTTP 502/]] as const) {
    it(`that is answered with ${status} finds ${fault === undefined ? 'the receiver' : 'a fault'}, and sends nothing`, () =>
      withReceiver(() => status, { credentials: { token: text('t') } }, async ({ receiver, sink }) => {
        const found = await sink.probe(never());
        if (fault === undefined) assert.equal(found, undefined);
        else assert.match(found!, fault);
        assert.deepEqual(receiver.requests.map(({ method, headers, body }) => [method, headers.authorization, body.length]), [['HEAD', 'Bearer t', 0]]);
        await receiver.until(() => receiver.openConnections === 0);
      }));
  }
});
