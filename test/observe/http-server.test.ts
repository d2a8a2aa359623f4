import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { OperatorError } from '../../src/core/errors.js';
import { startMonitorServer, type Monitored, type MonitorServer } from '../../src/observe/http-server.js';
import { RecordedLogger } from '../support/recorded-logger.js';

describe('the monitor server', { timeout: 30_000 }, () => {
  let server: MonitorServer | undefined;
  const logger = new RecordedLogger();
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('answers /metrics in the content type that it is given, also behind a query', async () => {
    const url = await start({ metrics: () => Promise.resolve('a 1\n') });
    for (const path of ['/metrics', '/metrics?name=x']) {
      const response = await fetch(url + path);
      assert.deepEqual([response.status, response.headers.get('content-type'), await response.text()], [200, 'text/test', 'a 1\n']);
    }
  });

  it('answers /healthz and /readyz with ok, or with 503 and a line for each reason', async () => {
    let faults: readonly string[] = [];
    const url = await start({ stuck: () => faults, notReady: () => faults });
    for (const path of ['/healthz', '/readyz']) {
      assert.deepEqual(await answerOf(url + path), [200, 'ok\n']);
      faults = ['one: refused', 'two: refused'];
      assert.deepEqual(await answerOf(url + path), [503, 'one: refused\ntwo: refused\n']);
      faults = [];
    }
  });

  it('answers HEAD without a body, other methods with 405 and other paths with 404', async () => {
    const url = await start();
    const head = await fetch(`${url}/readyz`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '3', '']);
    const post = await fetch(`${url}/metrics`, { method: 'POST', body: 'x' });
    assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD']);
    assert.deepEqual(await answerOf(`${url}/`), [404, 'There are /metrics, /healthz and /readyz.\n']);
  });

  it('answers 500, and logs why, where the metrics cannot be made', async () => {
    const url = await start({ metrics: () => Promise.reject(new Error('no such thing')) });
    assert.deepEqual(await answerOf(`${url}/metrics`), [500, 'This failed; the log says why.\n']);
    await logger.line(/^error: Cannot answer GET \/metrics: no such thing$/);
  });

  it('closes although a scraper keeps its connection open', async () => {
    const url = await start();
    await answerOf(`${url}/healthz`);
    await server!.close();
    server = undefined;
    await assert.rejects(fetch(`${url}/healthz`));
  });

  it('listens on IPv6 too', async () => {
    server = await startMonitorServer({ host: '::1', port: 0 }, monitored(), logger);
    assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
    assert.deepEqual(await answerOf(`${server.url}/healthz`), [200, 'ok\n']);
  });

  it('says which address is taken, or is none of this machine\'s, and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await assert.rejects(startMonitorServer({ host: '127.0.0.1', port }, monitored(), logger), (error) => {
      assert.ok(error instanceof OperatorError);
      assert.deepEqual([error.code, error.message], ['ERR_METRICS', `Cannot listen on --metrics 127.0.0.1:${port}: another program listens there. Stop it, or choose another port.`]);
      return true;
    });
    other.close();
    await assert.rejects(startMonitorServer({ host: '192.0.2.1', port: 0 }, monitored(), logger), /Cannot listen on --metrics 192\.0\.2\.1:0: this machine has no such address\. Name one of its own, 127\.0\.0\.1 or 0\.0\.0\.0\./);
  });

  async function start(more: Partial<Monitored> = {}): Promise<string> {
    server = await startMonitorServer({ host: '127.0.0.1', port: 0 }, monitored(more), logger);
    return server.url;
  }
});

function monitored(more: Partial<Monitored> = {}): Monitored {
  return { contentType: 'text/test', metrics: () => Promise.resolve(''), stuck: () => [], notReady: () => [], ...more };
}

async function answerOf(url: string): Promise<[number, string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}
