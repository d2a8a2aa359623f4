import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { Certificates } from '../support/certificates.js';
import { LocalCloudWatch } from '../support/cloudwatch/local-cloudwatch.js';
import { RunningForwarder, runForwarder } from '../support/forwarder.js';
import { makeJournal } from '../support/make-journal.js';

// Those of HTTP, whose servers can repeat them, are tried in http.test.ts.
describe('what is secret of a destination', () => {
  it('is in no log, error, metric, status, command line or dead letter, whatever fails', { timeout: 90_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    const certificates = new Certificates(join(folder, 'certificates'));
    const client = certificates.issue('client');
    certificates.authority('stranger');
    const server = certificates.issue('server', { by: 'stranger' });
    const tls = createServer({ cert: await readFile(server.cert), key: await readFile(server.key) }, (socket) => socket.on('error', () => undefined));
    tls.listen(0, '127.0.0.1');
    await once(tls, 'listening');
    const { port } = tls.address() as AddressInfo;
    const service = await LocalCloudWatch.listen({ region: 'eu-central-1' });
    await makeJournal(join(folder, 'system.journal'), [{ time: Date.now() * 1000, fields: { MESSAGE: 'one' } }]);
    const files = `ca: ${certificates.path('ca.crt')}, cert: ${client.cert}, key: ${client.key}`;
    await writeFile(join(folder, 'config.yaml'), [
      'to:',
      `  - {url: "tls://127.0.0.1:${port}", name: tls, ${files}}`,
      `  - {url: "relps://127.0.0.1:${port}", name: relps, ${files}}`,
      `  - {url: "logentries://127.0.0.1:${port}", name: logentries, ca: ${certificates.path('ca.crt')}, token: S3CR3T-token}`,
      `  - {url: "cloudwatch:group", name: cloudwatch, region: eu-central-1, endpoint: "${service.url}"}`,
    ].join('\n'));
    const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'S3CR3T-key', AWS_SESSION_TOKEN: 'S3CR3T-session' };
    const args = ['--config', join(folder, 'config.yaml'), '--directory', folder, '--start', 'head', '--state-dir', join(folder, 'state'), '--log-level', 'debug'];
    const forwarder = new RunningForwarder([...args, '--metrics', '127.0.0.1:0', '--shutdown-timeout', '1s'], { env });
    try {
      for (const label of ['tls://', 'relps://', 'logentries://']) await forwarder.says(new RegExp(`${label}\\S+: .*unknown authority`));
      await forwarder.says(/cloudwatch:group: .*(signature|token|credentials)/i);
      const [metrics, ready] = [await forwarder.answer('/metrics'), await forwarder.answer('/readyz')];
      assert.equal(ready.code, 503);
      const [status, check] = [await runForwarder(['status', ...args], { env }), await runForwarder(['check', ...args], { env })];
      const commandLine = await readFile(`/proc/${forwarder.child.pid}/cmdline`, 'utf8');
      const exit = await forwarder.stop();
      const kept = await Promise.all((await readdir(join(folder, 'state'))).filter((name) => /json/.test(name)).map((name) => readFile(join(folder, 'state', name), 'utf8')));
      // A line out of the middle of the key.
      const marks = ['S3CR3T', (await readFile(client.key, 'utf8')).split('\n')[2]!];
      const shown = { log: exit.stderr, metrics: metrics.text, ready: ready.text, status: `${status.stdout.toString()}${status.stderr}`, check: `${check.stdout.toString()}${check.stderr}`, commandLine, kept: kept.join('\n') };
      assert.match(shown.check, /✗ tls:/);
      assert.match(shown.status, /logentries:/);
      for (const [what, text] of Object.entries(shown)) {
        for (const mark of marks) assert.ok(!text.includes(mark), `${mark} is in ${what}:\n${text}`);
      }
    } finally {
      await forwarder.stop('SIGKILL');
      await service.close();
      tls.close();
      await rm(folder, { recursive: true });
    }
  });
});
