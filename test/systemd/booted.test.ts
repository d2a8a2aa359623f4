import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BootedSystemd } from '../support/booted-systemd.js';
import { eventually } from '../support/eventually.js';
import { StreamReceiver } from '../support/stream-receiver.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const UNIT = 'journald-forwarder.service';
const INSTALLED = '/usr/local/lib/journald-forwarder';
const HANGING = '/usr/local/lib/hanging';
const STATE = '/var/lib/private/journald-forwarder';
/** Of a test that waits for a start after a failure. */
const SOON = 'RestartSec=100ms';

describe('the unit, under a real systemd', { timeout: 240_000 }, () => {
  let system: BootedSystemd;
  let hangingBuild: string;
  const receivers: StreamReceiver[] = [];

  before(async () => {
    hangingBuild = await buildWithHangingSink();
    system = await boot(hangingBuild);
  });
  after(async () => {
    await system?.stop();
    if (hangingBuild !== undefined) await rm(hangingBuild, { recursive: true });
  });
  afterEach(async () => {
    await system.run('systemctl', 'kill', '--signal=SIGKILL', UNIT);
    await system.run('systemctl', 'stop', UNIT);
    await system.run('systemctl', 'reset-failed', UNIT);
    await system.output('rm', '-rf', `/etc/systemd/system/${UNIT}.d`, STATE);
    for (const receiver of receivers.splice(0)) await receiver.stop();
  });

  const receive = async (port = 0): Promise<StreamReceiver> => {
    const receiver = await StreamReceiver.listen({ host: '127.0.0.1', port });
    receivers.push(receiver);
    return receiver;
  };
  const configure = (to: string, more = ''): Promise<void> => system.write('/etc/journald-forwarder/config.yaml', `to: ${to}?format=cat\n${more}`);
  const dropIn = async (...lines: readonly string[]): Promise<void> => {
    await system.write(`/etc/systemd/system/${UNIT}.d/test.conf`, ['[Service]', ...lines, ''].join('\n'));
    await system.output('systemctl', 'daemon-reload');
  };
  const start = (): Promise<string> => system.output('systemctl', 'start', UNIT);
  const property = (name: string): Promise<string> => system.property(UNIT, name);
  /** Writes `WORD-1` to `WORD-COUNT` to the journal, as any program may. */
  const log = (word: string, count: number): Promise<string> => system.output('sh', '-c', `seq -f '${word}-%.0f' ${count} | logger --tag test`);
  const hang = (): Promise<void> => system.write(`${STATE}/hang`, '');
  const hasHung = (): Promise<boolean> => eventually(async () => !existsSync(system.path(`${STATE}/hang`)), (isGone) => isGone);

  it('forwards what is logged, says so in its status, and stops in less than two seconds', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver));
    await dropIn();
    await system.output('systemctl', 'enable', '--now', UNIT);
    assert.equal(await property('ActiveState'), 'active');
    await log('hello', 100);
    await receiver.until(() => missing(receiver, 'hello', 100).length === 0);
    assert.match(await property('StatusText'), /^tcp:\/\/127\.0\.0\.1:\d+: \d+ entries\/s, /);
    assert.match(await eventually(() => property('StatusText'), (text) => text.endsWith('up to date')), /: \d+ entries\/s, up to date$/);

    const startMs = performance.now();
    await system.output('systemctl', 'stop', UNIT);
    assert.ok(performance.now() - startMs < 2000, `${performance.now() - startMs} ms`);
    assert.equal(await property('Result'), 'success');
    assert.equal(await property('ExecMainStatus'), '0');
  });

  it('goes on after a stop with what was logged meanwhile', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver));
    await dropIn();
    await start();
    await log('before', 20);
    await receiver.until(() => missing(receiver, 'before', 20).length === 0);
    await system.output('systemctl', 'stop', UNIT);
    await log('meanwhile', 20);
    const { byteCount } = receiver;
    await start();
    await receiver.until(() => missing(receiver, 'meanwhile', 20).length === 0);
    assert.doesNotMatch(Buffer.concat(receiver.chunks).subarray(byteCount).toString(), /before-/);
  });

  it('is started, since the destination that is down is tried again', async () => {
    const receiver = await receive();
    const { port } = receiver;
    await receiver.stop();
    await configure(`tcp://127.0.0.1:${port}`);
    await dropIn();
    await start();
    assert.equal(await property('ActiveState'), 'active');
    assert.match(await property('StatusText'), /: DOWN \(.+\)/);
    await log('later', 10);
    const again = await receive(port);
    await again.until(() => missing(again, 'later', 10).length === 0);
  });

  it('is started although its filter matches nothing, so that there is nothing to send', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver), 'identifier: never\n');
    await dropIn();
    await start();
    assert.equal(await property('ActiveState'), 'active');
    assert.equal(receiver.connections.length, 0);
  });

  it('is started anew after SIGKILL, and nothing is missing', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver));
    await dropIn(SOON);
    await start();
    const pid = await property('MainPID');
    await log('killed', 2000);
    await system.output('systemctl', 'kill', '--signal=SIGKILL', '--kill-who=main', UNIT);
    await log('after', 10);
    await receiver.until(() => missing(receiver, 'after', 10).length === 0);
    assert.deepEqual(missing(receiver, 'killed', 2000), []);
    assert.equal(await property('NRestarts'), '1');
    assert.notEqual(await property('MainPID'), pid);
  });

  it('fails with wrong settings, and is not started again', async () => {
    await configure('tcp://127.0.0.1');
    await dropIn(SOON);
    const { exitCode } = await system.run('systemctl', 'start', UNIT);
    assert.notEqual(exitCode, 0);
    assert.equal(await property('ExecMainStatus'), '2');
    assert.equal(await property('SubState'), 'failed');
    assert.equal(await property('NRestarts'), '0');
    assert.match(await system.output('systemctl', 'status', '--no-pager', UNIT).catch(String), /a port is needed/);
  });

  it('takes new settings at a reload, in the same process', async () => {
    const [old, fresh] = [await receive(), await receive()];
    await configure(addressOf(old));
    await dropIn();
    await start();
    const pid = await property('MainPID');
    await log('old', 10);
    await old.until(() => missing(old, 'old', 10).length === 0);
    await configure(addressOf(fresh));
    await system.output('systemctl', 'reload', UNIT);
    await log('fresh', 10);
    await fresh.until(() => missing(fresh, 'fresh', 10).length === 0);
    assert.equal(await eventually(() => property('ActiveState'), (state) => state !== 'reloading'), 'active');
    assert.equal(await property('MainPID'), pid);
    assert.match(await property('StatusText'), new RegExp(`^tcp://127\\.0\\.0\\.1:${fresh.port}:`));
  });

  it('goes on with the old settings when it finds wrong ones at a reload', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver));
    await dropIn();
    await start();
    const pid = await property('MainPID');
    await configure('tcp://127.0.0.1');
    await system.output('systemctl', 'reload', UNIT);
    await eventually(() => system.output('journalctl', '--unit', UNIT, '--output=cat', `_PID=${pid}`), (said) => said.includes('The settings from before go on.'));
    assert.equal(await eventually(() => property('ActiveState'), (state) => state !== 'reloading'), 'active');
    await log('still', 10);
    await receiver.until(() => missing(receiver, 'still', 10).length === 0);
    assert.equal(await property('MainPID'), pid);
  });

  it('is started anew by the watchdog when a delivery hangs for ever, and loses nothing', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver));
    await dropIn(...hangingProgram, 'WatchdogSec=2', SOON);
    await start();
    await log('early', 500);
    await receiver.until(() => missing(receiver, 'early', 500).length === 0);
    await hang();
    await log('hung', 500);
    await hasHung();
    await eventually(() => property('NRestarts'), (count) => count === '1');
    assert.match(await system.output('journalctl', '--unit', UNIT, '--output=cat', '--since=-1min'), /an attempt to deliver has not ended within 0\.5 s; systemd's watchdog is told nothing more[^]*[Ww]atchdog timeout/);
    await log('late', 10);
    await receiver.until(() => missing(receiver, 'late', 10).length === 0);
    for (const [word, count] of [['early', 500], ['hung', 500]] as const) assert.deepEqual(missing(receiver, word, count), []);
    assert.equal(await property('NRestarts'), '1');
  });

  it('is started anew by the watchdog when the process does nothing any more', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver));
    await dropIn('WatchdogSec=2', SOON);
    await start();
    await system.output('kill', '-STOP', await property('MainPID'));
    await log('stopped', 100);
    await receiver.until(() => missing(receiver, 'stopped', 100).length === 0);
    assert.equal(await property('NRestarts'), '1');
  });

  it('is not started before its first delivery has ended', async () => {
    const receiver = await receive();
    await configure(addressOf(receiver));
    await dropIn(...hangingProgram, 'TimeoutStartSec=3', 'TimeoutStopSec=1', SOON);
    await system.output('mkdir', '-p', '-m', '0777', STATE);
    await hang();
    await system.output('systemctl', 'start', '--no-block', UNIT);
    await hasHung();
    assert.equal(await property('ActiveState'), 'activating');
    await eventually(() => property('ActiveState'), (state) => state === 'active');
    assert.equal(await property('NRestarts'), '1');
  });

  it('is left alone by the watchdog while its receiver does not read, and while it is away', async () => {
    const receiver = await receive();
    receiver.stall();
    await configure(addressOf(receiver));
    await dropIn(...hangingProgram, 'WatchdogSec=2', SOON);
    // More than the two kernels' buffers hold on the loopback.
    await system.output('sh', '-c', 'head -c 12000000 /dev/zero | tr "\\0" x | fold -w 8000 | sed "s/^/$(date +%s) /" | logger --tag test --size 10000');
    await start();
    const pid = await property('MainPID');
    await watchdogHears(3);
    await receiver.connection();
    assert.match(await property('StatusText'), /behind/);
    const { port } = receiver;
    await receiver.stop();
    await watchdogHears(3);
    assert.equal(await property('MainPID'), pid);
    const again = await receive(port);
    await log('survived', 10);
    await again.until(() => missing(again, 'survived', 10).length === 0);
    assert.equal(await property('NRestarts'), '0');
  });

  /** Waits until it has spoken at so many different moments; each is a third of WatchdogSec= after the one before. */
  async function watchdogHears(times: number): Promise<void> {
    for (let last = await property('WatchdogTimestampMonotonic'); times > 0; times--) {
      last = await eventually(() => property('WatchdogTimestampMonotonic'), (time) => time !== last);
    }
  }
});

