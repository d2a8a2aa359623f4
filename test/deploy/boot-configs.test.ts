import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ignitionOf } from '../../deploy/boot-configs/butane.js';
import { checkCloudConfig, readerOf } from '../../deploy/boot-configs/cloud-config.js';
import { bootConfigs, outputs } from '../../deploy/boot-configs/files.js';
import { renewed } from '../../deploy/boot-configs/renew.js';
import { loadSettings } from '../../src/config/load.js';
import { machineFiles, repositoryFile } from './machine-files.js';

const top = fileURLToPath(new URL('../../', import.meta.url));
const cloudConfigs = bootConfigs().filter((path) => path.endsWith('.yaml'));
const butanes = bootConfigs().filter((path) => path.endsWith('.bu'));
const ignitions = butanes.map((path) => path.replace(/\.bu$/, '.ign'));
const digest = 'ab'.repeat(32);
/** The file that holds the secret of a boot config. */
const secrets = { 'cloud-init.yaml': 'token', 'cloudwatch.yaml': 'environment', 'cloudwatch.ign': 'aws-credentials', 'http.ign': 'token', 'syslog-tls.ign': 'client.key' };
let folder: string;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'boot-configs-'))));
after(() => rm(folder, { recursive: true }));

describe('the boot configs', () => {
  it('are there for each system and each destination', () => {
    assert.deepEqual(ignitions.map((path) => path.split('/').pop()), ['fcos', 'flatcar'].flatMap((system) => ['cloudwatch', 'http', 'syslog-tls'].map((destination) => `${system}-${destination}.ign`)));
    assert.deepEqual(readdirSync(`${top}deploy/ignition`).filter((name) => name.endsWith('.ign')), ignitions.map((path) => path.split('/').pop()));
    assert.deepEqual(cloudConfigs.map(readerOfFile), ['cloud-init', 'coreos-cloudinit', 'coreos-cloudinit']);
  });

  for (const path of bootConfigs()) {
    it(`${path} holds the unit, and the file made from it is current (if not: npm run boot-configs)`, () => {
      for (const [output, text] of outputs(path)) assert.equal(repositoryFile(output), text, output);
    });
  }

  for (const path of [...cloudConfigs, ...ignitions]) {
    describe(path, () => {
      const files = machineFiles(path);
      const textOf = (place: string) => files.find((file) => file.path === place)?.text ?? assert.fail(`${place} is not written`);

      it('brings the unit of systemd/, word for word, and drop-ins to which systemd-analyze does not object', async () => {
        assert.equal(textOf('/etc/systemd/system/journald-forwarder.service'), repositoryFile('systemd/journald-forwarder.service'));
        assert.equal(await objections(files.flatMap(({ path: place, text }) => (place.startsWith('/etc/systemd/') ? [[place, text!] as const] : []))), '');
      });

      it('has a program where the unit looks for it, with its digest', () => {
        const program = files.find(({ hash }) => hash !== undefined);
        const start = effective(files, 'ExecStart').at(-1)?.split(' ')[0];
        if (program !== undefined) {
          assert.deepEqual([program.path, program.mode], [start, 0o755]);
          assert.match(program.hash!, /^sha256-[0-9a-f]{64}$/);
        } else {
          const [script, release, place] = effective(files, 'ExecStartPre').at(-1)!.replace(/^\+/, '').split(' ');
          assert.equal(files.find((file) => file.path === script)?.mode, 0o755);
          assert.equal(textOf(script!), repositoryFile('cloud-config/journald-forwarder-fetch'));
          assert.match(textOf(release!), /^url='https:\/\/\S+'\nsha256=[0-9a-f]{64}\n$/);
          assert.equal(place, start);
        }
      });

      it('has settings that are accepted, and that its user may read', async () => {
        const place = '/etc/journald-forwarder/config.yaml';
        const { settings, warnings } = await loadSettings({ flags: { config: [place] }, env: { CREDENTIALS_DIRECTORY: '/credentials' }, readFile: () => textOf(place), uid: 0, homeDirectory: '/root' });
        assert.deepEqual([settings.destinations.length, warnings], [1, []]);
        assert.equal(files.find((file) => file.path === place)?.mode, 0o644);
      });

      it('keeps its secret, and nothing else, in a file that only root can read, and passes it on to the program', () => {
        const secret = secrets[path.replace(/^.*\/(flatcar-|fcos-)?/, '') as keyof typeof secrets];
        assert.deepEqual(files.filter(({ mode }) => (mode & 0o077) === 0).map(({ path: place, mode }) => [place, mode]), secret === undefined ? [] : [[`/etc/journald-forwarder/${secret}`, 0o600]]);
        // systemd itself reads the environment's file.
        assert.deepEqual(effective(files, 'LoadCredential'), secret === undefined || secret === 'environment' ? [] : [`${secret}:/etc/journald-forwarder/${secret}`]);
      });
    });
  }

  it('for the two systems differ only in the version, the program\'s place, and what says so', () => {
    for (const path of ignitions.filter((name) => name.includes('flatcar'))) {
      const flatcar = machineFiles(path).filter(({ path: place }) => !place.endsWith('/10-place.conf'));
      assert.deepEqual(flatcar.map((file) => ({ ...file, path: file.path.replace('/opt/bin/', '/usr/local/bin/') })), machineFiles(path.replace('flatcar', 'fcos')));
    }
  });
});

