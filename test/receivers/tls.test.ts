import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { after, describe, it } from 'node:test';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { SettingError } from '../../src/core/errors.js';
import { receive } from '../../src/receivers/receive.js';
import type { CertificateFiles } from '../../src/receivers/certificates.js';
import { Certificates } from '../support/certificates.js';

const pki = new Certificates();
after(() => pki.remove());
const ca = pki.path('ca.crt');
const server = pki.issue('server');
const client = pki.issue('client');
pki.authority('other');
const stranger = pki.issue('stranger', { by: 'other' });

describe('receive over TLS', { timeout: 30_000 }, () => {
  it('gives the messages of a sender, and says where it listens', async () => {
    const inbox = await open({ ca: undefined });
    assert.match(inbox.url, /^tls:\/\/127\.0\.0\.1:\d+$/);
    send(inbox.port, {}, '4 one\n<13>two\n');
    await inbox.until(() => inbox.messages.length === 2);
    assert.deepEqual(inbox.messages, ['one\n', '<13>two']);
    await inbox.close();
    assert.deepEqual(inbox.problems, []);
  });

  it('takes only senders with a certificate of the authority that is asked for, and says whom it refuses', async () => {
    const inbox = await open({ ca });
    send(inbox.port, {}, '5 naked');
    await inbox.until(() => inbox.problems.length === 1);
    send(inbox.port, { cert: readFileSync(stranger.cert), key: readFileSync(stranger.key) }, '8 stranger');
    await inbox.until(() => inbox.problems.length === 2);
    send(inbox.port, { cert: readFileSync(client.cert), key: readFileSync(client.key) }, '6 friend');
    await inbox.until(() => inbox.messages.length === 1);
    await inbox.close();
    assert.deepEqual(inbox.messages, ['friend']);
    for (const problem of inbox.problems) assert.match(problem, /^a sender's certificate was refused: [A-Z_]+$/);
  });

  it('says of a sender that speaks no TLS', async () => {
    const inbox = await open({ ca: undefined });
    const socket = connectTcp(inbox.port, '127.0.0.1').on('error', () => undefined);
    socket.write('<13>plain text that is long enough for a record\n');
    await inbox.until(() => inbox.problems.length === 1);
    assert.match(inbox.problems[0]!, /^a TLS handshake failed: /);
    socket.destroy();
    await inbox.close();
  });

  it('says which file cannot be used', async () => {
    const garbage = pki.path('garbage');
    writeFileSync(garbage, 'garbage');
    for (const [files, expected] of [
      [{ ...server, cert: '/nonexistent' }, /^Cannot listen with cert=\/nonexistent: ENOENT\./],
      [{ ...server, ca: '/nonexistent' }, /^Cannot listen with ca=\/nonexistent: ENOENT\./],
      [{ cert: server.cert, key: client.key }, /^Cannot listen with cert=\S+ and key=\S+: .*key values mismatch/],
      [{ cert: garbage, key: server.key }, /^Cannot listen with cert=\S+garbage and key=/],
    ] as const) {
      await assert.rejects(open({ ca: undefined, ...files }), (error) => error instanceof SettingError && expected.test(error.message));
    }
  });
});

function send(port: number, options: ConnectionOptions, text: string): void {
  connect({ port, host: '127.0.0.1', ca: readFileSync(ca), ...options }).on('error', () => undefined).end(text);
}

async function open(files: Partial<CertificateFiles>) {
  const messages: string[] = [];
  const problems: string[] = [];
  const waiting = new Set<() => void>();
  const tell = (): void => { for (const wake of waiting) wake(); };
  const receiver = await receive({ transport: 'tls', host: '127.0.0.1', port: 0, ...server, ca: undefined, ...files }, {
    onMessages: (some) => { messages.push(...some.map(String)); tell(); },
    onProblem: (problem) => { problems.push(problem); tell(); },
  });
  return {
    url: receiver.url,
    port: Number(new URL(receiver.url).port),
    messages,
    problems,
    until: async (condition: () => boolean) => {
      while (!condition()) await new Promise<void>((resolve) => waiting.add(resolve));
    },
    close: () => receiver.close(AbortSignal.abort()),
  };
}
