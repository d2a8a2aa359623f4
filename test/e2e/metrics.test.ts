import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { cachedCorpus } from '../../bench/corpus.js';
import { startCountingReceiver, type CountingReceiver } from '../support/counting-receiver.js';
import { parseExposition, valueOf } from '../support/exposition.js';
import { RunningForwarder, runForwarder, type ForwarderOptions } from '../support/forwarder.js';
import { JournalSandbox } from '../support/journal-sandbox.js';
import { makeJournal } from '../support/make-journal.js';

const ENTRIES = 3000;
const WEEK_US = 7 * 86_400 * 1e6;

describe('--metrics', { timeout: 120_000 }, () => {
  let folder: string;
  let receiver: CountingReceiver;
  let forwarder: RunningForwarder | undefined;
  let sandbox: JournalSandbox | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'metrics-'));
    receiver = await startCountingReceiver();
  });
  afterEach(async () => {
    await forwarder?.stop('SIGKILL');
    await sandbox?.stop();
    forwarder = sandbox = undefined;
    await receiver.close();
    await rm(folder, { recursive: true });
  });

  it('tells of a receiver that is down, and of all that it gets once it is up', async () => {
    const { journal } = await cachedCorpus(ENTRIES);
    await receiver.close();
    const monitor = await start(['--directory', journal, '--start', 'head', '--exclude-match', 'PRIORITY=4']);
    await monitor.becomes({ destination_up: 0, entries_delivered_total: 0, unconfirmed_batches: 1, deliveries_in_flight: 1 });
    assert.ok((await monitor.value('lag_seconds'))! > 10);
    // Where the run began is saved, though nothing is delivered.
    await monitor.until('checkpoint_saved_timestamp_seconds', (seconds) => Math.abs(seconds - Date.now() / 1000) < 60);
    assert.deepEqual(await monitor.answer('/readyz'), [503, `there (tcp://127.0.0.1:${receiver.port}): connection refused\n`]);
    assert.deepEqual(await monitor.answer('/healthz'), [200, 'ok\n']);

    await receiver.restart();
    await monitor.becomes({ lag_seconds: 0, unconfirmed_batches: 0, deliveries_in_flight: 0, unconfirmed_seconds: 0, destination_up: 1, checkpoint_age_seconds: 0 });
    assert.deepEqual(await monitor.answer('/readyz'), [200, 'ok\n']);
    const [delivered, filtered, retries, batches, bytes, savedSeconds] = await Promise.all(
      ['entries_delivered_total', 'entries_filtered_total', 'delivery_retries_total', 'sent_batches_total', 'sent_bytes_total', 'checkpoint_saved_timestamp_seconds'].map(monitor.value),
    );
    assert.equal(delivered, receiver.tally.frames);
    assert.equal(delivered! + filtered!, ENTRIES);
    assert.ok(filtered! > 0 && retries! > 0 && batches! > 0 && bytes! > delivered! * 100);
    assert.ok(Math.abs(savedSeconds! - Date.now() / 1000) < 60);
    assert.deepEqual(await Promise.all(['entries_rejected_total', 'checkpoint_save_failures_total'].map(monitor.value)), [0, 0]);
  });

  it('shows a lag that grows while the receiver is down, and is 0 again afterwards', async () => {
    sandbox = await JournalSandbox.start();
    const monitor = await start(['--identifier', 'test'], sandbox.spawn.bind(sandbox));
    await write('confirmed');
    await receiver.waitForFrames(1);
    await monitor.becomes({ entries_delivered_total: 1, lag_seconds: 0 });
    await receiver.close('reset');
    const lags: number[] = [];
    for (const text of ['first', 'second', 'third']) {
      await write(text);
      const read = await monitor.value('entries_read_total');
      lags.push((await monitor.until('lag_seconds', (lag) => lag > (lags.at(-1) ?? 0), `grows after ${String(read)} entries`))!);
    }
    assert.ok(lags[0]! < lags[1]! && lags[1]! < lags[2]!, lags.join());
    const status = await runForwarder(['status', '--state-dir', join(folder, 'state'), '--to', to()], { spawn: sandbox.spawn.bind(sandbox) });
    assert.match(status.stdout.toString(), /^DESTINATION +STATE +LAG +RATE .*\n\S+ +retrying +[\d.]+ m?i?n?s? +[\d.]+\/s .* connection refused\n$/);
    await receiver.restart();
    await monitor.becomes({ lag_seconds: 0, destination_up: 1, entries_delivered_total: 4 });
    assert.deepEqual(await monitor.answer('/readyz'), [200, 'ok\n']);
  });

  it('shows no lag for a journal that has been quiet for a week, nor after a restart that finds nothing new', async () => {
    const journal = join(folder, 'journal');
    await makeJournal(join(journal, 'system.journal'), [0, 1].map((second) => ({ time: Date.now() * 1000 - WEEK_US + second * 1e6, fields: { MESSAGE: String(second) } })));
    for (const delivered of [2, 0]) {
      const monitor = await start(['--directory', journal, '--start', 'head']);
      // A run that has just started has nothing behind it either: it is ready only when it has looked.
      while ((await monitor.answer('/readyz'))[0] !== 200) await pause(50);
      await monitor.becomes({ entries_delivered_total: delivered, lag_seconds: 0, unconfirmed_batches: 0 });
      await forwarder!.stop();
    }
  });

  it('counts dead letters, and input that was malformed', async () => {
    const monitor = await start(['--from', 'stdin'], undefined, 'pipe');
    forwarder!.child.stdin!.write('{"MESSAGE":"one"}\n{"MESSAGE": broken\n');
    const letters = async (): Promise<number | undefined> => valueOf(await monitor.scrape(), 'journald_forwarder_dead_letters_total', { from: 'stdin', kind: 'malformed' });
    while ((await letters()) !== 1) await pause(50);
    assert.equal(valueOf(await monitor.scrape(), 'journald_forwarder_dead_letters_total', { from: 'there', kind: 'refused' }), 0);
  });

  it('is not ready while the checkpoint cannot be saved, and goes on', async () => {
    sandbox = await JournalSandbox.start();
    const state = join(folder, 'state');
    const monitor = await start(['--identifier', 'test'], sandbox.spawn.bind(sandbox));
    await write('saved');
    await monitor.becomes({ entries_delivered_total: 1, checkpoint_age_seconds: 0 });
    await rm(state, { recursive: true });
    await writeFile(state, '');
    await write('not saved');
    await monitor.until('checkpoint_save_failures_total', (failures) => failures > 0);
    assert.ok((await monitor.value('checkpoint_age_seconds'))! > 0);
    const [code, text] = await monitor.answer('/readyz');
    assert.equal(code, 503);
    assert.match(text, /^there \(tcp:\S+\): the checkpoint cannot be saved: E/);
    await rm(state);
    await mkdir(state);
    await monitor.becomes({ checkpoint_age_seconds: 0 });
    assert.deepEqual(await monitor.answer('/readyz'), [200, 'ok\n']);
  });

  it('goes on at its address after a reload', async () => {
    const journal = join(folder, 'journal');
    await makeJournal(join(journal, 'system.journal'), [{ fields: { MESSAGE: 'm' } }]);
    const config = join(folder, 'config.yaml');
    const port = await freePort();
    await writeFile(config, `metrics: 127.0.0.1:${port}\n`);
    const monitor = await start(['--directory', journal, '--start', 'head', '--config', config], undefined, 'ignore', []);
    await monitor.becomes({ entries_delivered_total: 1 });
    forwarder!.child.kill('SIGHUP');
    await forwarder!.says(/Going on with the new settings[\s\S]*Metrics and health are served/);
    await monitor.becomes({ entries_delivered_total: 0, lag_seconds: 0 });
  });

  it('ends the program with 1 and one sentence where its address is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const exit = await runForwarder(['--directory', folder, '--state-dir', join(folder, 'state'), '--to', to(), '--metrics', `127.0.0.1:${port}`]);
    other.close();
    assert.equal(exit.code, 1);
    assert.match(exit.stderr, new RegExp(`ERROR Cannot listen on --metrics 127\\.0\\.0\\.1:${port}: another program listens there\\. Stop it, or choose another port\\.`));
    assert.equal(receiver.connections, 0);
  });

  it('is loaded only where it is asked for', async () => {
    const journal = join(folder, 'journal');
    await makeJournal(join(journal, 'system.journal'), [{ fields: { MESSAGE: 'm' } }]);
    const args = ['--directory', journal, '--start', 'head', '--no-follow', '--no-checkpoint', '--to', to()];
    const trace = join(folder, 'trace');
    const strace: ForwarderOptions['spawn'] = (command, words, options) => spawn('strace', ['-D', '-f', '-qq', '-o', trace, '-e', 'trace=openat', command, ...words], options);
    const opened = async (...more: string[]): Promise<string> => {
      await runForwarder([...args, ...more], { spawn: strace });
      return readFile(trace, 'utf8');
    };
    assert.doesNotMatch(await opened(), /dist\/late\/metrics\.js/);
    assert.match(await opened('--metrics', '127.0.0.1:0'), /dist\/late\/metrics\.js/);
  });

  function to(): string {
    return `tcp://127.0.0.1:${receiver.port}?name=there&confirmAfterMs=50`;
  }

  async function write(MESSAGE: string): Promise<void> {
    await sandbox!.send({ MESSAGE, SYSLOG_IDENTIFIER: 'test' });
    await sandbox!.sync();
  }

  async function start(args: readonly string[], spawn?: ForwarderOptions['spawn'], stdin: 'ignore' | 'pipe' = 'ignore', metrics: readonly string[] = ['--metrics', '127.0.0.1:0']): Promise<Monitor> {
    forwarder = new RunningForwarder(['--state-dir', join(folder, 'state'), '--to', to(), ...metrics, ...args], { stdin, ...(spawn && { spawn }) });
    await forwarder.says(/Metrics and health are served at /);
    return new Monitor(/served at (http:\/\/[\d.:]+)/.exec(forwarder.stderr)![1]!, () => forwarder!.stderr);
  }
});

