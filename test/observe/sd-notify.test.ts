import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { SdNotify } from '../../src/observe/sd-notify.js';
import { eventually } from '../support/eventually.js';
import { ManagerSocket } from '../support/manager-socket.js';
import { RecordedLogger } from '../support/recorded-logger.js';

const { PATH } = process.env;

describe('SdNotify', { timeout: 30_000 }, () => {
  let manager: ManagerSocket;
  let notify: SdNotify;
  let logger: RecordedLogger;
  let folder: string;
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'sd-notify-'))));
  after(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    manager = await ManagerSocket.create({ open: false });
    logger = new RecordedLogger();
    notify = open();
  });
  afterEach(async () => {
    await notify.close();
    await manager.close();
  });
  const open = (program?: string): SdNotify => {
    const sender = new SdNotify({ environment: { PATH, NOTIFY_SOCKET: manager.path }, ...(program === undefined ? {} : { program }) });
    sender.logger = logger;
    return sender;
  };
  const script = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\n${text}\n`);
    await chmod(path, 0o755);
    return path;
  };

  it('sends every change of state in order, and only the last status', async () => {
    await manager.open();
    notify.state('READY=1');
    notify.status('first');
    notify.alive();
    notify.state('RELOADING=1', 'MONOTONIC_USEC=17');
    notify.status('second: of two words');
    notify.state('READY=1');
    notify.alive();
    await notify.close();
    await eventually(() => manager.messages.length, (length) => length >= 3);
    assert.deepEqual(manager.messages, [['READY=1'], ['RELOADING=1', 'MONOTONIC_USEC=17', 'STATUS=second: of two words', 'WATCHDOG=1'], ['READY=1']]);
  });

  it('runs one systemd-notify at a time', async () => {
    const lock = join(folder, 'lock');
    const report = join(folder, 'report');
    notify = open(await script('counts', `mkdir ${lock} && echo alone >>${report} || echo together >>${report}; sleep 0.05; rmdir ${lock}`));
    for (let round = 0; round < 5; round++) {
      notify.state(`ROUND=${round}`);
      notify.status(String(round));
    }
    await notify.close();
    assert.equal(await readFile(report, 'utf8'), 'alone\n'.repeat(5));
  });

  it('tries a change of state again until the manager has it, and says once that it could not be told', async () => {
    notify.state('READY=1');
    await logger.line(/^debug: systemd was not told of our state/);
    notify.status('well');
    await manager.open();
    assert.deepEqual(await manager.message('READY=1'), ['READY=1', 'STATUS=well']);
    assert.equal(logger.lines.length, 1);
  });

  it('does not send later that all went on before', async () => {
    notify.alive();
    await logger.line(/was not told/);
    await manager.open();
    notify.status('now');
    assert.deepEqual(await manager.message('STATUS=now'), ['STATUS=now']);
  });

  it('says what to do where there is no systemd-notify', async () => {
    notify = open(join(folder, 'absent'));
    notify.state('READY=1');
    assert.match(await logger.line(/^warn: Cannot run .*absent, by which systemd is told/), /set Type=exec/);
  });

  it('gives up on a systemd-notify that hangs when it is closed', async () => {
    const pidFile = join(folder, 'pid');
    notify = open(await script('hangs', `echo $$ >${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 600`));
    notify.state('STOPPING=1');
    const pid = Number(await eventually(() => readFile(pidFile, 'utf8').catch(() => ''), (text) => text !== ''));
    await notify.close();
    await eventually(() => isRunning(pid), (running) => !running);
    assert.deepEqual(logger.lines, []);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