const hangingProgram = ['ExecStart=', `ExecStart=${HANGING}/bin/journald-forwarder.js run --config /etc/journald-forwarder/config.yaml`];

function addressOf({ port }: StreamReceiver): string {
  return `tcp://127.0.0.1:${port}`;
}

/** Which of `WORD-1` to `WORD-COUNT` the receiver does not have. */
function missing(receiver: StreamReceiver, word: string, count: number): number[] {
  const arrived = new Set(receiver.text().split('\n'));
  return Array.from({ length: count }, (_, index) => index + 1).filter((number) => !arrived.has(`${word}-${number}`));
}

/** A machine on which the program is installed as docs/systemd.md says. */
async function boot(hangingBuild: string): Promise<BootedSystemd> {
  const modules = await realpath(join(repository, 'node_modules'));
  const parts = ['bin', 'dist', 'package.json'];
  const system = await BootedSystemd.boot({
    binds: {
      '/usr/local/bin/node': process.execPath,
      [`${INSTALLED}/node_modules`]: modules,
      [`${HANGING}/node_modules`]: modules,
      ...Object.fromEntries(parts.map((part) => [`${INSTALLED}/${part}`, join(repository, part)])),
      ...Object.fromEntries(parts.map((part) => [`${HANGING}/${part}`, join(hangingBuild, part)])),
    },
    files: {
      [`/etc/systemd/system/${UNIT}`]: await readFile(join(repository, 'systemd', UNIT), 'utf8'),
      '/etc/systemd/journald.conf.d/test.conf': '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n',
    },
  });
  await system.output('ln', '-sf', `${INSTALLED}/bin/journald-forwarder.js`, '/usr/local/bin/journald-forwarder');
  return system;
}

/** The program as built, but that a delivery hangs for ever where the state folder has a file `hang`, which is then removed. */
async function buildWithHangingSink(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hanging-'));
  await chmod(folder, 0o755);
  for (const part of ['bin', 'dist', 'package.json']) await cp(join(repository, part), join(folder, part), { recursive: true });
  const main = join(folder, 'dist/main.js');
  const built = await readFile(main, 'utf8');
  const changed = built.replace('function createSyslogStreamSink(', `function createSyslogStreamSink(options) {
  const { existsSync, rmSync } = require('node:fs');
  const marker = process.env.STATE_DIRECTORY + '/hang';
  const sink = realSyslogStreamSink({ ...options, connectTimeoutMs: 400 });
  Object.defineProperty(sink, 'attemptTimeoutMs', { value: 500 });
  const deliver = sink.deliver.bind(sink);
  sink.deliver = (batch, signal) => {
    if (!existsSync(marker)) return deliver(batch, signal);
    rmSync(marker);
    return new Promise(() => undefined);
  };
  return sink;
}
function realSyslogStreamSink(`);
  assert.notEqual(changed, built);
  await writeFile(main, changed);
  return folder;
}
