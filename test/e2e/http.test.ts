import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cachedCorpus, type Corpus } from '../../bench/corpus.js';
import { receive } from '../../src/receivers/receive.js';
import { RunningForwarder, runForwarder } from '../support/forwarder.js';
import { HttpReceiver } from '../support/http-receiver.js';
import { makeJournal } from '../support/make-journal.js';

const ENTRIES = 100_000;

/** The number in a message of the corpus. */
function numberOf(message: string | Buffer): number {
  return Number(/.*~Q(\d{9})~/s.exec(String(message))![1]);
}

describe('a journal of 100,000 entries over HTTP', { timeout: 300_000 }, () => {
  let corpus: Corpus;
  const state = mkdtempSync(join(tmpdir(), 'state-'));
  before(async () => {
    corpus = await cachedCorpus(ENTRIES);
  });
  after(() => rmSync(state, { recursive: true }));

  const run = (url: string) => runForwarder(['--directory', corpus.journal, '--start', 'head', '--no-follow', '--state-dir', state, '--to', url]);

  for (const query of ['', '?jf.compress=gzip&jf.name=gzip']) {
    it(`arrives at our own receiver once and in order${query === '' ? '' : ', compressed'}`, async () => {
      const numbers: number[] = [];
      const receiver = await receive({ transport: 'http', host: '127.0.0.1', port: 0 }, { onMessages: (messages) => void numbers.push(...messages.map(numberOf)), onProblem: (problem) => assert.fail(problem) });
      const exit = await run(`${receiver.url}/in${query}`);
      await receiver.close(AbortSignal.abort());
      assert.equal(exit.code, 0, exit.stderr);
      assert.equal(numbers.length, ENTRIES);
      assert.equal(numbers.findIndex((number, index) => number !== index), -1);
    });
  }

  it('arrives with nothing missing though answers are lost, refused and late, four at a time', async () => {
    const seen = new Uint8Array(ENTRIES);
    let requests = 0;
    const receiver = await HttpReceiver.start({
      answer: ({ messages }) => {
        requests += 1;
        if (requests % 97 === 0) return 503;
        for (const message of messages) seen[numberOf(message)] = 1;
        receiver.taken.length = 0;
        receiver.requests.length = 0;
        return requests % 61 === 0 ? (_response, socket) => socket.resetAndDestroy() : 200;
      },
    });
    const exit = await run(`http://127.0.0.1:${receiver.port}/?jf.inFlight=4&jf.batchBytes=500000&jf.name=faults`);
    await receiver.stop();
    assert.equal(exit.code, 0, exit.stderr);
    assert.match(exit.stderr, /trying again until it answers/);
    assert.equal(seen.reduce((sum, one) => sum + one, 0), ENTRIES);
  });
});

describe('an entry that the receiver refuses', { timeout: 60_000 }, () => {
  it('ends among the dead letters, and those around it arrive', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'journal-'));
    await makeJournal(join(folder, 'system.journal'), Array.from({ length: 40 }, (_, i) => ({ time: 1_604_430_000_000_000 + i, fields: { MESSAGE: `entry ${i}` } })));
    const receiver = await HttpReceiver.start({ answer: ({ body }) => (body.includes('"entry 17"') ? 422 : 200) });
    const exit = await runForwarder(['--directory', folder, '--start', 'head', '--no-follow', '--state-dir', join(folder, 'state'), '--to', `http://127.0.0.1:${receiver.port}/in?jf.name=web`]);
    assert.equal(exit.code, 0, exit.stderr);
    assert.deepEqual(receiver.taken.map((message) => (JSON.parse(message) as { MESSAGE: string }).MESSAGE), Array.from({ length: 40 }, (_, i) => `entry ${i}`).filter((text) => text !== 'entry 17'));
    const letter = JSON.parse(readFileSync(join(folder, 'state', 'dead-letters.ndjson'), 'utf8')) as Record<string, string>;
    assert.deepEqual([letter['from'], letter['reason']], ['web', 'HTTP 422 (Unprocessable Entity)']);
    assert.match(letter['content']!, /"MESSAGE":"entry 17"/);
    await receiver.stop();
    rmSync(folder, { recursive: true });
  });
});

