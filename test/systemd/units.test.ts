import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadSettings } from '../../src/config/load.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFile(new URL(path, root), 'utf8');

for (const name of ['journald-forwarder.service', 'journald-forwarder@.service']) {
  describe(`systemd/${name}`, () => {
    let folder: string;
    let unit: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'units-'));
      unit = await read(`systemd/${name}`);
    });
    after(() => rm(folder, { recursive: true }));

    it('has nothing that systemd-analyze objects to', async () => {
      assert.equal(await objections(folder, unit, name), '');
    });

    it('would be objected to with a mistake in it', async () => {
      assert.match(await objections(folder, unit.replace('RestartSec=5', 'RestartSecs=5'), name), /RestartSecs/);
    });

    it('is not started again after an exit with 2, and always after any other', () => {
      for (const line of ['Restart=always', 'RestartPreventExitStatus=2', 'StartLimitIntervalSec=0']) assert.ok(unit.split('\n').includes(line), line);
    });

    it('gives a stop more time than the program itself takes for it', async () => {
      const { settings } = await load('systemd/config.yaml');
      assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) * 1000 > settings.shutdownTimeoutMs);
    });

    it('leaves out what would keep Node.js or journalctl from running', () => {
      assert.doesNotMatch(unit, /^(MemoryDenyWriteExecute|ProcSubset)=/m);
      assert.match(unit, /^SystemCallFilter=.*@pkey/m);
    });

    it('limits memory and tasks', () => {
      for (const limit of ['MemoryHigh', 'MemoryMax', 'TasksMax']) assert.match(unit, new RegExp(`^${limit}=\\d+`, 'm'));
    });
  });
}

describe('systemd/journald-forwarder@.service', () => {
  it('says the same as the unit without instances, but for the names of its files and of its state folder', async () => {
    const settings = (text: string): string[] => text.split('\n').filter((line) => !line.startsWith('#'));
    const [unit, template] = [settings(await read('systemd/journald-forwarder.service')), settings(await read('systemd/journald-forwarder@.service'))];
    assert.equal(template.length, unit.length);
    assert.deepEqual(template.filter((line, index) => line !== unit[index]), [
      'Description=Forwarder of the systemd journal, %i',
      'ExecStart=/usr/local/bin/journald-forwarder run --config /etc/journald-forwarder/%i.yaml',
      'EnvironmentFile=-/etc/journald-forwarder/%i.environment',
      'StateDirectory=journald-forwarder@%i',
    ]);
  });
});

describe('systemd/config.yaml', () => {
  it('is accepted as it stands', async () => {
    const { settings, warnings } = await load('systemd/config.yaml');
    assert.deepEqual(warnings, []);
    assert.deepEqual(settings.destinations.map(({ label }) => label), ['tcp://syslog.example.com:514']);
  });

  it('is accepted with everything in it that is commented out', async () => {
    const text = (await read('systemd/config.yaml'))
      .replace(/^to: .*$/m, '')
      .replace(/^# ((?:to|priority|unit|exclude-unit|exclude-match|shutdown-timeout|log-level):.*|  .*)$/gm, '$1');
    const { settings } = await load('config.yaml', text);
    assert.deepEqual(settings.destinations.map(({ label }) => label), ['tcp://syslog.example.com:514', 'udp://127.0.0.1:5514']);
    assert.deepEqual(settings.filter.units, ['nginx.service', 'postgresql@*.service']);
    assert.equal(settings.filter.priority, '6');
    assert.equal(settings.filter.excludeMatches.length, 1);
  });
});

/** What `systemd-analyze verify` says of the unit, with a program in its place that this machine has. */
async function objections(folder: string, unit: string, name: string): Promise<string> {
  const place = await mkdtemp(join(folder, 'verify-'));
  // systemd-analyze wants a program that exists and can be run.
  const program = join(place, 'journald-forwarder');
  await cp('/bin/true', program);
  await chmod(program, 0o755);
  const withProgram = (text: string) => text.replace(/\/usr\/local\/bin\/journald-forwarder\b/g, program);
  await writeFile(join(place, name), withProgram(unit));
  // Plain `verify`, since systemd 247 knows no --recursive-errors; it exits with 0 for a mere warning, so the words count.
  const child = spawn('systemd-analyze', ['verify', '--man=no', join(place, name)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (words += String(chunk)));
  const [code] = (await once(child, 'close').catch((cause: unknown) => {
    throw new Error('Cannot run systemd-analyze: install the Debian package systemd.', { cause });
  })) as [number | null];
  return code === 0 ? words : `exit ${code}: ${words}`;
}

async function load(path: string, text?: string) {
  const content = text ?? (await read(path));
  return loadSettings({ flags: { config: [path] }, env: {}, readFile: () => content, uid: 0, homeDirectory: '/root' });
}