/** What a monitoring system sees. */
class Monitor {
  readonly #url: string;
  readonly #stderr: () => string;

  constructor(url: string, stderr: () => string) {
    this.#url = url;
    this.#stderr = stderr;
  }

  async scrape(): Promise<ReturnType<typeof parseExposition>> {
    const response = await fetch(`${this.#url}/metrics`);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    return parseExposition(await response.text());
  }

  readonly value = async (name: string): Promise<number | undefined> => valueOf(await this.scrape(), `journald_forwarder_${name}`, { destination: 'there' });

  /** Scrapes until all of these metrics have these values. */
  async becomes(expected: Readonly<Record<string, number>>): Promise<void> {
    const names = Object.keys(expected);
    let seen: Record<string, number | undefined> = {};
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(50)) {
      const families = await this.scrape();
      seen = Object.fromEntries(names.map((name) => [name, valueOf(families, `journald_forwarder_${name}`, { destination: 'there' })]));
      if (names.every((name) => seen[name] === expected[name])) return;
    }
    assert.deepEqual(seen, expected, this.#stderr());
  }

  async until(name: string, holds: (value: number) => boolean, what = 'holds'): Promise<number | undefined> {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(50)) {
      const value = await this.value(name);
      if (value !== undefined && holds(value)) return value;
    }
    throw new Error(`It was not seen that ${name} ${what}:\n${this.#stderr()}`);
  }

  async answer(path: string): Promise<[number, string]> {
    const response = await fetch(this.#url + path);
    return [response.status, await response.text()];
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