describe('secrets', { timeout: 60_000 }, () => {
  it('are shown nowhere, whatever fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('token'), 'S3CR3T-token\n');
    await makeJournal(at('system.journal'), [{ time: 1_604_430_000_000_000, fields: { MESSAGE: 'good' } }, { time: 1_604_430_000_000_001, fields: { MESSAGE: 'bad' } }]);
    // It repeats all that it is told, wherever a server can.
    const echo = (headers: Record<string, unknown>, url: string): string => `${url} ${JSON.stringify(headers)}`;
    const failing = await HttpReceiver.start({
      answer: ({ method, headers, url, body }) => {
        if (method === 'HEAD') return 401;
        if (url.startsWith('/refuse')) return body.includes('bad') ? { status: 400, body: echo(headers, url) } : 200;
        if (url.startsWith('/moved')) return { status: 307, headers: { Location: `http://ada:S3CR3T@h/${encodeURIComponent(String(headers.authorization))}?${url}` }, body: echo(headers, url) };
        if (url.startsWith('/reset')) return (_response, socket) => socket.resetAndDestroy();
        return { status: 401, headers: { 'WWW-Authenticate': `Bearer realm="${String(headers.authorization)}"` }, body: echo(headers, url) };
      },
    });
    const destination = (path: string, more: string): string => `  - {url: "http://127.0.0.1:${failing.port}/${path}?key=S3CR3T-query", name: ${path}, header: {X-Api-Key: S3CR3T-header}, ${more}}`;
    writeFileSync(at('config.yaml'), ['to:', destination('refuse', `tokenFile: ${at('token')}`), destination('moved', 'token: S3CR3T-text'), destination('denied', 'user: ada, password: S3CR3T-password'), destination('reset', 'tokenEnv: LOG_TOKEN'), `  - {url: "http://127.0.0.1:${failing.port}/proxied", name: proxied}`].join('\n'));
    const env = { LOG_TOKEN: 'S3CR3T-variable', JOURNALD_FORWARDER_LOG_LEVEL: 'debug' };
    const args = ['--config', at('config.yaml'), '--directory', folder, '--start', 'head', '--state-dir', at('state')];
    const forwarder = new RunningForwarder([...args, '--metrics', '127.0.0.1:0', '--shutdown-timeout', '1s'], { env });
    const url = async (): Promise<string> => {
      await forwarder.says(/served at http:\S+\/metrics/);
      return /served at (http:\S+)\/metrics/.exec(forwarder.stderr)![1]!;
    };
    const monitor = await url();
    for (const said of [/moved: HTTP 307/, /denied: HTTP 401/, /reset: the receiver reset the connection/, /was set aside/]) await forwarder.says(said);
    const metrics = await (await fetch(`${monitor}/metrics`)).text();
    const ready = await (await fetch(`${monitor}/readyz`)).text();
    const status = await runForwarder(['status', ...args], { env });
    const check = await runForwarder(['check', ...args], { env });
    const commandLine = readFileSync(`/proc/${forwarder.child.pid}/cmdline`, 'utf8');
    const exit = await forwarder.stop();
    const files = readdirSync(at('state')).filter((name) => /json/.test(name)).map((name) => `${name} ${readFileSync(join(at('state'), name), 'utf8')}`);
    assert.match(files.join('\n'), /dead-letters\.ndjson .*HTTP 400/);
    assert.match(`${check.stdout.toString()}`, /cannot be reached: HTTP 401/);
    assert.ok(failing.requests.some(({ headers }) => headers.authorization === 'Bearer S3CR3T-token'));
    assert.ok(failing.requests.some(({ headers }) => headers.authorization === 'Bearer S3CR3T-variable'));
    const basic = Buffer.from('ada:S3CR3T-password').toString('base64');
    assert.ok(failing.requests.some(({ headers, url: asked }) => headers.authorization === `Basic ${basic}` && asked === '/denied?key=S3CR3T-query'));
    for (const [what, text] of Object.entries({ log: exit.stderr, metrics, ready, status: status.stdout.toString() + status.stderr, check: check.stdout.toString() + check.stderr, commandLine, files: files.join('\n') })) {
      assert.doesNotMatch(text, /S3CR3T/, what);
      assert.ok(!text.includes(basic), what);
    }
    await failing.stop();
    rmSync(folder, { recursive: true });
  });

  for (const [what, config, says] of [
    ['a file that is not there', 'tokenFile: /nonexistent/token', 'Cannot read tokenFile=/nonexistent/token: there is no such file; write the path of one that holds the secret.'],
    ['a variable that is not set', 'tokenEnv: LOG_TOKEN', 'Cannot read tokenEnv=LOG_TOKEN: this environment variable is not set, or empty; set it for this process.'],
  ] as const) {
    it(`that stand in ${what} end the start with 2`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
      writeFileSync(join(folder, 'config.yaml'), `to: {url: "http://127.0.0.1:1/", ${config}}\nno-checkpoint: true\ndirectory: ${folder}\n`);
      await makeJournal(join(folder, 'system.journal'), [{ time: 1_604_430_000_000_000, fields: { MESSAGE: 'one' } }]);
      const exit = await runForwarder(['--config', join(folder, 'config.yaml')]);
      assert.equal(exit.code, 2);
      assert.ok(exit.stderr.includes(says), exit.stderr);
      rmSync(folder, { recursive: true });
    });
  }
});
