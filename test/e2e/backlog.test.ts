import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { cachedCorpus, type Corpus } from '../../bench/corpus.js';
import { startCountingReceiver, type CountingReceiver } from '../support/counting-receiver.js';
import { RunningForwarder, runForwarder } from '../support/forwarder.js';

const ENTRIES = 100_000;
/** What arrived once, in order, and complete. */
const ALL = { frames: ENTRIES, unique: ENTRIES, duplicates: 0, outOfOrder: 0, unmarked: 0 };

describe('a journal of 100,000 entries', () => {
  let corpus: Corpus;
  let state: string;
  let receiver: CountingReceiver;

  before(async () => {
    corpus = await cachedCorpus(ENTRIES);
  });
  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'state-'));
  });
  afterEach(async () => {
    await receiver.close();
    await rm(state, { recursive: true });
  });

  const journal = (): string[] => ['--directory', corpus.journal, '--start', 'head', '--no-follow', '--state-dir', state];

  it('arrives over TCP once, in order, and the checkpoint is that of its last entry', async () => {
    receiver = await startCountingReceiver();
    const exit = await runForwarder([...journal(), '--to', `tcp://127.0.0.1:${receiver.port}`]);
    assert.equal(exit.code, 0, exit.stderr);
    await receiver.waitForCount(ENTRIES);
    assert.deepEqual(receiver.tally, ALL);
    const saved = JSON.parse(await readFile(join(state, `tcp-127.0.0.1-${receiver.port}.json`), 'utf8')) as { cursor: string; counts: unknown };
    const last = JSON.parse((await journalctl('-n1', '-o', 'json', '-D', corpus.journal)).toString('utf8')) as { __CURSOR: string };
    assert.equal(saved.cursor, last.__CURSOR);
    assert.deepEqual(saved.counts, { delivered: ENTRIES, filtered: 0, rejected: 0 });
  });

  for (const format of ['json', 'export']) {
    it(`arrives once, in order, from journalctl -o ${format} through standard input`, async () => {
      receiver = await startCountingReceiver();
      const journalctl = spawn('journalctl', ['-a', '-q', '-o', format, '-D', corpus.journal], { stdio: ['ignore', 'pipe', 'inherit'] });
      const forwarder = new RunningForwarder(['--from', 'stdin', '--to', `tcp://127.0.0.1:${receiver.port}`], { stdin: 'pipe' });
      journalctl.stdout.pipe(forwarder.child.stdin!);
      const exit = await forwarder.exit;
      assert.equal(exit.code, 0, exit.stderr);
      await receiver.waitForCount(ENTRIES);
      assert.deepEqual(receiver.tally, ALL);
    });
  }

  it('arrives once, in order, though the forwarder is stopped five times in the middle', async () => {
    receiver = await startCountingReceiver();
    const args = [...journal(), '--to', `tcp://127.0.0.1:${receiver.port}`];
    for (let stop = 1; stop <= 5; stop++) {
      const before = receiver.tally.unique;
      const forwarder = new RunningForwarder(args);
      await receiver.waitForCount(before + ENTRIES / 8);
      const exit = await forwarder.stop();
      assert.equal(exit.code, 0, exit.stderr);
      assert.ok(receiver.tally.unique < ENTRIES, 'stopped in the middle');
    }
    const exit = await runForwarder(args);
    assert.equal(exit.code, 0, exit.stderr);
    await receiver.waitForCount(ENTRIES);
    assert.deepEqual(receiver.tally, ALL);
  });

  it('arrives with nothing missing though the receiver resets the connection in the middle', async () => {
    receiver = await startCountingReceiver({ resetAfterBytes: [10_000_000, 3_000_000] });
    const exit = await runForwarder([...journal(), '--to', `tcp://127.0.0.1:${receiver.port}`]);
    assert.equal(exit.code, 0, exit.stderr);
    await receiver.waitForCount(ENTRIES);
    assert.equal(receiver.tally.unique, ENTRIES);
    assert.equal(receiver.connections >= 3, true);
    assert.match(exit.stderr, /trying again until it answers/);
    assert.match(exit.stderr, /reachable again after/);
  });

  it('equals journalctl -o short with format=short, byte for byte, and journalctl -o cat with format=cat', async () => {
    for (const format of ['short', 'cat']) {
      receiver = await startCountingReceiver({ keepFrames: true });
      const exit = await runForwarder([...journal(), '--to', `tcp://127.0.0.1:${receiver.port}?format=${format}&framing=octet-counting&name=${format}`]);
      assert.equal(exit.code, 0, exit.stderr);
      await receiver.waitForFrames(ENTRIES, 30_000);
      const expected = await journalctl('-o', format, '-D', corpus.journal);
      const received = Buffer.concat(receiver.frames.flatMap((frame) => [frame, Buffer.from('\n')]));
      assert.ok(received.equals(expected), `${format} differs from journalctl's`);
      if (format === 'short') await receiver.close();
    }
  });
});

