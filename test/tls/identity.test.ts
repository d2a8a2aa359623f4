import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { SettingError } from '../../src/core/errors.js';
import type { TlsMemory, TlsSettings } from '../../src/core/tls.js';
import { openTlsIdentity } from '../../src/tls/identity.js';
import { Certificates } from '../support/certificates.js';
import { RecordedLogger } from '../support/recorded-logger.js';

const pki = new Certificates();
after(() => pki.remove());
const ca = pki.path('ca.crt');
const client = pki.issue('client');
const other = pki.issue('other');
const label = 'tls://loghost:6514';

function open(settings: Partial<TlsSettings>, { environment = {}, logger = new RecordedLogger(), memory = new Map() as TlsMemory } = {}) {
  return openTlsIdentity({ ca: undefined, cert: undefined, key: undefined, serverName: undefined, insecure: false, ...settings }, { label, environment, logger, memory });
}

function written(name: string, text: string): string {
  writeFileSync(pki.path(name), text);
  return pki.path(name);
}

describe('the identity of a TLS client', () => {
  it('checks the server by the host that is connected to', async () => {
    const { rejectUnauthorized, servername, checkServerIdentity } = await (await open({ ca })).connectionOptions('loghost.example.com.');
    assert.equal(rejectUnauthorized, true);
    assert.equal(servername, 'loghost.example.com');
    assert.equal(checkServerIdentity!('whatever', { subjectaltname: 'DNS:loghost.example.com', subject: {} } as never), undefined);
    assert.equal((checkServerIdentity!('whatever', { subjectaltname: 'DNS:whatever', subject: {} } as never) as NodeJS.ErrnoException).code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('asks for no server name where the host is an address, since RFC 6066 forbids it, but checks the address', async () => {
    const { servername, checkServerIdentity } = await (await open({ ca })).connectionOptions('::1');
    assert.equal(servername, undefined);
    assert.equal(checkServerIdentity!('', { subjectaltname: 'IP Address:0:0:0:0:0:0:0:1', subject: {} } as never), undefined);
    assert.notEqual(checkServerIdentity!('', { subjectaltname: 'IP Address:127.0.0.1', subject: {} } as never), undefined);
  });

  it('checks the name of serverName= in place of the host', async () => {
    const { servername, checkServerIdentity } = await (await open({ ca, serverName: 'central' })).connectionOptions('127.0.0.1');
    assert.equal(servername, 'central');
    assert.notEqual(checkServerIdentity!('', { subjectaltname: 'IP Address:127.0.0.1', subject: {} } as never), undefined);
  });

  it('warns at each opening that it checks nothing where it is insecure', async () => {
    for (let i = 0; i < 2; i++) {
      const logger = new RecordedLogger();
      assert.equal((await (await open({ insecure: true }, { logger })).connectionOptions('h')).rejectUnauthorized, false);
      assert.deepEqual(logger.lines, [`warn: ${label}: the server's certificate is not checked (insecure=true), so whoever answers can read what is sent`]);
    }
  });

  it('looks a bare name up among the credentials that systemd gives', async () => {
    await open({ ca: 'ca.crt', cert: 'client.crt', key: 'client.key' }, { environment: { CREDENTIALS_DIRECTORY: pki.folder } });
    await assert.rejects(open({ ca: 'ca.crt' }), (error) => error instanceof SettingError && /Cannot use ca=ca\.crt for .*\$CREDENTIALS_DIRECTORY, which is not set/.test(error.message));
  });

  it('trusts the authorities of the system, or those of SSL_CERT_FILE, where no others are named', async () => {
    const explained = async (environment: Record<string, string>) => (await open({}, { environment })).explain({ code: 'SELF_SIGNED_CERT_IN_CHAIN' });
    assert.match((await explained({ SSL_CERT_FILE: ca })) ?? '', new RegExp(`none of those in ${ca} has signed it`));
    assert.match((await explained({})) ?? '', /none of those in (\/etc\/\S+|the list of Node\.js) has signed it/);
  });

  it('says which file it cannot use, why, and what to do, but nothing of a key', async () => {
    const encrypted = pki.path('encrypted.key');
    execFileSync('openssl', ['pkey', '-in', client.key, '-aes256', '-passout', 'pass:secret', '-out', encrypted]);
    mkdirSync(pki.path('folder'), { recursive: true });
    symlinkSync('loop', pki.path('loop'));
    const damaged = written('damaged.crt', readFileSync(ca, 'utf8').replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'));
    const cases: [Partial<TlsSettings>, RegExp][] = [
      [{ ca: '/nonexistent/ca.crt' }, /^Cannot use ca=\/nonexistent\/ca\.crt for tls:\/\/loghost:6514: there is no such file/],
      [{ ca: pki.path('folder') }, /this is not a file/],
      [{ ca: pki.path('loop') }, /symbolic links/],
      [{ ca: client.key }, /Cannot use ca=.*holds no certificate/],
      [{ ca: written('empty', '') }, /Cannot use ca=.*holds no certificate/],
      [{ ca: damaged }, /Cannot use ca=.*damaged/],
      [{ cert: client.key, key: client.key }, /Cannot use cert=.*holds no certificate/],
      [{ cert: client.cert, key: client.cert }, /Cannot use key=.*holds no private key/],
      [{ cert: client.cert, key: encrypted }, /Cannot use key=.*is encrypted/],
      [{ cert: client.cert, key: other.key }, /Cannot use key=.*not the key of the certificate \S+client\.crt/],
    ];
    for (const [settings, expected] of cases) {
      await assert.rejects(open(settings), (error) => {
        assert.ok(error instanceof SettingError, String(error));
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /PRIVATE KEY-----\n/);
        return true;
      });
    }
  });

  it('warns of a client certificate whose time is over, or has not come', async () => {
    for (const [name, hours, expected] of [['expired', { toHours: -1 }, /has expired/], ['future', { fromHours: 24 }, /is not valid before/]] as const) {
      const logger = new RecordedLogger();
      await open({ ca, ...pki.issue(name, hours) }, { logger });
      assert.match(logger.lines.join('\n'), expected);
    }
  });

  it('reads files again that have changed, for the next connection, and says so once', async () => {
    const logger = new RecordedLogger();
    const [cert, key] = [pki.path('current.crt'), pki.path('current.key')];
    copyFileSync(client.cert, cert);
    copyFileSync(client.key, key);
    const identity = await open({ ca, cert, key }, { logger });
    const first = await identity.connectionOptions('h');
    assert.equal((await identity.connectionOptions('h')).secureContext, first.secureContext);

    copyFileSync(other.cert, cert);
    copyFileSync(other.key, key);
    const [second, third] = await Promise.all([identity.connectionOptions('h'), identity.connectionOptions('h')]);
    assert.notEqual(second.secureContext, first.secureContext);
    assert.equal(second.secureContext, third.secureContext);
    assert.deepEqual(logger.lines, [`info: ${label}: the certificates have changed and were read again; new connections use them`]);
  });

  it('goes on with what it has while new files cannot be used, tells once of each, and takes them once they are whole', async () => {
    const logger = new RecordedLogger();
    const [cert, key] = [pki.path('renewed.crt'), pki.path('renewed.key')];
    copyFileSync(client.cert, cert);
    copyFileSync(client.key, key);
    const identity = await open({ ca, cert, key }, { logger });
    const { secureContext } = await identity.connectionOptions('h');
    const unchanged = async () => assert.equal((await identity.connectionOptions('h')).secureContext, secureContext);

    copyFileSync(other.cert, cert); // The key is not there yet.
    await unchanged();
    await unchanged();
    rmSync(key);
    await unchanged();
    copyFileSync(other.key, key);
    assert.notEqual((await identity.connectionOptions('h')).secureContext, secureContext);
    assert.match(logger.lines[0] ?? '', /^warn: Cannot use key=.*not the key of the certificate.* What was read before goes on\.$/);
    assert.match(logger.lines[1] ?? '', /^warn: Cannot use key=.*there is no such file.* What was read before goes on\.$/);
    assert.match(logger.lines[2] ?? '', /^info: .*were read again/);
    assert.equal(logger.lines.length, 3);
  });

  it('is opened with what this process read before where the files cannot be used any more', async () => {
    const memory: TlsMemory = new Map();
    const [cert, key] = [pki.path('kept.crt'), pki.path('kept.key')];
    copyFileSync(client.cert, cert);
    copyFileSync(client.key, key);
    const { secureContext } = await (await open({ ca, cert, key }, { memory })).connectionOptions('h');
    const logger = new RecordedLogger();
    assert.equal((await (await open({ ca, cert, key }, { memory, logger })).connectionOptions('h')).secureContext, secureContext);
    assert.deepEqual(logger.lines, []);
    rmSync(cert);
    assert.equal((await (await open({ ca, cert, key }, { memory, logger })).connectionOptions('h')).secureContext, secureContext);
    assert.match(logger.lines.join('\n'), /^warn: Cannot use cert=.* What was read before goes on\.$/);
    await assert.rejects(open({ ca, cert, key }, { memory: new Map() }), SettingError);
  });
});
