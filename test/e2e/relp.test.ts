import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cachedCorpus, type Corpus } from '../../bench/corpus.js';
import { Certificates } from '../support/certificates.js';
import { markerOf } from '../support/counting-receiver.js';
import { RunningForwarder, runForwarder } from '../support/forwarder.js';
import { fences, read } from '../docs/markdown.js';
import { startRsyslog } from '../support/rsyslog.js';
import { type ReceivedMessage, SyslogDaemon } from '../support/syslog-daemon.js';

const ENTRIES = 100_000;
/** What the sink may have sent and not seen acknowledged: four batches of 256. */
const WINDOW = 1024;

describe('a journal of 100,000 entries, to an rsyslog that stores what it acknowledges', { timeout: 300_000 }, () => {
  let corpus: Corpus;
  let state: string;
  before(async () => {
    corpus = await cachedCorpus(ENTRIES);
    state = await mkdtemp(join(tmpdir(), 'state-'));
  });
  after(() => rm(state, { recursive: true }));

  async function withRsyslog(starting: Promise<SyslogDaemon>, body: (daemon: SyslogDaemon, args: readonly string[]) => Promise<void>): Promise<void> {
    const daemon = await starting;
    try {
      await body(daemon, ['--directory', corpus.journal, '--start', 'head', '--no-follow', '--state-dir', state, '--to', `relp://127.0.0.1:${daemon.port('relp')}`]);
    } finally {
      await daemon.stop();
    }
  }

  it('arrives over RELP once and in order, and the checkpoint counts it', async () => {
    await withRsyslog(startRsyslog({ relp: true }), async (daemon, args) => {
      const exit = await runForwarder(args);
      assert.equal(exit.code, 0, exit.stderr);
      assert.equal(exit.stderr, '');
      const numbers = numbersOf(daemon.messages());
      assert.deepEqual(numbers, [...numbers.keys()]);
      assert.equal(numbers.length, ENTRIES);
      const saved = JSON.parse(await readFile(join(state, `relp-127.0.0.1-${daemon.port('relp')}.json`), 'utf8')) as { counts: unknown };
      assert.deepEqual(saved.counts, { delivered: ENTRIES, filtered: 0, rejected: 0 });
    });
  });

  it('arrives with nothing missing though an rsyslog as in docs/relp.md is killed in the middle, twice, and nothing comes twice but the window', async () => {
    await withRsyslog(startDocumented(false), async (daemon, args) => {
      const forwarder = new RunningForwarder(args);
      for (const count of [ENTRIES / 4, ENTRIES / 2]) {
        await daemon.waitFor(count, 120_000);
        await daemon.kill();
        assert.ok(daemon.messages().length < ENTRIES, 'killed in the middle');
        await daemon.restart();
      }
      const exit = await forwarder.exit;
      assert.equal(exit.code, 0, exit.stderr);
      const numbers = numbersOf(daemon.messages());
      const unique = new Set(numbers);
      assert.equal(unique.size, ENTRIES);
      assert.ok(numbers.length - unique.size <= 2 * WINDOW, `${numbers.length - unique.size} came twice`);
      // Each kill goes back once, by the window at most; between two of them the order is the journal's.
      const back = numbers.flatMap((number, index) => (index > 0 && number !== numbers[index - 1]! + 1 ? [numbers[index - 1]! + 1 - number] : []));
      assert.ok(back.length <= 2 && back.every((by) => by > 0 && by <= WINDOW), `went back by ${back.join(', ')}`);
      assert.match(exit.stderr, /WARN +relp:\S+: (the receiver (closed|reset) the connection|connection refused); trying again until it answers/);
      assert.match(exit.stderr, /reachable again after/);
    });
  });
});

describe('a journal, to an rsyslog as in docs/relp.md that lets in only clients whose certificate it knows', { timeout: 120_000 }, () => {
  it('arrives over RELP with TLS, once and in order, from one of them and from nobody else', async () => {
    const { journal, entries } = await cachedCorpus(1000);
    const certificates = new Certificates();
    certificates.issue('server');
    const files = certificates.issue('client1', { names: ['DNS:client1'] });
    const daemon = await startDocumented(true, certificates.folder);
    try {
      const url = `relps://127.0.0.1:${daemon.port('relp')}?ca=${certificates.path('ca.crt')}`;
      const args = ['--directory', journal, '--start', 'head', '--no-follow', '--no-checkpoint', '--to'];
      const nobody = new RunningForwarder([...args, url]);
      await nobody.says(/ERROR relps:\/\/127\.0\.0\.1:\d+: .*client certificate/);
      await nobody.stop();
      assert.deepEqual(daemon.messages(), []);
      const exit = await runForwarder([...args, `${url}&cert=${files.cert}&key=${files.key}`]);
      assert.equal(exit.code, 0, exit.stderr);
      assert.equal(exit.stderr, '');
      assert.deepEqual(numbersOf(daemon.messages()), [...Array(entries).keys()]);
    } finally {
      await daemon.stop();
    }
  });
});

/** An rsyslog of docs/relp.md, but for the port and the files. */
function startDocumented(withTls: boolean, certificates = '/etc/ssl'): Promise<SyslogDaemon> {
  const example = fences(read('docs/relp.md')).find(({ language, text }) => language === 'rsyslog' && text.includes('tls="on"') === withTls)!.text;
  return SyslogDaemon.start({
    name: 'rsyslog',
    sockets: { relp: 'tcp' },
    socketOf: { udp: '', 'octet-counting': '', lf: '' },
    config: ({ relp }, output) => example.replace('port="2514"', `port="${relp}"`).replace('/var/log/remote.log', output).replaceAll('/etc/ssl', certificates),
    command: (configFile, folder) => ({ program: '/usr/sbin/rsyslogd', args: ['-n', '-iNONE', '-f', configFile], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder } }),
    parse: (line) => ({ raw: Buffer.from(line) }) as ReceivedMessage,
  });
}

function numbersOf(messages: readonly ReceivedMessage[]): number[] {
  return messages.map(({ raw }) => markerOf(raw) ?? NaN);
}