describe('the shared example of an entry', () => {
  it('is the line that the pipe to ncat wrote, with a PRI', async () => {
    const { makeJournal } = await import('../support/make-journal.js');
    const folder = await mkdtemp(join(tmpdir(), 'journal-'));
    const file = join(folder, 'system.journal');
    const fields = { _HOSTNAME: 'h1', SYSLOG_IDENTIFIER: 'app', _PID: '42', PRIORITY: '3', SYSLOG_FACILITY: '3', MESSAGE: 'first' };
    await makeJournal(file, [{ time: 1_604_430_000_000_000, fields }]);
    const receiver = await startCountingReceiver({ framing: 'lf', keepFrames: true });
    after(() => receiver.close());
    for (const [format, line] of [['rfc3164', '<27>Nov  3 19:00:00 h1 app[42]: first'], ['short', 'Nov 03 19:00:00 h1 app[42]: first']]) {
      const exit = await runForwarder(['--directory', folder, '--start', 'head', '--no-follow', '--no-checkpoint', '--to', `tcp://127.0.0.1:${receiver.port}?format=${format}`]);
      assert.equal(exit.code, 0, exit.stderr);
      assert.equal(receiver.frames.at(-1)?.toString('utf8'), line);
    }
    await rm(folder, { recursive: true });
  });
});

describe('standard input', () => {
  it('sets a malformed line aside with its number, and goes on to a last line without a line feed', async () => {
    const receiver = await startCountingReceiver({ keepFrames: true });
    const state = await mkdtemp(join(tmpdir(), 'state-'));
    const forwarder = new RunningForwarder(['--from', 'stdin', '--no-checkpoint', '--state-dir', state, '--to', `tcp://127.0.0.1:${receiver.port}?format=cat&framing=octet-counting`], { stdin: 'pipe' });
    forwarder.child.stdin!.end('{"MESSAGE":"one"}\n{"MESSAGE": broken\n{"MESSAGE":"three"}');
    const exit = await forwarder.exit;
    assert.equal(exit.code, 0, exit.stderr);
    assert.deepEqual(receiver.frames.map(String), ['one', 'three']);
    assert.match(exit.stderr, /ERROR stdin: line 2 was set aside in \S+dead-letters\.ndjson: not JSON/);
    const letter = JSON.parse(await readFile(join(state, 'dead-letters.ndjson'), 'utf8')) as Record<string, unknown>;
    assert.equal(letter['content'], '{"MESSAGE": broken');
    assert.equal(letter['place'], 'line 2');
    assert.match(String(letter['reason']), /^not JSON/);
    await receiver.close();
    await rm(state, { recursive: true });
  });

  it('says and returns 1 when it is stopped before its receiver has everything: nobody can read it again', async () => {
    const forwarder = new RunningForwarder(['--from', 'stdin', '--to', 'tcp://127.0.0.1:1'], { stdin: 'pipe' });
    forwarder.child.stdin!.end('one\n');
    await forwarder.says(/trying again/);
    const exit = await forwarder.stop();
    assert.equal(exit.code, 1);
    assert.match(exit.stderr, /ERROR Stopped before everything that was read of standard input was delivered/);
  });

  it('stops though a malformed line can be written nowhere', async () => {
    const forwarder = new RunningForwarder(['--from', 'stdin', '--no-checkpoint', '--state-dir', '/dev/null/state', '--shutdown-timeout', '500ms', '--to', 'stdout:'], { stdin: 'pipe' });
    forwarder.child.stdin!.write('{"MESSAGE":"one"}\n{ broken\n');
    await forwarder.says(/cannot write .*dead-letters\.ndjson, so delivery waits/);
    assert.equal((await forwarder.stop()).signal, null);
  });

  it('ends well when the reader of its stdout goes away', async () => {
    const forwarder = new RunningForwarder(['--from', 'stdin', '--to', 'stdout:?format=cat'], { stdin: 'pipe' });
    forwarder.child.stdin!.on('error', () => undefined).write('one\n');
    await once(forwarder.child.stdout!, 'data');
    forwarder.child.stdout!.destroy();
    forwarder.child.stdin!.write('two\nthree\n');
    const exit = await forwarder.exit;
    assert.equal(exit.code, 0, exit.stderr);
  });
});

async function journalctl(...args: readonly string[]): Promise<Buffer> {
  const child = spawn('journalctl', ['-q', '--no-pager', ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' } });
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
