import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { loadSettings } from '../../src/config/load.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFile(new URL(path, root), 'utf8');

describe('systemd/journald-forwarder.service', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'units-'))));
  after(() => rm(folder, { recursive: true }));

  it('has nothing that systemd-analyze objects to', async () => {
    assert.equal(await objections(folder, (unit) => unit), '');
  });

  it('would be objected to with a mistake in it', async () => {
    assert.match(await objections(folder, (unit) => unit.replace('RestartSec=5', 'RestartSecs=5')), /RestartSecs/);
  });

  it('is not started again after an exit with 2, and always after any other', async () => {
    const unit = await read('systemd/journald-forwarder.service');
    for (const line of ['Restart=always', 'RestartPreventExitStatus=2', 'StartLimitIntervalSec=0']) assert.ok(unit.split('\n').includes(line), line);
  });

  it('gives a stop more time than the program itself takes for it', async () => {
    const unit = await read('systemd/journald-forwarder.service');
    const { settings } = await load('systemd/config.yaml');
    assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) * 1000 > settings.shutdownTimeoutMs);
  });

  it('leaves out what would keep Node.js or journalctl from running', async () => {
    const unit = await read('systemd/journald-forwarder.service');
    assert.doesNotMatch(unit, /^(MemoryDenyWriteExecute|ProcSubset)=/m);
    assert.match(unit, /^SystemCallFilter=.*@pkey/m);
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

interface CloudConfig {
  readonly write_files: readonly { readonly path: string; readonly permissions: string; readonly content: string }[];
  readonly coreos: { readonly units: readonly { readonly name: string; readonly enable: boolean; readonly command: string; readonly content: string; readonly 'drop-ins': readonly { readonly name: string; readonly content: string }[] }[] };
}

describe('cloud-config/journald-forwarder.yaml', () => {
  let folder: string;
  let config: CloudConfig;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloud-config-'));
    config = parse(await read('cloud-config/journald-forwarder.yaml')) as CloudConfig;
  });
  after(() => rm(folder, { recursive: true }));
  const file = (path: string) => config.write_files.find((f) => f.path === path)?.content ?? assert.fail(`${path} is not written`);

  it('begins with the line that makes it a cloud-config', async () => {
    assert.match(await read('cloud-config/journald-forwarder.yaml'), /^#cloud-config\n/);
  });

  it('starts the unit of systemd/, word for word', async () => {
    const [unit, ...others] = config.coreos.units;
    assert.deepEqual(others, []);
    assert.equal(unit?.name, 'journald-forwarder.service');
    assert.equal(unit.command, 'start');
    assert.equal(unit.content, await read('systemd/journald-forwarder.service'));
  });

  it('changes the unit by a drop-in to which systemd-analyze does not object', async () => {
    const dropIn = config.coreos.units[0]?.['drop-ins'][0]?.content ?? '';
    assert.match(dropIn, /^ExecStart=\/opt\/bin\/journald-forwarder run --config \/etc\/journald-forwarder\/config\.yaml$/m);
    assert.equal(await objections(folder, (unit) => unit, dropIn), '');
  });

  it('writes settings that are accepted', async () => {
    const { settings } = await load('config.yaml', file('/etc/journald-forwarder/config.yaml'));
    assert.equal(settings.destinations.length, 1);
  });

  it('fetches the archive, keeps it, and takes no other than the one whose hash it names', async () => {
    assert.equal(await exitCodeOf('curl', ['--version']), 0, 'install the Debian package curl');
    const pack = join(folder, 'pack', 'journald-forwarder');
    await mkdir(pack, { recursive: true });
    await writeFile(join(pack, 'node'), 'the node program');
    await promisify(execFile)('tar', ['-czf', join(folder, 'archive.tar.gz'), '-C', join(folder, 'pack'), 'journald-forwarder']);
    const archive = await readFile(join(folder, 'archive.tar.gz'));
    let fetched = 0;
    const server = createServer((_request, response) => {
      fetched++;
      response.end(archive);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const opt = join(folder, 'opt');
      await mkdir(opt);
      const fetchWith = (sha256: string) => {
        const script = file('/opt/bin/journald-forwarder-fetch')
          .replace(/^url=.*$/m, `url=http://127.0.0.1:${(server.address() as AddressInfo).port}/archive.tar.gz`)
          .replace(/^sha256=.*$/m, `sha256=${sha256}`)
          .replace('cd /opt ', `cd ${opt} `)
          .replace('sleep 60', 'true');
        return exitCodeOf('/bin/sh', ['-c', script]);
      };
      const right = createHash('sha256').update(archive).digest('hex');
      const node = () => readFile(join(opt, 'journald-forwarder', 'node'), 'utf8');

      assert.equal(await fetchWith('0'.repeat(64)), 1);
      await assert.rejects(node(), /ENOENT/);
      assert.equal(await fetchWith(right), 0);
      assert.equal(await node(), 'the node program');
      assert.equal(await fetchWith(right), 0);
      assert.equal(fetched, 2);
      assert.equal(await fetchWith('0'.repeat(64)), 1);
      assert.equal(await node(), 'the node program');
    } finally {
      server.close();
    }
  });
});

/** What `systemd-analyze verify` says of the unit, with a program in its place that this machine has. */
async function objections(folder: string, change: (unit: string) => string, dropIn?: string): Promise<string> {
  const place = await mkdtemp(join(folder, 'verify-'));
  // systemd-analyze wants a program that exists and can be run.
  const program = join(place, 'journald-forwarder');
  await cp('/bin/true', program);
  await chmod(program, 0o755);
  const withProgram = (text: string) => text.replace(/\/(usr\/local|opt)\/bin\/journald-forwarder(-fetch)?\b/g, program);
  await writeFile(join(place, 'journald-forwarder.service'), withProgram(change(await read('systemd/journald-forwarder.service'))));
  if (dropIn !== undefined) {
    await mkdir(join(place, 'journald-forwarder.service.d'));
    await writeFile(join(place, 'journald-forwarder.service.d', '10-opt.conf'), withProgram(dropIn));
  }
  // Plain `verify`, since systemd 247 knows no --recursive-errors; it exits with 0 for a mere warning, so the words count.
  const child = spawn('systemd-analyze', ['verify', '--man=no', join(place, 'journald-forwarder.service')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (words += String(chunk)));
  const [code] = (await once(child, 'close').catch((cause: unknown) => {
    throw new Error('Cannot run systemd-analyze: install the Debian package systemd.', { cause });
  })) as [number | null];
  return code === 0 ? words : `exit ${code}: ${words}`;
}

async function exitCodeOf(program: string, args: readonly string[]): Promise<number | null> {
  const child = spawn(program, args, { stdio: 'ignore' });
  const [code] = (await once(child, 'close').catch(() => [null])) as [number | null];
  return code;
}

async function load(path: string, text?: string) {
  const content = text ?? (await read(path));
  return loadSettings({ flags: { config: [path] }, env: {}, readFile: () => content, uid: 0, homeDirectory: '/root' });
}
