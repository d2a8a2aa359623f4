import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Certificates } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { runForwarder, RunningForwarder } from '../support/forwarder.js';
import { Gatewayd } from '../support/gatewayd.js';
import { JournalSandbox } from '../support/journal-sandbox.js';
import { makeJournal } from '../support/make-journal.js';
import { StreamReceiver } from '../support/stream-receiver.js';

describe('--from gateway:', () => {
  let folder: string;
  let sandbox: JournalSandbox;
  let gateway: Gatewayd;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gateway-e2e-'));
    sandbox = await JournalSandbox.start();
    gateway = await Gatewayd.start({ directory: sandbox.directory, spawn: (...args) => sandbox.spawn(...args) });
  });
  afterEach(async () => {
    await gateway.stop();
    await sandbox.stop();
    rmSync(folder, { recursive: true });
  });

  it('loses nothing while the gateway and the forwarder are killed in the middle of a run', { timeout: 180_000 }, async () => {
    const receiver = await StreamReceiver.listen();
    const args = [`--from=${gateway.url}`, '--start=head', `--state-dir=${join(folder, 'state')}`, `--to=tcp://127.0.0.1:${receiver.port}?format=cat&confirmAfterMs=50`];
    const total = 20_000;
    const arrived = (): Set<string> => new Set(receiver.text().split('\n').filter((line) => line.startsWith('n')));
    let forwarder = new RunningForwarder(args);
    for (let from = 0; from < total; from += 2000) {
      await sandbox.send(Array.from({ length: 2000 }, (_, index) => ({ MESSAGE: `n${from + index}` })));
      if (from === 4000) await gateway.kill();
      if (from === 8000) {
        await gateway.start();
        await receiver.until(() => receiver.text().includes('n6000\n'));
        await forwarder.stop('SIGKILL');
        forwarder = new RunningForwarder(args);
      }
      if (from === 12_000) await sandbox.rotate();
    }
    await receiver.until(() => receiver.text().includes(`n${total - 1}\n`));
    const { code } = await forwarder.stop();
    assert.equal(code, 0);
    assert.equal(arrived().size, total);
    // A stop in good order repeats nothing.
    const before = receiver.byteCount;
    await sandbox.send({ MESSAGE: 'after' });
    await sandbox.sync();
    const rest = await runForwarder([...args, '--no-follow']);
    assert.equal(rest.code, 0, rest.stderr);
    assert.equal(receiver.text().slice(before).split('\n').filter((line) => line.startsWith('n')).length, 0);
    assert.match(receiver.text().slice(before), /after\n/);
    await receiver.stop();
  });

  it('does not read what nobody takes, and then gives it all', { timeout: 120_000 }, async () => {
    const receiver = await StreamReceiver.listen();
    receiver.stall();
    for (let round = 0; round < 40; round++) await sandbox.send(Array.from({ length: 10 }, (_, index) => ({ MESSAGE: `n${round * 10 + index} ${'x'.repeat(100_000)}` })));
    await sandbox.sync();
    const forwarder = new RunningForwarder([`--from=${gateway.url}`, '--start=head', '--no-follow', '--no-checkpoint', `--to=tcp://127.0.0.1:${receiver.port}?format=cat&maxBytes=200000`]);
    await receiver.connection();
    receiver.resume();
    const { code, stderr } = await forwarder.exit;
    assert.equal(code, 0, stderr);
    assert.equal(receiver.text().split('\n').filter((line) => line.startsWith('n')).length, 400);
    await receiver.stop();
  });

  it('filters as the journal does, and check looks at the gateway', { timeout: 60_000 }, async () => {
    await sandbox.send([
      { MESSAGE: 'a', SYSLOG_IDENTIFIER: 'app', PRIORITY: '3' },
      { MESSAGE: 'b', SYSLOG_IDENTIFIER: 'app', PRIORITY: '6' },
      { MESSAGE: 'c', SYSLOG_IDENTIFIER: 'other', PRIORITY: '2' },
      { MESSAGE: 'd', SYSLOG_IDENTIFIER: 'app', PRIORITY: '4', LEFT: 'out' },
    ]);
    await sandbox.sync();
    const from = [`--from=${gateway.url}`, '--start=head', '--no-follow', '--to=stdout:?format=cat'];
    const filters = [
      [['--identifier=app', '--priority=warning', '--exclude-match=LEFT=out'], 'a\n'],
      [['--match=SYSLOG_IDENTIFIER=app PRIORITY=6', '--match=MESSAGE=c'], 'b\nc\n'],
      [['--match=SYSLOG_IDENTIFIER=app SYSLOG_IDENTIFIER=other', '--priority=2..3'], 'a\nc\n'],
    ] as const;
    for (const [filter, expected] of filters) assert.equal((await runForwarder([...from, ...filter])).stdout.toString(), expected);
    const well = await runForwarder(['check', ...from]);
    assert.match(well.stdout.toString(), /✓ gateway:\/.* can be read, and its newest entry is of 20/);
    await gateway.kill();
    const ill = await runForwarder(['check', ...from]);
    assert.equal(ill.code, 1);
    assert.match(ill.stdout.toString(), /✗ gateway:\/.* cannot be read: connection refused\. See that/);
  });
});