describe('ignition-validate', () => {
  const validate = async (path: string): Promise<string> => {
    const { stdout, stderr } = await promisify(execFile)('ignition-validate', [path]).catch((cause: Error & { stdout?: string; stderr?: string }) => {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw new Error('ignition-validate is missing: install the Debian package ignition.', { cause });
      return { stdout: cause.stdout!, stderr: cause.stderr! };
    });
    return stdout + stderr;
  };

  for (const path of ignitions) {
    it(`says nothing at all of ${path}`, async () => assert.equal(await validate(path), ''));
  }

  it('would warn of an unknown key, and of a unit that cannot be enabled', async () => {
    const good = repositoryFile(ignitions[0]!);
    for (const [change, warning] of [
      [good.replace('"mode": 493', '"mod": 493'), /Unused key mod/],
      [good.replace('[Install]', '[Instal]'), /has no install section/],
    ] as const) {
      const path = join(folder, 'changed.ign');
      await writeFile(path, change);
      assert.match(await validate(path), warning);
    }
  });
});

describe('the transpiler of Butane files', () => {
  const butane = (more = '') => `variant: flatcar\nversion: 1.0.0\nstorage:\n  files:\n    - path: /etc/a\n      mode: 0640\n      contents:\n        inline: |\n          a (b) 50% ü\n${more}`;

  it('takes a mode for octal, and writes contents percent-encoded', () => {
    assert.deepEqual(JSON.parse(ignitionOf(butane(), 'a.bu')), {
      ignition: { version: '3.3.0' },
      storage: { files: [{ path: '/etc/a', contents: { source: 'data:,a%20%28b%29%2050%25%20%C3%BC%0A' }, mode: 0o640 }] },
    });
  });

  for (const [what, change, complaint] of [
    ['an unknown key', (text: string) => `${text}      user: root\n`, /Unrecognized key: "user"[^]*storage\.files\[0\]/],
    ['a mode that is not octal', (text: string) => text.replace('0640', '640'), /octal[^]*storage\.files\[0\]\.mode/],
    ['a specification that makes another version of Ignition', (text: string) => text.replace('1.0.0', '1.1.0'), /3\.3\.0/],
    ['a key that is there twice', (text: string) => `variant: fcos\n${text}`, /unique/],
    ['a file without contents', (text: string) => text.replace(/ {6}contents:[^]*/, ''), /storage\.files\[0\]\.contents/],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => ignitionOf(change(butane()), 'a.bu'), complaint));
  }
});

