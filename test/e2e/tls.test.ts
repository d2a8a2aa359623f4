import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cachedCorpus, type Corpus } from '../../bench/corpus.js';
import { fences, read } from '../docs/markdown.js';
import { Certificates } from '../support/certificates.js';
import { markerOf, startCountingReceiver } from '../support/counting-receiver.js';
import { RunningForwarder, runForwarder } from '../support/forwarder.js';
import { JournalSandbox } from '../support/journal-sandbox.js';
import { startRsyslog } from '../support/rsyslog.js';
import { type ReceivedMessage, SyslogDaemon } from '../support/syslog-daemon.js';
import { syslogNgCommand } from '../support/syslog-ng.js';

const ENTRIES = 100_000;

/** The certificates of docs/tls.md, made by the commands there. */
function documentedCertificates(folder: string): void {
  execFileSync('bash', ['-euc', fences(read('docs/tls.md')).find(({ language }) => language === 'bash')!.text], { cwd: folder, stdio: 'ignore' });
  copyFileSync(join(folder, 'loghost.example.com.crt'), join(folder, 'server.crt'));
  copyFileSync(join(folder, 'loghost.example.com.key'), join(folder, 'server.key'));
}

/** A daemon of docs/tls.md, but for the port and the files. */
function startDocumented(language: 'rsyslog' | 'syslog-ng', certificates: string): Promise<SyslogDaemon> {
  const example = fences(read('docs/tls.md')).find((fence) => fence.language === language)!.text;
  return SyslogDaemon.start({
    name: language,
    sockets: { tls: 'tcp' },
    socketOf: { udp: '', 'octet-counting': '', lf: '' },
    config: ({ tls }, output) => example
      .replace('port="6514"', `port="${tls}"`)
      .replace('port(6514)', `port(${tls})`)
      .replaceAll('/etc/ssl/loghost', certificates)
      .replace('/var/log/remote.log', output),
    command: language === 'syslog-ng' ? syslogNgCommand : (configFile, folder) => ({ program: '/usr/sbin/rsyslogd', args: ['-n', '-iNONE', '-f', configFile], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder } }),
    parse: (line) => ({ raw: Buffer.from(line) }) as ReceivedMessage,
  });
}

describe('a journal of 100,000 entries, over TLS to a receiver as docs/tls.md sets it up', { timeout: 300_000 }, () => {
  let corpus: Corpus;
  let folder: string;
  before(async () => {
    corpus = await cachedCorpus(ENTRIES);
    folder = await mkdtemp(join(tmpdir(), 'tls-'));
    documentedCertificates(folder);
  });
  after(() => rm(folder, { recursive: true }));

  for (const language of ['rsyslog', 'syslog-ng'] as const) {
    it(`arrives at ${language} with nothing missing though that is killed in the middle`, async () => {
      const daemon = await startDocumented(language, folder);
      try {
        const to = `tls://127.0.0.1:${daemon.port('tls')}?serverName=loghost.example.com&ca=${folder}/ca.crt&cert=${folder}/web-1.example.com.crt&key=${folder}/web-1.example.com.key`;
        const forwarder = new RunningForwarder(['--directory', corpus.journal, '--start', 'head', '--no-follow', '--state-dir', join(folder, language), '--to', to]);
        await daemon.waitFor(ENTRIES / 4, 120_000);
        await daemon.kill();
        assert.ok(daemon.messages().length < ENTRIES, 'killed in the middle');
        await daemon.restart();
        const exit = await forwarder.exit;
        assert.equal(exit.code, 0, exit.stderr);
        const unique = new Set(daemon.messages().map(({ raw }) => markerOf(raw)));
        unique.delete(undefined);
        assert.equal(unique.size, ENTRIES);
        assert.match(exit.stderr, /WARN +tls:\S+: the receiver (closed|reset) the connection/);
        assert.match(exit.stderr, /reachable again after/);
      } finally {
        await daemon.stop();
      }
    });
  }
});

describe('a forwarder whose certificates change', { timeout: 120_000 }, () => {
  const pki = new Certificates();
  const ca = pki.path('ca.crt');
  let state: string;
  let sandbox: JournalSandbox;
  before(async () => {
    sandbox = await JournalSandbox.start();
    state = await mkdtemp(join(tmpdir(), 'state-'));
  });
  after(async () => {
    await sandbox.stop();
    await rm(state, { recursive: true });
    pki.remove();
  });

  it('says that the server refused the one it had, takes the new one without a restart, and loses nothing; goes on over SIGHUP when a file is spoilt', async () => {
    const [cert, key] = [pki.path('current.crt'), pki.path('current.key')];
    const install = (files: { readonly cert: string; readonly key: string }): void => {
      copyFileSync(files.cert, cert);
      copyFileSync(files.key, key);
    };
    const client = pki.issue('client');
    pki.authority('other');
    install(pki.issue('stranger', { by: 'other' }));
    const daemon = await startRsyslog({ queue: 'Direct', tls: { driver: 'ossl', ca, inputs: { good: pki.issue('server') } } });
    const arrived = (text: string) => daemon.waitFor((messages) => messages.some((message) => message.text === text), 60_000);
    await sandbox.send(['one', 'two'].map((MESSAGE) => ({ MESSAGE })));
    await sandbox.sync();
    const forwarder = new RunningForwarder(['--directory', sandbox.directory, '--start', 'head', '--state-dir', state, '--to', `tls://127.0.0.1:${daemon.port('good')}?ca=${ca}&cert=${cert}&key=${key}`]);
    try {
      await forwarder.says(/ERROR tls:\S+: the server refused the client certificate: unknown authority; nothing is delivered until that is mended, and nothing is lost/);
      assert.deepEqual(daemon.messages(), []);
      install(client);
      await arrived('two');
      await forwarder.says(/INFO +tls:\S+: the certificates have changed and were read again; new connections use them/);

      writeFileSync(key, 'spoilt');
      forwarder.child.kill('SIGHUP');
      await forwarder.says(/WARN +Cannot use key=\S+current\.key for tls:\S+: it holds no private key .* What was read before goes on\./);
      await sandbox.send({ MESSAGE: 'three' });
      await arrived('three');

      install(pki.issue('renewed'));
      forwarder.child.kill('SIGHUP');
      await forwarder.says(/read again; new connections use them[^]*read again; new connections use them/);
      await sandbox.send({ MESSAGE: 'four' });
      await arrived('four');
      assert.equal((await forwarder.stop()).code, 0);
      assert.doesNotMatch(forwarder.stderr, /PRIVATE KEY-----\n|spoilt/);
      assert.deepEqual([...new Set(daemon.messages().map(({ text }) => text))].filter((text) => /^(one|two|three|four)$/.test(text)), ['one', 'two', 'three', 'four']);
    } finally {
      await forwarder.stop('SIGKILL');
      await daemon.stop();
    }
  });

  it('ends with 2 at the start, and check says it, where a file cannot be used', async () => {
    const receiver = await startCountingReceiver();
    const to = `tls://127.0.0.1:${receiver.port}?ca=/nonexistent/ca.crt`;
    const settings = ['--directory', sandbox.directory, '--state-dir', state, '--to', to];
    const exit = await runForwarder(settings);
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /Cannot use ca=\/nonexistent\/ca\.crt for tls:\S+: there is no such file; write the path of a PEM file\./);
    const checked = await runForwarder(['check', ...settings]);
    assert.equal(checked.code, 1);
    assert.match(checked.stdout.toString(), /✗ Cannot use ca=\/nonexistent\/ca\.crt/);
    await receiver.close();
  });
});
