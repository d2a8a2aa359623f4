import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { LocalCloudWatch } from '../support/cloudwatch/local-cloudwatch.js';
import { executable } from '../support/executable.js';

const run = promisify(execFile);
const top = fileURLToPath(new URL('../..', import.meta.url));
const file = `${top}dist/journald-forwarder-linux-${arch}`;
/** Where no Node.js is found. */
const environment = { PATH: '/usr/bin:/bin', HOME: '/' };

describe('the one executable file', () => {
  before(() => executable(), { timeout: 120_000 });

  it('says of which commit it is', async () => {
    const { version } = JSON.parse(await readFile(`${top}package.json`, 'utf8')) as { version: string };
    const { stdout } = await run(file, ['--version'], { env: environment });
    assert.match(stdout, /^[\d.]+ \((?:[0-9a-f]{12}(?:\+changes)?|unknown commit)\)\n$/);
    assert.equal(stdout.split(' ')[0], version);
  });

  it('forwards the sample journal that it holds, started again by itself', async () => {
    const { stdout } = await run(file, ['demo'], { env: environment });
    assert.match(stdout, /Everything arrived, once and in order\.\n$/);
  });

  it('has every destination in it', async () => {
    for (const url of ['tcp://127.0.0.1:1', 'tls://127.0.0.1:1', 'udp://127.0.0.1:1', 'relp://127.0.0.1:1', 'relps://127.0.0.1:1', 'http://127.0.0.1:1', 'https://127.0.0.1:1', 'unix:///nowhere', 'logentries://127.0.0.1:1', 'cloudwatch:g?region=eu-central-1&endpoint=http://127.0.0.1:1']) {
      const credentials = { LOGENTRIES_TOKEN: 'test', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
      const { stdout } = await run(file, ['check', '--from', 'stdin', '--no-checkpoint', '--to', url], { env: { ...environment, ...credentials } }).catch((error: { stdout: string; stderr: string }) => error);
      // Nobody listens there, which only a sink can find out; over UDP nobody can.
      assert.match(stdout, url.startsWith('udp') ? /^✓ udp:.* can be reached\.$|^✗ udp:.* cannot be reached/m : /^✗ .* cannot be reached: /m, `${url}\n${stdout}`);
    }
  });

  it('forwards to CloudWatch Logs with the AWS client that it holds', async () => {
    const service = await LocalCloudWatch.listen({ region: 'eu-central-1' });
    const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_EC2_METADATA_DISABLED: 'true' };
    const forwarding = run(file, ['--from', 'stdin', '--to', `cloudwatch:logs?stream=one&region=eu-central-1&create=true&format=cat&endpoint=${service.url}`], { env: { ...environment, ...credentials } });
    forwarding.child.stdin!.end('the first line\nthe second\n');
    await forwarding;
    assert.deepEqual(service.events('logs', 'one').map(({ message }) => message), ['the first line', 'the second']);
    await service.close();
  });

  it('comes with its checksum, and with the licences of all that is in it', async () => {
    const [digest, name] = (await readFile(`${file}.sha256`, 'utf8')).trim().split('  ');
    assert.deepEqual([digest, name], [createHash('sha256').update(await readFile(file)).digest('hex'), `journald-forwarder-linux-${arch}`]);
    const licences = await readFile(`${file}.licenses.txt`, 'utf8');
    for (const of of ['journald-forwarder', 'Node.js 24', 'winston', 'zod']) assert.match(licences, new RegExp(`^${of}`, 'm'));
  });
});