describe('the check of a cloud-config', () => {
  const good = () => repositoryFile('cloud-config/journald-forwarder.yaml');
  for (const [what, change] of [
    ['another first line', (text: string) => `\n${text}`],
    ['a key that coreos-cloudinit does not know', (text: string) => `${text}runcmd: []\n`],
    ['such a key in a unit', (text: string) => text.replace('enable: true', 'enabled: true')],
    ['such a key in a file', (text: string) => text.replace('permissions:', 'mode:')],
    ['such a key below coreos', (text: string) => text.replace('  units:', '  unit: []\n  units:')],
    ['a command that no unit takes', (text: string) => text.replace('command: start', 'command: enable')],
  ] as const) {
    it(`refuses ${what}`, () => {
      checkCloudConfig(good(), 'a.yaml');
      assert.throws(() => checkCloudConfig(change(good()), 'a.yaml'), /^Error: a\.yaml/);
    });
  }

  it('takes keys with - and with _', () => checkCloudConfig(good().replace('drop-ins:', 'drop_ins:'), 'a.yaml'));

  it('agrees with cloud-init on the file for it, and on a mistake', async () => {
    const [path] = cloudConfigs.filter((file) => readerOfFile(file) === 'cloud-init');
    assert.match(await cloudInitSays(join(top, path!)), /^Valid cloud-config: [^\n]*\n$/);
    const changed = join(folder, 'changed.yaml');
    const text = repositoryFile(path!).replace('permissions:', 'mode:');
    await writeFile(changed, text);
    assert.match(await cloudInitSays(changed), /'mode' was unexpected/);
    assert.throws(() => checkCloudConfig(text, 'a.yaml'), /"mode"/);
  });
});

describe('npm run boot-configs', () => {
  it('puts the address and the digest of a program into copies of the files, and makes their Ignition files for root alone', async () => {
    await writeFile(join(folder, 'program.sha256'), `${digest}  journald-forwarder-linux-x64\n`);
    const copies = ['deploy/ignition/flatcar-http.bu', 'cloud-config/journald-forwarder.yaml'].map((path) => [path, join(folder, path.split('/').pop()!)] as const);
    for (const [path, copy] of copies) await writeFile(copy, repositoryFile(path).replace(/(logs|syslog)\.example\.com/, 'changed.example.com'));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'deploy/boot-configs/main.ts', '--binary', 'https://files.example.com/program?a=1&b=2', '--sha256', join(folder, 'program.sha256'), ...copies.map(([, copy]) => copy)], { cwd: top });
    assert.deepEqual(stdout.trim().split('\n').map((path) => path.split('/').pop()), ['flatcar-http.bu', 'flatcar-http.ign', 'journald-forwarder.yaml']);
    const [http, cloudConfig] = await Promise.all(copies.map(([, copy]) => readFile(copy, 'utf8')));
    assert.deepEqual(changes(repositoryFile(copies[0]![0]), http!), ['source: https://files.example.com/program?a=1&b=2', `hash: sha256-${digest}`, '- url: https://changed.example.com/in']);
    assert.deepEqual(changes(repositoryFile(copies[1]![0]), cloudConfig!), ['to: tcp://changed.example.com:514', "url='https://files.example.com/program?a=1&b=2'", `sha256=${digest}`]);
    const ignition = join(folder, 'flatcar-http.ign');
    assert.deepEqual([(await stat(ignition)).mode & 0o777, await readFile(ignition, 'utf8')], [0o600, ignitionOf(http!, 'http')]);
  });

  it('renews what stands in a file, and leaves all else, comments too', () => {
    const text = '# top\nunits:\n  - content: |\n      old\n\n      text\n    # of a.service\n    name: a.service # a\n  - name: b.service\n    content: |\n      b\n';
    assert.equal(renewed(text, { 'a.service': '[Unit]\n\n# new\n' }), text.replace('old\n\n      text', '[Unit]\n\n      # new'));
  });
});

