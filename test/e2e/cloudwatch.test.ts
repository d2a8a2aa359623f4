import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Certificates } from '../support/certificates.js';
import { AwsCli, KEYS } from '../support/cloudwatch/aws-cli.js';
import { LocalCloudWatch } from '../support/cloudwatch/local-cloudwatch.js';
import { runForwarder } from '../support/forwarder.js';
import { makeJournal } from '../support/make-journal.js';
import { Tinyproxy } from '../support/tinyproxy.js';

const run = promisify(execFile);
const count = 3000;
const units = ['web.service', 'db.service', 'mail.service'];
/** What the machine might lend to the AWS client is not there. */
const environment = { ...KEYS, AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', HOME: '/nonexistent' };

describe('cloudwatch:, as a user runs it', { timeout: 120_000 }, () => {
  let folder: string;
  let service: LocalCloudWatch;
  let aws: AwsCli;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cloudwatch-'));
    const startUs = (Date.now() - 3_600_000) * 1000;
    const messages: readonly (string | Buffer)[] = ['plain', 'Grüße, 世界 😀\n\tline two', '', Buffer.from([0xff, 0x00, 0x41]), '{"level":"info"}', 'x'.repeat(30_000)];
    await makeJournal(join(folder, 'journal', 'system.journal'), Array.from({ length: count }, (_, index) => ({
      time: startUs + index * 1500,
      fields: { MESSAGE: index < messages.length ? messages[index]! : `GET /orders/${index} 200`, _HOSTNAME: 'h1', _SYSTEMD_UNIT: units[index % units.length]!, PRIORITY: '6' },
    })));
    service = await LocalCloudWatch.listen({ region: 'eu-central-1' });
    aws = new AwsCli(service.url);
  });
  after(async () => {
    await service.close();
    rmSync(folder, { recursive: true });
  });

  const argumentsFor = (group: string, settings: string): string[] => [`--directory=${join(folder, 'journal')}`, '--start=head', '--no-follow', '--no-checkpoint', `--state-dir=${join(folder, 'state')}`, `--to=cloudwatch:${group}?region=eu-central-1&${settings}`];
  const here = (): string => `endpoint=${service.url}`;

  it('what it wrote, the AWS command line reads back: each entry once, in its stream, with its time', async () => {
    const { code, stderr } = await runForwarder(argumentsFor('/servers/web', `stream={unit}&create=true&${here()}`), { env: environment });
    assert.equal(code, 0, stderr);
    const { stdout } = await run('journalctl', ['-q', '--all', '-o', 'json', `--directory=${join(folder, 'journal')}`], { maxBuffer: 1 << 28 });
    const logged = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(logged.length, count);
    const read = await aws.events('/servers/web');
    for (const unit of units) {
      const expected = logged.filter((entry) => entry['_SYSTEMD_UNIT'] === unit).map((entry) => [Math.floor(Number(entry['__REALTIME_TIMESTAMP']) / 1000), entry['__CURSOR'], entry['MESSAGE']]);
      const found = read.filter(({ logStreamName }) => logStreamName === unit).map(({ timestamp, message }) => {
        const { __CURSOR: cursor, MESSAGE: text, MESSAGE_BASE64: base64 } = JSON.parse(message) as Record<string, string>;
        // journalctl has an array of numbers for what is not text.
        return [timestamp, cursor, base64 === undefined ? text : [...Buffer.from(base64, 'base64')]];
      });
      assert.deepEqual(found, expected);
    }
    assert.equal(read.length, count);
  });

  it('what it refuses inside a good answer is set aside, counted by kind, and all else is there', async () => {
    service.create('strict', 'h1');
    service.faults.add({ kind: 'reject', times: 1, action: 'PutLogEvents', tooOld: 2, expired: 1, tooNew: 3 });
    const { code, stderr } = await runForwarder(argumentsFor('strict', `create=true&format=cat&${here()}`), { env: environment });
    assert.equal(code, 0, stderr);
    const letters = readFileSync(join(folder, 'state', 'dead-letters.ndjson'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { kind: string; content: string });
    assert.deepEqual(letters.map(({ kind }) => kind), ['too-old', 'too-old', 'expired', 'too-new', 'too-new', 'too-new']);
    const read = await aws.events('strict');
    // An empty message is none to CloudWatch.
    assert.equal(read.length + letters.length, count - 1);
    assert.ok(read.every(({ message }) => letters.every(({ content }) => content !== message)));
  });

  it('says before anything is sent whether all is well, and what is wrong', async () => {
    service.create('there');
    const checked = async (group: string, more = '', env: Readonly<Record<string, string>> = {}): Promise<string> => {
      const { code, stdout } = await runForwarder(['check', ...argumentsFor(group, `${here()}${more}`)], { env: { ...environment, ...env } });
      const line = stdout.toString().split('\n').find((text) => /^[✓✗] cloudwatch:/.test(text)) ?? stdout.toString();
      assert.equal(line.startsWith('✓'), code === 0, stdout.toString());
      return line;
    };
    assert.match(await checked('there'), /^✓ cloudwatch:there can be reached\.$/);
    assert.match(await checked('absent'), /^✗ cloudwatch:absent .*log group absent/);
    assert.match(await checked('absent', '&create=true'), /^✓ cloudwatch:absent /);
    const refused = await checked('there', '', { AWS_SECRET_ACCESS_KEY: 'zz-wrong-zz' });
    assert.match(refused, /^✗ cloudwatch:there .*InvalidSignatureException/);
    assert.ok(!refused.includes('zz-wrong-zz'));
    await assert.rejects(aws.logs(['describe-log-groups'], { ...KEYS, AWS_SECRET_ACCESS_KEY: 'zz-wrong-zz' }), /InvalidSignatureException/);
  });

  it('goes to an HTTPS endpoint through a proxy that wants a password', async () => {
    const certificates = new Certificates();
    const proxy = new Tinyproxy();
    await proxy.start();
    const { cert, key } = certificates.issue('service');
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (incoming, answer) => {
      incoming.pipe(request(`${service.url}${incoming.url}`, { method: incoming.method, headers: incoming.headers }, (from) => from.pipe(answer.writeHead(from.statusCode!, from.headers))));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const env = { ...environment, HTTPS_PROXY: `http://ada:pass@127.0.0.1:${proxy.port}`, NODE_EXTRA_CA_CERTS: certificates.path('ca.crt') };
    const { code, stderr } = await runForwarder(argumentsFor('secure', `create=true&format=cat&endpoint=https://127.0.0.1:${port}`), { env });
    assert.equal(code, 0, stderr);
    // An empty message is none to CloudWatch.
    assert.equal((await aws.events('secure')).length, count - 1);
    assert.deepEqual([...new Set(proxy.requests)], [`CONNECT 127.0.0.1:${port} HTTP/1.1`]);
    assert.ok(!stderr.includes('ada:pass'), stderr);
    server.closeAllConnections();
    server.close();
    await proxy.stop();
    certificates.remove();
  });

  it('does not start with a proxy that is none, and does where that is for other requests than its own', async () => {
    const run = (env: Readonly<Record<string, string>>) => runForwarder(argumentsFor('other', `create=true&${here()}`), { env: { ...environment, ...env } });
    const { code, stderr } = await run({ HTTP_PROXY: 'socks5://ada:hunter2@127.0.0.1:1' });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Invalid HTTP_PROXY: a proxy is written http:\/\/HOST:PORT/);
    assert.doesNotMatch(stderr, /hunter2/);
    assert.equal((await run({ HTTPS_PROXY: 'socks5://127.0.0.1:1' })).code, 0);
  });
});
