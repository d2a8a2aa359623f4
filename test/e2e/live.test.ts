import assert from 'node:assert/strict';
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '../support/eventually.js';
import { startCountingReceiver, type CountingReceiver } from '../support/counting-receiver.js';
import { RunningForwarder, type ForwarderOptions } from '../support/forwarder.js';
import { JournalSandbox } from '../support/journal-sandbox.js';
import { makeJournal } from '../support/make-journal.js';

/** stderr to the journal, and the variable with which systemd says so. */
const asService = ['systemd-cat', '-t', 'forwarder', 'sh', '-c', 'export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec "$@"', 'sh'];
/** journald's own timer is 250 ms, and journalctl needs its time: what is more would be ours. */
const LIVE_LIMIT_MS = 1500;

describe('a forwarder on a machine of its own', { timeout: 120_000 }, () => {
  let sandbox: JournalSandbox;
  let receiver: CountingReceiver;
  let state: string;
  let forwarders: RunningForwarder[];

  beforeEach(async () => {
    sandbox = await JournalSandbox.start();
    receiver = await startCountingReceiver({ keepFrames: true });
    state = await mkdtemp(join(tmpdir(), 'state-'));
    forwarders = [];
  });
  afterEach(async () => {
    for (const forwarder of forwarders) await forwarder.stop('SIGKILL');
    await receiver.close();
    await sandbox.stop();
    await rm(state, { recursive: true });
  });

  it('delivers what logger, systemd-cat and the native protocol write within 1.5 s', async () => {
    start();
    await mark('ready');
    await arrived('ready');
    for (const write of [
      async () => void (await sandbox.run('logger', ['--socket', '/run/systemd/journal/dev-log', '-t', 'test', 'from logger'])),
      async () => void (await sandbox.run('systemd-cat', ['-t', 'test', 'echo', 'from systemd-cat'])),
      () => sandbox.send({ MESSAGE: 'from the native protocol', SYSLOG_IDENTIFIER: 'test' }),
    ]) {
      const before = receiver.frames.length;
      const writtenMs = performance.now();
      await write();
      await receiver.waitForFrames(before + 1);
      const tookMs = performance.now() - writtenMs;
      assert.ok(tookMs < LIVE_LIMIT_MS, `took ${Math.round(tookMs)} ms`);
    }
    assert.deepEqual(bodies().slice(-3), ['from logger', 'from systemd-cat', 'from the native protocol']);
  });

  it('resumes just after its checkpoint after a stop, a reboot and a sudden death', async () => {
    await mark('mark-1');
    let forwarder = start();
    await arrived('mark-1');
    assert.equal((await forwarder.stop()).code, 0);
    await mark('mark-2');
    forwarder = start();
    await arrived('mark-2');
    await forwarder.says(/going on after the checkpoint/);
    assert.equal((await forwarder.stop()).code, 0);
    await mark('mark-3');
    await sandbox.reboot();
    await mark('mark-4');
    forwarder = start();
    await arrived('mark-4');
    await forwarder.stop('SIGKILL');
    await mark('mark-5');
    start();
    await arrived('mark-5');
    const marks = bodies().filter((body) => /^mark-/.test(body));
    assert.deepEqual([...new Set(marks)], ['mark-1', 'mark-2', 'mark-3', 'mark-4', 'mark-5']);
    assert.deepEqual(marks.filter((body) => body < 'mark-3'), ['mark-1', 'mark-2'], 'only what the sudden death left unconfirmed may come twice');
  });

  it('delivers 1,000 entries that were left unread in the boot before', async () => {
    let forwarder = start();
    await mark('first');
    await arrived('first');
    assert.equal((await forwarder.stop()).code, 0);
    const numbered = Array.from({ length: 1000 }, (_, n) => ({ MESSAGE: `entry ~Q${String(n).padStart(9, '0')}~`, SYSLOG_IDENTIFIER: 'test' }));
    await sandbox.send(numbered);
    await sandbox.sync();
    await sandbox.reboot();
    await mark('of the next boot');
    forwarder = start();
    await arrived('of the next boot');
    assert.deepEqual(receiver.missing(1000), []);
    const { duplicates, outOfOrder } = receiver.tally;
    assert.deepEqual({ duplicates, outOfOrder }, { duplicates: 0, outOfOrder: 0 });
    assert.equal((await forwarder.stop()).code, 0);
  });

  it('delivers what a first run could not, after a reboot: that the boot before was never read is not forgotten', async () => {
    await receiver.close();
    const forwarder = start();
    await mark('of a boot in which nothing was delivered');
    await forwarder.says(/trying again until it answers/);
    await eventually(() => readdir(state), (files) => files.some((file) => file.endsWith('.json')));
    await forwarder.stop('SIGKILL');
    await mark('after the sudden death');
    await sandbox.reboot();
    await receiver.restart();
    await mark('of the next boot');
    const next = start();
    await arrived('of the next boot');
    assert.deepEqual(bodies(), ['of a boot in which nothing was delivered', 'after the sudden death', 'of the next boot']);
    assert.doesNotMatch((await next.stop()).stderr, /missing/);
  });

  it('waits for a receiver that is not there yet, says so once, and says when it is', async () => {
    await receiver.close();
    const forwarder = start();
    await mark('early');
    await forwarder.says(/WARN .*connection refused; trying again until it answers/);
    await receiver.restart();
    await arrived('early');
    await forwarder.says(/reachable again after/);
    const { stderr } = await forwarder.stop();
    assert.equal(stderr.match(/trying again until/g)?.length, 1);
    assert.equal(stderr.match(/reachable again/g)?.length, 1);
  });

  it('keeps trying a host that cannot be found, and stops at once all the same', async () => {
    const forwarder = start({ to: 'tcp://no-such-host.invalid:514' });
    await mark('x');
    await forwarder.says(/no-such-host\.invalid:514: .*trying again/);
    const stopMs = performance.now();
    assert.equal((await forwarder.stop()).code, 0);
    assert.ok(performance.now() - stopMs < 2000);
  });

  it('does not let a destination that is down hold up another', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as { port: number };
    free.close();
    const forwarder = start({ more: ['--to', `tcp://127.0.0.1:${port}`] });
    await mark('through');
    await arrived('through');
    await forwarder.says(/trying again/);
    assert.equal((await forwarder.stop()).code, 0);
  });

  it('forwards over a Unix stream socket and over UDP', async () => {
    const path = join(state, 'syslog.sock');
    const [unix, udp] = [await startCountingReceiver({ transport: { path }, keepFrames: true }), await startCountingReceiver({ transport: 'udp', keepFrames: true })];
    const forwarder = start({ to: `unix://${path}`, more: ['--to', `udp://127.0.0.1:${udp.port}`] });
    await mark('everywhere');
    for (const other of [unix, udp]) {
      while (!other.frames.some((frame) => frame.includes('everywhere'))) await other.waitForFrames(other.frames.length + 1);
    }
    assert.equal((await forwarder.stop()).code, 0);
    await unix.close();
    await udp.close();
  });

  it('filters by unit, identifier, priority, match and exclusion', async () => {
    start({ more: ['--identifier', 'wanted', '--priority', 'warning', '--match', 'T=1', '--exclude-match', 'NOISE=1'] });
    await sandbox.send([
      { MESSAGE: 'no: identifier', SYSLOG_IDENTIFIER: 'other', PRIORITY: '3', T: '1' },
      { MESSAGE: 'no: priority', SYSLOG_IDENTIFIER: 'wanted', PRIORITY: '6', T: '1' },
      { MESSAGE: 'no: match', SYSLOG_IDENTIFIER: 'wanted', PRIORITY: '3', T: '2' },
      { MESSAGE: 'no: noise', SYSLOG_IDENTIFIER: 'wanted', PRIORITY: '3', T: '1', NOISE: '1' },
      { MESSAGE: 'yes', SYSLOG_IDENTIFIER: 'wanted', PRIORITY: '4', T: '1' },
    ]);
    await arrived('yes');
    assert.deepEqual(bodies(), ['yes']);
  });

  it('forwards what matches a glob of units, also of a unit that never logged before', async () => {
    const forwarder = start({ more: ['--unit', 'worker@*', '--log-level', 'debug'] });
    await forwarder.says(/journalctl .*--follow/);
    // Root may say of which unit an entry is: no systemd is needed to write one.
    await sandbox.send([{ MESSAGE: 'of another', UNIT: 'other.service' }, { MESSAGE: 'object', OBJECT_SYSTEMD_UNIT: 'worker@2.service' }]);
    await arrived('object');
    assert.deepEqual(bodies(), ['object']);
  });

  it('leaves its own entries out when its stderr goes to the journal, unless told otherwise', async () => {
    for (const [more, expected] of [[[], false], [['--include-self'], true]] as const) {
      const name = `self-${String(expected)}`;
      const to = `tcp://127.0.0.1:${receiver.port}?format=json&framing=octet-counting&name=${name}`;
      const forwarder = start({ to, more: ['--log-level', 'debug', ...more], through: asService });
      await mark(`first ${name}`);
      await arrived(`first ${name}`);
      await mark(`second ${name}`);
      await arrived(`second ${name}`);
      const isOwn = (frame: Buffer): boolean => (JSON.parse(frame.toString('utf8')) as Record<string, unknown>)['SYSLOG_IDENTIFIER'] === 'forwarder';
      assert.equal(receiver.frames.some(isOwn), expected);
      await forwarder.stop();
    }
  });

  it('refuses a second process with the same state, and takes over after a sudden death', async () => {
    const first = start();
    await mark('mark-1');
    await arrived('mark-1');
    const second = start();
    const exit = await second.exit;
    assert.equal(exit.code, 1);
    assert.match(exit.stderr, /Another journald-forwarder uses the state of "tcp-127\.0\.0\.1-\d+"/);
    const hanging = join(state, 'journalctl');
    await writeFile(hanging, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    const third = await start({ more: ['--journalctl-path', hanging] }).exit;
    assert.equal(third.code, 1, 'nor does what it asked of journalctl keep it');
    await first.stop('SIGKILL');
    start();
    await mark('mark-2');
    await arrived('mark-2');
  });

  it('reads its settings again at SIGHUP, and keeps the old ones where the new are wrong', async () => {
    const config = join(state, 'config.yaml');
    const write = (format: string): Promise<void> => writeFile(config, `state-dir: ${state}\nto:\n  - url: tcp://127.0.0.1:${receiver.port}\n    framing: octet-counting\n    format: ${format}\n`);
    await write('cat');
    const forwarder = startWith(['--config', config]);
    await mark('as cat');
    await arrived('as cat');
    await write('nonsense');
    forwarder.child.kill('SIGHUP');
    await forwarder.says(/nonsense.*The settings from before go on/s);
    await mark('still cat');
    await arrived('still cat');
    await write('json');
    forwarder.child.kill('SIGHUP');
    await forwarder.says(/Going on with the new settings/);
    await mark('as json');
    await arrived('"MESSAGE":"as json"');
    assert.equal((await forwarder.stop()).code, 0);
  });

  it('goes on with the old settings where the new ones are right but cannot be worked with', async () => {
    const config = join(state, 'config.yaml');
    const write = (more: string): Promise<void> => writeFile(config, `state-dir: ${state}\nto: tcp://127.0.0.1:${receiver.port}\n# A stop that waited for it would be seen.\nshutdown-timeout: 10m\n${more}`);
    await write('');
    const forwarder = startWith(['--config', config]);
    await mark('before');
    await arrived('before');
    await write('directory: /nonexistent/journal\n');
    forwarder.child.kill('SIGHUP');
    await forwarder.says(/Cannot read --directory "\/nonexistent\/journal".*The settings from before go on/);
    await mark('after');
    await arrived('after');
    assert.equal((await forwarder.stop()).code, 0);
  });

  it('ends where neither the new settings nor those from before can be worked with', async () => {
    const [config, directory] = [join(state, 'config.yaml'), join(state, 'journal')];
    const write = (from: string): Promise<void> => writeFile(config, `state-dir: ${state}\nto: tcp://127.0.0.1:${receiver.port}\nstart: head\ndirectory: ${from}\n`);
    await makeJournal(join(directory, 'system.journal'), [{ fields: { MESSAGE: 'the only one' } }]);
    await write(directory);
    const forwarder = startWith(['--config', config]);
    await arrived('the only one');
    await rename(directory, `${directory}-elsewhere`);
    await write('/nonexistent/journal');
    forwarder.child.kill('SIGHUP');
    const { code, stderr } = await forwarder.exit;
    assert.equal(code, 1);
    assert.equal(stderr.match(/The settings from before go on/g)?.length, 1, stderr);
    assert.match(stderr, new RegExp(`Cannot read --directory "${directory}"`));
  });

  it('repeats nothing at SIGHUP, whether it forgets an old checkpoint or keeps none', async () => {
    for (const option of ['--reset-checkpoint', '--no-checkpoint']) {
      const forwarder = start({ more: [option] });
      await mark(`before ${option}`);
      await arrived(`before ${option}`);
      forwarder.child.kill('SIGHUP');
      await forwarder.says(/Going on with the new settings/);
      await mark(`after ${option}`);
      await arrived(`after ${option}`);
      assert.equal(bodies().filter((body) => body === `before ${option}`).length, 1, option);
      await forwarder.stop();
    }
  });

  function start(options: { readonly to?: string; readonly more?: readonly string[]; readonly through?: readonly string[] } = {}): RunningForwarder {
    const to = options.to ?? `tcp://127.0.0.1:${receiver.port}?format=cat&framing=octet-counting`;
    return startWith(['--state-dir', state, '--to', to, ...(options.more ?? [])], options.through);
  }

  function startWith(args: readonly string[], through: readonly string[] = []): RunningForwarder {
    const spawn: ForwarderOptions['spawn'] = (command, words, spawnOptions) => {
      const [first, ...rest] = [...through, command, ...words];
      return sandbox.spawn(first!, rest, spawnOptions);
    };
    const forwarder = new RunningForwarder(args, { spawn });
    forwarders.push(forwarder);
    return forwarder;
  }

  async function mark(MESSAGE: string): Promise<void> {
    await sandbox.send({ MESSAGE, SYSLOG_IDENTIFIER: 'test' });
    await sandbox.sync();
  }

  async function arrived(text: string): Promise<void> {
    while (!receiver.frames.some((frame) => frame.includes(text))) await receiver.waitForFrames(receiver.frames.length + 1, 20_000);
  }

  function bodies(): string[] {
    return receiver.frames.map(String).filter((body) => !/^Journal st|^System Journal|^Runtime Journal/.test(body));
  }
});
