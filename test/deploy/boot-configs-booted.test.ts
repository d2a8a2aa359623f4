import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BootedSystemd } from '../support/booted-systemd.js';
import { Certificates } from '../support/certificates.js';
import { LocalCloudWatch } from '../support/cloudwatch/local-cloudwatch.js';
import { eventually } from '../support/eventually.js';
import { HttpReceiver } from '../support/http-receiver.js';
import { StreamReceiver } from '../support/stream-receiver.js';
import { machineFiles } from './machine-files.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const UNIT = 'journald-forwarder.service';
const INSTALLED = '/usr/local/lib/journald-forwarder';
/** In place of the one executable file: it needs the program as built, and Node.js, both of which the machine has. */
const PROGRAM = `#!/bin/sh\nexec /usr/local/bin/node ${INSTALLED}/bin/journald-forwarder.js "$@"\n`;
/** As a person puts addresses and secrets into a boot config. */
type FillIn = Readonly<Record<string, string>>;

describe('a machine that has read a boot config', { timeout: 120_000 }, () => {
  let system: BootedSystemd;
  let programs: Server;
  const ends: (() => unknown)[] = [];

  before(async () => {
    const parts = ['bin', 'dist', 'package.json'];
    const installed = parts.map((part) => [`${INSTALLED}/${part}`, join(repository, part)]);
    system = await BootedSystemd.boot({
      binds: { '/usr/local/bin/node': process.execPath, [`${INSTALLED}/node_modules`]: await realpath(join(repository, 'node_modules')), ...Object.fromEntries(installed) as Record<string, string> },
      files: { '/etc/systemd/journald.conf.d/test.conf': '[Journal]\nRateLimitIntervalSec=0\n' },
    });
    programs = createServer((_request, response) => response.end(PROGRAM)).listen(0, '127.0.0.1');
    await once(programs, 'listening');
  });
  after(async () => {
    programs?.close();
    await system?.stop();
  });
  afterEach(async () => {
    await system.run('systemctl', 'disable', '--now', UNIT);
    await system.output('sh', '-c', `rm -rf /etc/journald-forwarder /etc/systemd/system/${UNIT}* /opt/bin/journald-forwarder* /usr/local/bin/journald-forwarder* /var/lib/private/journald-forwarder`);
    for (const end of ends.splice(0)) await end();
  });

  /** Does what the reader of a boot config does with it, and starts the unit. */
  async function read(config: string, fillIn: FillIn): Promise<void> {
    const files = machineFiles(config);
    for (const from of Object.keys(fillIn)) assert.ok(files.some(({ text }) => text?.includes(from)), `${config} has no ${from}`);
    for (const { path, mode, text } of files) {
      // Only the program is fetched before anything runs.
      await system.write(path, text === undefined ? PROGRAM : path.startsWith('/etc/journald-forwarder/') ? filledIn(text, fillIn) : text);
      await chmod(system.path(path), mode);
    }
    await system.output('systemctl', 'daemon-reload');
    const { exitCode } = await system.run('systemctl', 'enable', '--now', UNIT);
    if (exitCode !== 0) assert.fail(await system.output('journalctl', '--output=cat', '--unit', UNIT));
  }

  const log = (word: string): Promise<string> => system.output('logger', '--tag', 'test', word);

  it('sends to a web server, with the token that only root can read (Flatcar, Ignition)', async () => {
    const receiver = await HttpReceiver.start();
    ends.push(() => receiver.stop());
    await read('deploy/ignition/flatcar-http.ign', { 'https://logs.example.com': `http://127.0.0.1:${receiver.port}`, 'put-the-token-here': 'secret-7' });
    await log('over-http');
    await receiver.until(() => receiver.taken.some((message) => message.includes('over-http')));
    assert.equal(receiver.requests[0]?.headers.authorization, 'Bearer secret-7');
    assert.equal(await system.output('stat', '--format=%a %U', '/etc/journald-forwarder/token'), '600 root');
    assert.notEqual(await system.output('sh', '-c', `stat --format=%u /proc/$(systemctl show --value --property=MainPID ${UNIT})`), '0');
  });

  it('sends syslog over TLS, as the client that its key makes it (Fedora CoreOS, Ignition)', async () => {
    const certificates = new Certificates();
    ends.push(() => certificates.remove());
    const [server, client] = [certificates.issue('server'), certificates.issue('client')];
    const tls = { cert: readFileSync(server.cert), key: readFileSync(server.key), ca: readFileSync(certificates.path('ca.crt')), requestCert: true, rejectUnauthorized: true };
    const receiver = await StreamReceiver.listen({ host: '127.0.0.1', port: 0, tls });
    ends.push(() => receiver.stop());
    await read('deploy/ignition/fcos-syslog-tls.ign', {
      'syslog.example.com:6514': `127.0.0.1:${receiver.port}`,
      'put-the-authority-here': bodyOf(certificates.path('ca.crt')),
      'put-the-certificate-here': bodyOf(client.cert),
      'put-the-key-here': bodyOf(client.key),
    });
    await log('over-tls');
    await receiver.until(() => receiver.text().includes('over-tls'));
  });

  it('sends to CloudWatch Logs, with the keys that only root can read (Fedora CoreOS, Ignition)', async () => {
    const service = await LocalCloudWatch.listen({ credentials: [{ accessKeyId: 'AKIDEXAMPLE7', secretAccessKey: 'secret-7' }] });
    ends.push(() => service.close());
    service.create('/servers/web');
    await read('deploy/ignition/fcos-cloudwatch.ign', { 'region: eu-central-1': `region: eu-central-1\n    endpoint: ${service.url}`, 'put-the-key-here': 'AKIDEXAMPLE7', 'put-the-secret-here': 'secret-7' });
    await log('to-cloudwatch');
    const events = () => service.streams('/servers/web').flatMap((stream) => service.events('/servers/web', stream));
    await eventually(events, (all) => all.some(({ message }) => message.includes('to-cloudwatch')));
  });

  it('fetches the program, and sends syslog (CoreOS Container Linux, cloud-config)', async () => {
    const receiver = await StreamReceiver.listen({ host: '127.0.0.1', port: 0 });
    ends.push(() => receiver.stop());
    await read('cloud-config/journald-forwarder.yaml', { 'syslog.example.com:514': `127.0.0.1:${receiver.port}`, ...release() });
    await log('over-tcp');
    await receiver.until(() => receiver.text().includes('over-tcp'));
    assert.equal(await system.output('stat', '--format=%a %U', '/opt/bin/journald-forwarder'), '755 root');
  });

  /** Where the program is to be had, and its digest. */
  function release(): FillIn {
    return { 'https://example.com': `http://127.0.0.1:${(programs.address() as AddressInfo).port}`, ['0'.repeat(64)]: createHash('sha256').update(PROGRAM).digest('hex') };
  }
});

function filledIn(text: string, fillIn: FillIn): string {
  return Object.entries(fillIn).reduce((all, [from, to]) => all.replace(from, () => to), text);
}

/** What stands between the two lines that mark the ends of a PEM file. */
function bodyOf(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(1, -1).join('\n');
}