describe('cloud-config/journald-forwarder-fetch', () => {
  it('fetches the program, keeps it, and takes no other than the one whose digest it is told', async () => {
    const program = Buffer.from('#!/bin/sh\necho the program\n');
    let fetched = 0;
    const server = createServer((request, response) => {
      fetched++;
      response.end(request.url === '/program?a=1&b=2' ? program : 'another');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      // It pauses after a failure, with this.
      await mkdir(join(folder, 'bin'));
      await writeFile(join(folder, 'bin/sleep'), '#!/bin/sh\necho "slept $1"\n', { mode: 0o755 });
      const place = join(folder, 'journald-forwarder');
      const fetchWith = async (sha256: string, url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/program?a=1&b=2`) => {
        await writeFile(join(folder, 'release'), `url='${url}'\nsha256=${sha256}\n`);
        const child = spawn('/bin/sh', ['cloud-config/journald-forwarder-fetch', join(folder, 'release'), place], { cwd: top, stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` } });
        let said = '';
        child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
        const [code] = (await once(child, 'close')) as [number];
        return `${code} ${said.trim()}`.trim();
      };
      const right = createHash('sha256').update(program).digest('hex');
      const says = async () => (await promisify(execFile)(place)).stdout.trim();

      assert.equal(await fetchWith('0'.repeat(64)), '1 slept 60');
      assert.ok(!existsSync(place) && !existsSync(`${place}.new`));
      assert.equal(await fetchWith(right), '0');
      assert.equal(await says(), 'the program');
      assert.equal(await fetchWith(right), '0');
      assert.equal(fetched, 2);
      assert.equal(await fetchWith('0'.repeat(64)), '1 slept 60');
      assert.equal(await says(), 'the program');
      await writeFile(place, 'damaged');
      assert.equal(await fetchWith(right, 'http://127.0.0.1:1/'), '1 slept 60');
      assert.equal(await fetchWith(right), '0');
      assert.equal(await says(), 'the program');
    } finally {
      server.close();
    }
  });
});

function readerOfFile(path: string) {
  return readerOf(repositoryFile(path));
}

/** The values of a directive in a machine's unit and its drop-ins, in their order; an empty one forgets those before it. */
function effective(files: ReturnType<typeof machineFiles>, directive: string): string[] {
  const lines = files.filter(({ path }) => path.startsWith('/etc/systemd/system/')).flatMap(({ text }) => text!.split('\n'));
  const values = lines.flatMap((line) => (line.startsWith(`${directive}=`) ? [line.slice(directive.length + 1)] : []));
  return values.slice(values.lastIndexOf('') + 1);
}

/** The lines of `b` that differ from those of `a`, which has as many. */
function changes(a: string, b: string): string[] {
  const before = a.split('\n');
  return b.split('\n').flatMap((line, at) => (line === before[at] ? [] : [line.trim()]));
}

/** What `systemd-analyze verify` says of a unit with its drop-ins, with a program in its place that this machine has. */
async function objections(units: readonly (readonly [path: string, text: string])[]): Promise<string> {
  const place = await mkdtemp(join(folder, 'verify-'));
  const program = join(place, 'program');
  await copyFile('/bin/true', program);
  await chmod(program, 0o755);
  for (const [path, text] of units) {
    const file = join(place, path.replace('/etc/systemd/system/', ''));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text.replace(/\/(usr\/local|opt)\/bin\/journald-forwarder(-fetch)?\b/g, program));
  }
  // It exits with 0 for a mere warning, so the words count.
  const child = spawn('systemd-analyze', ['verify', '--man=no', join(place, 'journald-forwarder.service')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (words += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return code === 0 ? words : `exit ${code}: ${words}`;
}

/** What cloud-init's own check says of a file. */
async function cloudInitSays(path: string): Promise<string> {
  const packages = join(top, '.cache/cloud-init/usr/lib/python3/dist-packages');
  const env = { PATH: '/usr/bin:/bin', PYTHONDONTWRITEBYTECODE: '1', ...(existsSync(packages) ? { PYTHONPATH: packages } : {}) };
  // Python warns of versions of other packages than cloud-init knows.
  const { stdout, stderr } = await promisify(execFile)('python3', ['-W', 'ignore', '-m', 'cloudinit.cmd.main', 'schema', '--config-file', path], { env }).catch((error: { stdout: string; stderr: string }) => error);
  if (stderr.includes('No module named')) throw new Error(`cloud-init is missing: test/run unpacks it. ${stderr}`);
  return stdout + stderr;
}
