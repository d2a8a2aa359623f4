import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chown, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ContainerImage, hostMounts, processOne, type ContainerOptions } from '../support/container.js';
import { executable } from '../support/executable.js';
import { RunningForwarder } from '../support/forwarder.js';
import { JournalSandbox, type SandboxOptions } from '../support/journal-sandbox.js';
import { systemd257 } from '../support/other-systemd.js';
import { StreamReceiver, temporaryFolder } from '../support/stream-receiver.js';

const run = promisify(execFile);
const top = fileURLToPath(new URL('../..', import.meta.url));
/** As another distribution may number the journal's group: no group of the image's has it. */
const JOURNAL_GROUP = 4190;
/** What cannot be read is tried again, for ever. */
const LIMIT = { timeout: 90_000 };

describe('the container image', () => {
  let image: ContainerImage;
  /** What a test has begun, to be ended after it. */
  const begun: (() => Promise<unknown>)[] = [];

  before(async () => {
    image = await ContainerImage.build(join(top, 'deploy/container/Containerfile'), dirname(await executable()));
  });
  afterEach(async () => {
    for (const end of begun.splice(0).reverse()) await end();
  });
  after(() => image.remove());

  it('holds no shell and no package manager, and nothing that its user may write but the state', async () => {
    assert.deepEqual((await readdir(join(image.root, 'usr/bin'))).sort(), ['chown', 'journalctl', 'journald-forwarder']);
    const { stdout } = await run('find', [image.root, '!', '-type', 'l', '(', '-perm', '/0022', '-o', '-user', '65532', '-o', '-group', '65532', '-o', '-perm', '/7000', ')', '-printf', '/%P %U:%G\n']);
    assert.equal(stdout, '/var/lib/journald-forwarder 65532:65532\n');
    assert.equal(image.user, '65532:65532');
  });

  it('knows the authorities of the web, the time zones, and the licences of what is in it', async () => {
    for (const path of ['etc/ssl/certs/ca-certificates.crt', 'usr/share/zoneinfo/Europe/Berlin', 'usr/share/doc/journald-forwarder/copyright', 'usr/share/doc/systemd/copyright', 'usr/share/common-licenses/LGPL-2.1']) {
      assert.ok((await stat(join(image.root, path))).size > 0, path);
    }
    // It would stand in for the host's, and no entry is of it.
    assert.equal((await stat(join(image.root, 'etc/machine-id'))).size, 0);
  });

  it("forwards the host's journal as it grows, and goes on after a stop, as a user who has but the number of the journal's group", LIMIT, async () => {
    const host = await start();
    const receiver = await StreamReceiver.listen();
    begun.push(() => receiver.stop());
    const options = { ...(await onHost(host)), spawn: host.spawn.bind(host) };
    const args = ['--to', `tcp://127.0.0.1:${receiver.port}?format=cat`, '--start', 'head', '--metrics', '127.0.0.1:0'];
    await host.send({ MESSAGE: 'of the past' });
    await host.sync();

    const first = container(args, options);
    await receiver.until(() => receiver.text().includes('of the past\n'));
    await host.send({ MESSAGE: 'of the moment' });
    await receiver.until(() => receiver.text().includes('of the moment\n'));
    await first.isReady();
    const rights = await readFile(`/proc/${processOne(first.child)}/status`, 'utf8');
    for (const right of [/^Uid:\t65532\t65532\t65532\t65532$/m, /^CapPrm:\t0+$/m, /^CapEff:\t0+$/m, /^CapAmb:\t0+$/m, /^NoNewPrivs:\t1$/m]) assert.match(rights, right);

    // As while pods overlap, and as whoever asks how it does.
    const second = await container(args, options).exit;
    assert.equal(second.code, 1);
    assert.match(second.stderr, /Another journald-forwarder uses the state of /);
    const status = await container(['status', ...args.slice(0, 2)], options).exit;
    assert.match(String(status.stdout), /^tcp:\/\/127\.0\.0\.1:\d+ +forwarding /m, status.stderr);

    assert.equal((await stop(first)).code, 0);
    const had = receiver.byteCount;
    await host.send({ MESSAGE: 'of the pause' });
    await host.sync();
    const third = container(args, options);
    await receiver.until(() => receiver.byteCount > had);
    assert.equal((await stop(third)).code, 0);
    assert.match(receiver.text().slice(had), /^of the pause\n/);
    assert.equal(receiver.text().match(/of the (past|moment|pause)/g)!.length, 3);
  });

  it('reads a journal that is kept in memory only', LIMIT, async () => {
    const host = await start({ volatile: true });
    await host.send({ MESSAGE: 'volatile' });
    await host.sync();
    const { code, stdout, stderr } = await container(['--no-follow', '--to', 'stdout:?format=cat'], { ...(await onHost(host)), spawn: host.spawn.bind(host) }).exit;
    assert.match(String(stdout), /^volatile$/m, stderr);
    assert.equal(code, 0);
  });

  it('reads what other releases of systemd have compressed, each in its way, and leaves out other machines', LIMIT, async () => {
    const systemd = await systemd257.load();
    const [machine, other] = ['a1'.repeat(16), 'b2'.repeat(16)];
    const journal = await temporary();
    const methods = ['ZSTD', 'LZ4', 'XZ'];
    for (const [at, method] of methods.entries()) {
      const file = join(journal, machine, `system@${method}.journal`);
      process.env['SYSTEMD_JOURNAL_COMPRESS'] = method;
      try {
        await systemd.makeJournal(file, [{ time: 1604430000000000 + at, machineId: machine, fields: { MESSAGE: `${method} ${'x'.repeat(9000)}` } }]);
      } finally {
        delete process.env['SYSTEMD_JOURNAL_COMPRESS'];
      }
      assert.match((await run(systemd.journalctl, ['--header', '--file', file])).stdout, new RegExp(`COMPRESSED-${method}\\b.*COMPACT`));
    }
    await systemd.makeJournal(join(journal, other, 'system.journal'), [{ machineId: other, fields: { MESSAGE: 'of another machine' } }]);
    await run('chgrp', ['-R', String(JOURNAL_GROUP), journal]);
    await run('chmod', ['-R', 'u=rwX,g=rX,o=', journal]);
    const machineId = join(await temporary(), 'machine-id');
    await writeFile(machineId, `${machine}\n`);
    const mounts = [{ host: journal, inside: '/var/log/journal' }, { host: machineId, inside: '/etc/machine-id' }];

    const read = container(['--no-follow', '--start', 'head', '--to', 'stdout:?format=cat'], { mounts, groups: [JOURNAL_GROUP] });
    const { code, stdout, stderr } = await read.exit;
    assert.equal(String(stdout), methods.map((method) => `${method} ${'x'.repeat(9000)}\n`).join(''), stderr);
    assert.equal(code, 0);

    const denied = await container(['--no-follow', '--to', 'stdout:'], { mounts }).exit;
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /Cannot read \/var\/log\/journal\/a1.*: permission denied/);

    // Of whose journal it is, the machine's id alone tells.
    const unnamed = await container(['--no-follow', '--to', 'stdout:'], { mounts: mounts.slice(0, 1), groups: [JOURNAL_GROUP] }).exit;
    assert.deepEqual([unnamed.code, unnamed.stdout.length], [1, 0]);
    assert.match(unnamed.stderr, /Cannot read the journal: /);
  });

  it("makes a state folder that is root's its user's own with no right but to change owners", LIMIT, async () => {
    const state = await temporary();
    const mounts = [{ host: state, inside: '/var/lib/journald-forwarder', writable: true }];
    const without = await container(['--to', 'udp://127.0.0.1:9', '--from', 'stdin', '--state-dir', '/var/lib/journald-forwarder'], { mounts }).exit;
    assert.match(without.stderr, /Cannot write the state folder \/var\/lib\/journald-forwarder: .*EACCES/);

    const chowning = await container([image.user, '/var/lib/journald-forwarder'], { mounts, asRoot: { program: '/usr/bin/chown', capability: 'chown' } }).exit;
    assert.deepEqual([chowning.stderr, chowning.code], ['', 0]);
    const { uid, gid } = await stat(state);
    assert.deepEqual([uid, gid], [65532, 65532]);
  });

  async function start(options?: SandboxOptions): Promise<JournalSandbox> {
    const host = await JournalSandbox.start(options);
    begun.push(() => host.stop());
    // A host has both folders, whichever journald uses.
    await host.run('mkdir', ['-p', '/run/log/journal']);
    return host;
  }

  async function temporary(): Promise<string> {
    const { path, remove } = await temporaryFolder();
    begun.push(remove);
    return path;
  }

  /** As the recipe has it: the journal, the machine's id, a state folder of the user's, and the number of the group to which the journal belongs. */
  async function onHost(host: JournalSandbox): Promise<ContainerOptions> {
    const state = await temporary();
    await chown(state, 65532, 65532);
    return { mounts: hostMounts(state), groups: [(await stat(host.directory)).gid] };
  }

  function container(args: readonly string[], options: ContainerOptions): RunningForwarder {
    const running = new RunningForwarder(args, { spawn: (_node, [, ...words], { stdio }) => image.run(words, options, stdio) });
    begun.push(() => {
      running.child.kill('SIGKILL');
      return running.exit;
    });
    return running;
  }

  function stop(running: RunningForwarder): RunningForwarder['exit'] {
    process.kill(processOne(running.child), 'SIGTERM');
    return running.exit;
  }
});