describe('--from gateway:https:', () => {
  let folder: string;
  const certificates = new Certificates();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'));
    await makeJournal(join(folder, 'system.journal'), [{ fields: { MESSAGE: 'secured' } }]);
  });
  after(() => {
    certificates.remove();
    rmSync(folder, { recursive: true });
  });

  const run = (command: readonly string[], from: string) => runForwarder([...command, `--from=${from}`, '--start=head', '--no-follow', '--to=stdout:?format=cat']);

  it('checks the certificate of the gateway', { timeout: 60_000 }, async () => {
    const gateway = await Gatewayd.start({ directory: folder, listen: 'tcp', tls: certificates.issue('server') });
    try {
      const { code, stdout, stderr } = await run([], `${gateway.url}?ca=${certificates.path('ca.crt')}`);
      assert.equal(code, 0, stderr);
      assert.equal(stdout.toString(), 'secured\n');
      const unknown = await run(['check'], `${gateway.url}?ca=${certificates.authority('stranger')}`);
      assert.equal(unknown.code, 1);
      assert.match(unknown.stdout.toString(), /✗ gateway:https:\/\/127\.0\.0\.1:\d+ cannot be read: .*certificate/);
      assert.equal((await run([], `${gateway.url}?ca=/nonexistent.pem`)).code, 2);
    } finally {
      await gateway.stop();
    }
  });

  it('shows a certificate to a proxy that demands one, and reads from the path behind it', { timeout: 60_000 }, async () => {
    const [client, server] = [certificates.issue('client'), certificates.issue('server')];
    const gateway = await Gatewayd.start({ directory: folder });
    const proxy = await startNginx(
      (port) => `server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${server.cert};
        ssl_certificate_key ${server.key};
        ssl_client_certificate ${certificates.path('ca.crt')};
        ssl_verify_client on;
        location /journal/ { proxy_pass http://unix:${gateway.url.slice('gateway:'.length)}:/; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1d; }
      }`,
      join(folder, 'nginx'),
    );
    try {
      const from = `gateway:https://127.0.0.1:${proxy.port}/journal?ca=${certificates.path('ca.crt')}`;
      const { code, stdout, stderr } = await run([], `${from}&cert=${client.cert}&key=${client.key}`);
      assert.equal(code, 0, stderr);
      assert.equal(stdout.toString(), 'secured\n');
      const nobody = await run(['check'], from);
      assert.equal(nobody.code, 1);
      assert.match(nobody.stdout.toString(), /✗ gateway:https:\/\/127\.0\.0\.1:\d+\/journal cannot be read: it answers 400/);
    } finally {
      proxy.stop();
      await gateway.stop();
    }
  });
});

/** An nginx with one server of its own, which ends with this process. */
async function startNginx(server: (port: number) => string, directory: string): Promise<{ readonly port: number; stop(): void }> {
  mkdirSync(directory, { recursive: true });
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, 'close');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(directory, name)};`).join(' ');
  writeFileSync(join(directory, 'nginx.conf'), `daemon off; master_process off; pid ${join(directory, 'pid')}; error_log stderr; events {} http { access_log off; ${temporary} ${server(port)} }`);
  const child = spawn('nginx', ['-c', join(directory, 'nginx.conf'), '-p', directory], { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  child.once('error', (error) => { throw new Error('Cannot run nginx: install the Debian package nginx.', { cause: error }); });
  const answers = async (): Promise<boolean> => {
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(() => true, () => false);
    socket.destroy();
    return isThere;
  };
  await eventually(answers, (isThere) => isThere);
  return { port, stop };
}
