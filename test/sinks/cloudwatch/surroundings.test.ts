import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { createCloudWatchSink } from '../../../src/sinks/cloudwatch/index.js';
import { LocalCloudWatch } from '../../support/cloudwatch/local-cloudwatch.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { batchOf, never } from '../../support/sink-conformance.js';
import { keysOf, restoreEnvironment } from './aws-environment.js';

describe('the surroundings of the CloudWatch destination', { timeout: 60_000 }, () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => { for (const one of open.splice(0)) await one.close(); });
  after(restoreEnvironment);

  const regions: readonly { readonly title: string; readonly region?: string; readonly env: Readonly<Record<string, string>>; readonly is: string }[] = [
    { title: 'region=', region: 'eu-west-1', env: { AWS_REGION: 'eu-west-2' }, is: 'eu-west-1' },
    { title: 'AWS_REGION', env: { AWS_REGION: 'eu-west-2', AWS_DEFAULT_REGION: 'eu-west-3' }, is: 'eu-west-2' },
    { title: 'AWS_DEFAULT_REGION', env: { AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-3' }, is: 'eu-west-3' },
  ];
  for (const { title, region, env, is } of regions) {
    test(`signs for the region of ${title}`, async () => {
      keysOf('test', 'test');
      assert.deepEqual(await putTo(is, { region, environment: env }), 'delivered');
    });
  }

  test('signs for the region that the instance tells, with the token that IMDSv2 wants', async () => {
    keysOf('test', 'test');
    const asked: string[] = [];
    const metadata = await listen((incoming, answer) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      if (incoming.method === 'PUT' && incoming.url === '/latest/api/token') answer.end('the-token');
      else if (incoming.headers['x-aws-ec2-metadata-token'] === 'the-token' && incoming.url === '/latest/meta-data/placement/region') answer.end('ap-south-1');
      else answer.writeHead(404).end();
    });
    delete process.env['AWS_EC2_METADATA_DISABLED'];
    process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = metadata;
    assert.equal(await putTo('ap-south-1', {}), 'delivered');
    assert.deepEqual(asked, ['PUT /latest/api/token', 'GET /latest/meta-data/placement/region']);
  });

  test('says what to do where nothing tells a region', async () => {
    keysOf('test', 'test');
    assert.match(await putTo('eu-west-1', { environment: { AWS_EC2_METADATA_DISABLED: 'true' } }), /no AWS region is known; add region= or set AWS_REGION/);
  });

  test('goes through the proxy that its environment names in HTTP_PROXY, and not where NO_PROXY says so', async () => {
    keysOf('test', 'test');
    let requests = 0;
    const proxy = await listen((incoming, answer) => {
      requests += 1;
      assert.equal(incoming.headers['proxy-authorization'], `Basic ${Buffer.from('ada:p%ss').toString('base64')}`);
      const { 'proxy-authorization': _, ...headers } = incoming.headers;
      incoming.pipe(request(incoming.url!, { method: incoming.method, headers }, (forwarded) => forwarded.pipe(answer.writeHead(forwarded.statusCode!, forwarded.headers))));
    });
    // What the process has, but the destination was not given.
    process.env['HTTP_PROXY'] = 'http://127.0.0.1:1';
    const environment = { HTTP_PROXY: proxy.replace('//', '//ada:p%ss@') };
    for (const [NO_PROXY, isProxied] of [['', true], ['127.0.0.1:1', true], ['127.0.0.0/8', false], ['example.com,127.0.0.1', false]] as const) {
      requests = 0;
      assert.equal(await putTo('eu-west-1', { region: 'eu-west-1', environment: { ...environment, NO_PROXY } }), 'delivered');
      assert.equal(requests > 0, isProxied, NO_PROXY);
    }
  });

  test('says which variable holds no proxy, and not what it holds', async () => {
    keysOf('test', 'test');
    assert.match(await putTo('eu-west-1', { region: 'eu-west-1', environment: { http_proxy: 'socks5://ada:hunter2@p:1' } }), /^Invalid http_proxy: a proxy is written http:\/\/HOST:PORT[^2]*; mend the variable\.$/);
  });

  async function listen(answer: (incoming: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const server = createServer(answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push({ close: () => { server.closeAllConnections(); server.close(); } });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Puts one message into a service of that region alone, and says what came of it. */
  async function putTo(servedRegion: string, options: { readonly region?: string | undefined; readonly environment?: Readonly<Record<string, string>> }): Promise<string> {
    const service = await LocalCloudWatch.listen({ region: servedRegion });
    open.push(service);
    service.create('logs', 'web');
    const sink = createCloudWatchSink({
      group: 'logs', stream: ['web'], region: options.region, endpoint: service.url, create: false, retentionDays: undefined,
      eventBytes: 1_048_576, maxAgeMs: 1000, environment: options.environment ?? {}, logger: new RecordedLogger(),
    });
    const delivery = await sink.deliver(batchOf('none', ['x'], 'web'), never());
    await sink.close(never());
    return delivery.outcome === 'retryable' ? delivery.reason : delivery.outcome;
  }
});
