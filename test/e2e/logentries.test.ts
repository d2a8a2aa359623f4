import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { Certificates } from '../support/certificates.js';
import { runForwarder } from '../support/forwarder.js';
import { Gatewayd } from '../support/gatewayd.js';
import { makeJournal } from '../support/make-journal.js';
import { StreamReceiver } from '../support/stream-receiver.js';

/** What no file of ours, no log and no dead letter may hold. */
const TOKEN = 'zz-marked-token-zz';
const ENTRY = { _HOSTNAME: 'h1', SYSLOG_IDENTIFIER: 'app', _PID: '42', PRIORITY: '3', SYSLOG_FACILITY: '3' };

describe('logentries:', () => {
  let folder: string;
  const certificates = new Certificates();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'logentries-'));
    await makeJournal(join(folder, 'journal', 'system.journal'), [
      { fields: { ...ENTRY, MESSAGE: 'first' } },
      { fields: { ...ENTRY, MESSAGE: 'two\nlines\n' } },
      { fields: { ...ENTRY, MESSAGE: 'x'.repeat(200_000) } },
    ]);
  });
  after(() => {
    certificates.remove();
    rmSync(folder, { recursive: true });
  });

  const args = (to: string): string[] => [`--directory=${join(folder, 'journal')}`, '--start=head', '--no-follow', '--no-checkpoint', `--state-dir=${join(folder, 'state')}`, `--to=${to}`];
  const FIRST = `${TOKEN} Nov 03 19:00:00 h1 app[42]: first\n`;

  it('needs a token in the environment and nothing else, and checks the certificate', { timeout: 60_000 }, async () => {
    const { cert, key } = certificates.issue('server');
    let text = '';
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
      socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const env = { LOGENTRIES_TOKEN: TOKEN, LOGENTRIES_URL: `127.0.0.1:${(server.address() as AddressInfo).port}`, NODE_EXTRA_CA_CERTS: '' };
    const { code, stderr } = await runForwarder(args(`logentries:?ca=${certificates.path('ca.crt')}`), { env });
    server.close();
    assert.equal(code, 0, stderr);
    // Where the ends of the connection cross, it is sent again.
    const [first, second, third, rest] = [...new Set(text.split('\n'))];
    assert.equal(`${first}\n`, FIRST);
    assert.match(second!, new RegExp(`^${TOKEN} Nov 03 19:00:00 h1 app\\[42\\]: two\u2028 +lines$`));
    assert.match(third!, /^\S+ Nov 03 .*x\.\.\.\[cut\]$/);
    assert.equal(Buffer.byteLength(third!.slice(TOKEN.length + 1)) <= 65_535, true);
    assert.equal(rest, '', stderr);
    assert.ok(!stderr.includes(TOKEN));
  });

  it('speaks in the clear at the ports where Rapid7 does, or with tls=false, from a gateway too, and in JSON', { timeout: 60_000 }, async () => {
    const receiver = await StreamReceiver.listen();
    const gateway = await Gatewayd.start({ directory: join(folder, 'journal') });
    writeFileSync(join(folder, 'token'), `${TOKEN}\n`);
    const { code, stderr } = await runForwarder(
      ['--from=gateway:', '--start=head', '--no-follow', '--no-checkpoint', `--to=logentries://127.0.0.1:${receiver.port}?tls=false&format=json&tokenFile=${join(folder, 'token')}`],
      { env: { LOGENTRIES_JOURNAL_SOCKET: gateway.url.slice('gateway:'.length) } },
    );
    assert.equal(code, 0, stderr);
    const lines = receiver.text().split('\n').slice(0, -1);
    assert.deepEqual(lines.map((line) => (JSON.parse(line.slice(TOKEN.length + 1)) as { MESSAGE: string }).MESSAGE.slice(0, 9)), ['first', 'two\nlines', 'xxxxxxxxx']);
    assert.ok(lines.every((line) => line.startsWith(`${TOKEN} {`)));
    await receiver.stop();
    await gateway.stop();
  });

  it('ends with 2 and one sentence where there is no token, or none that can be one, and never shows it', async () => {
    const none = await runForwarder(args('logentries:'));
    assert.equal(none.code, 2);
    assert.match(none.stderr, /LOGENTRIES_TOKEN/);
    const wrong = await runForwarder(args('logentries:'), { env: { LOGENTRIES_TOKEN: `${TOKEN} x` } });
    assert.equal(wrong.code, 2);
    const visible = await runForwarder(args(`logentries:?token=${TOKEN}`));
    assert.equal(visible.code, 2);
    for (const { stderr } of [wrong, visible]) assert.ok(!stderr.includes(TOKEN), stderr);
  });

  it('shows the token to nobody while it cannot be delivered', { timeout: 60_000 }, async () => {
    const receiver = await StreamReceiver.listen();
    const { port } = receiver;
    await receiver.stop();
    const env = { LOGENTRIES_TOKEN: TOKEN };
    const checked = await runForwarder(['check', ...args(`logentries://127.0.0.1:${port}?tls=false`)], { env });
    assert.equal(checked.code, 1);
    assert.match(checked.stdout.toString(), /logentries:\/\/127\.0\.0\.1:\d+ cannot be reached: connection refused/);
    assert.ok(!`${checked.stdout.toString()}${checked.stderr}`.includes(TOKEN));
  });
});
