import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { BootedSystemd } from '../support/booted-systemd.js';
import { type CountingReceiver, startCountingReceiver } from '../support/counting-receiver.js';
import { type Codename, debianRelease } from '../support/debian-release.js';
import { eventually } from '../support/eventually.js';
import { executable } from '../support/executable.js';
import { HttpReceiver } from '../support/http-receiver.js';

const RELEASES: readonly { readonly debian: number; readonly systemd: number; readonly codename: Codename }[] = [
  { debian: 11, systemd: 247, codename: 'bullseye' },
  { debian: 12, systemd: 252, codename: 'bookworm' },
  { debian: 13, systemd: 257, codename: 'trixie' },
];
const UNIT = 'journald-forwarder.service';
const TEMPLATE = 'journald-forwarder@.service';
const SETTINGS = '/etc/journald-forwarder';
const MAX_EXPOSURE = 1.5;
/** No test has five seconds for each start after a failure; and where a call is denied, the process is to die of it. */
const IMPATIENT_AND_STRICT = '[Service]\nRestartSec=100ms\nSystemCallErrorNumber=\n';
/** How systemd tells of a process that died of a denied call, how the program tells it of one of its own, and the kernel of any. */
const DENIED = /^.*(?:status=31\/SYS|SIGSYS|SECCOMP|audit.*type=1326).*$/gm;

for (const { debian, systemd, codename } of RELEASES) {
  describe(`the one file and its units on Debian ${debian}, systemd ${systemd}`, { timeout: 170_000 }, () => {
    let system: BootedSystemd;
    before(async () => void (system = await boot(codename)), { timeout: 150_000 });
    after(() => system?.stop());

    const shell = (command: string): Promise<string> => system.output('sh', '-c', command);
    /** Logs lines with these numbers, and returns when journald has them. */
    const log = (from: number, to: number): Promise<string> => shell(`seq -f 'entry ~Q%09.0f~' ${from} ${to - 1} | logger --tag acceptance; journalctl --sync`);
    const denied = async (): Promise<readonly string[]> => (await system.output('journalctl', '--output=short', '--no-pager')).match(DENIED) ?? [];

    it('are all that there is: no Node.js, and that systemd', async () => {
      assert.match(await system.output('systemctl', '--version'), new RegExp(`^systemd ${systemd} `));
      assert.equal(await shell('command -v node || echo none'), 'none');
      assert.match(await system.output('journald-forwarder', '--version'), /^\d/);
    });

    it('have nothing that systemd-analyze objects to, with a drop-in for secrets or without', async () => {
      const strict = systemd < 250 ? [] : ['--recursive-errors=yes'];
      await system.write(`/etc/systemd/system/journald-forwarder@secret.service.d/credentials.conf`, await readUnit('credentials.conf'));
      for (const unit of [UNIT, TEMPLATE, 'journald-forwarder@secret.service']) {
        const { exitCode, stdout, stderr } = await system.run('systemd-analyze', 'verify', '--man=no', ...strict, `/etc/systemd/system/${unit}`);
        assert.deepEqual([unit, exitCode, stdout + stderr], [unit, 0, '']);
      }
      await system.write('/run/wrong.service', (await readUnit(UNIT)).replace('TasksMax', 'TaskMax'));
      const { stdout, stderr } = await system.run('systemd-analyze', 'verify', '--man=no', '/run/wrong.service');
      assert.match(stdout + stderr, /TaskMax/);
    });

    it(`are rated as exposed by ${MAX_EXPOSURE} at most`, async () => {
      for (const unit of [UNIT, 'journald-forwarder@a.service']) {
        const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(await system.output('systemd-analyze', 'security', '--no-pager', unit)) ?? [];
        assert.ok(Number(exposure) <= MAX_EXPOSURE, `${unit}: ${exposure}`);
      }
    });

    it('lose nothing over SIGKILL, a receiver that is started again, a reboot and a pulled plug, and are denied no system call', async () => {
      const receiver = await startCountingReceiver({ framing: 'lf' });
      try {
        await configure(receiver);
        await system.output('systemctl', 'enable', '--now', UNIT);
        await log(0, 500);
        await receiver.waitForCount(500);

        await Promise.all([log(500, 2500), shell(`kill -KILL ${await system.property(UNIT, 'MainPID')}`)]);
        await receiver.waitForCount(2500);
        assert.equal(await system.property(UNIT, 'NRestarts'), '1');

        await Promise.all([log(2500, 3500), receiver.close('reset')]);
        await receiver.restart();
        await receiver.waitForCount(3500);

        await receiver.close();
        await log(3500, 4000);
        const boot = await shell('cat /proc/sys/kernel/random/boot_id');
        await system.reboot();
        assert.notEqual(await shell('cat /proc/sys/kernel/random/boot_id'), boot);
        await log(4000, 4500);
        await receiver.restart();
        await receiver.waitForCount(4500);

        await log(4500, 6000);
        await system.crash();
        await log(6000, 6500);
        await receiver.waitForCount(6500);
        assert.deepEqual(receiver.missing(6500), []);

        assert.equal(await system.property(UNIT, 'NRestarts'), '0');
        const startMs = performance.now();
        await system.output('systemctl', 'stop', UNIT);
        assert.ok(performance.now() - startMs < 2000, `${performance.now() - startMs} ms`);
        assert.equal(await system.property(UNIT, 'Result'), 'success');
        assert.deepEqual(await denied(), []);
      } finally {
        await receiver.close();
      }
    });

    it('run as several instances, each with its settings, its secret and its position', async () => {
      const [first, second] = [await HttpReceiver.start(), await startCountingReceiver({ framing: 'lf' })];
      try {
        await system.write(`${SETTINGS}/a.yaml`, `to:\n  - url: http://127.0.0.1:${first.port}/\n    tokenFile: token\n`);
        await system.write(`${SETTINGS}/token`, 'hunter2\n');
        await shell(`chmod 600 ${SETTINGS}/token`);
        await system.write('/etc/systemd/system/journald-forwarder@a.service.d/credentials.conf', await readUnit('credentials.conf'));
        await system.write(`${SETTINGS}/b.yaml`, 'identifier: instances\n');
        await system.write(`${SETTINGS}/b.environment`, `JOURNALD_FORWARDER_TO=${urlOf(second)}\n`);
        await system.output('systemctl', 'daemon-reload');
        await system.output('systemctl', 'start', 'journald-forwarder@a', 'journald-forwarder@b');
        await shell("logger --tag instances 'for both ~Q000000000~'; logger --tag other 'for one ~Q000000001~'; logger --tag instances 'for both ~Q000000002~'");
        await first.until(() => ['for both ~Q000000000~', 'for one', 'for both ~Q000000002~'].every((text) => first.taken.some((message) => message.includes(text))));
        await second.waitForCount(2);
        assert.deepEqual(second.missing(3), [1]);
        assert.deepEqual(new Set(first.requests.map(({ headers }) => headers.authorization)), new Set(['Bearer hunter2']));
        assert.doesNotMatch(await shell("journalctl; systemctl show 'journald-forwarder@*'; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"), /hunter2/);

        assert.match(await shell('ls /var/lib/journald-forwarder@a /var/lib/journald-forwarder@b'), /@a:\n[^]*@b:\n/);
        const rival = await system.run('journald-forwarder', 'run', '--to', urlOf(second), '--state-dir', '/var/lib/journald-forwarder@b');
        assert.equal(rival.exitCode, 1, rival.stderr);
        assert.match(rival.stderr, /Another journald-forwarder uses the state/);
        assert.deepEqual(await denied(), []);
      } finally {
        await first.stop();
        await second.close();
      }
    });

    it('would die of a denied system call, and the journal would show it', async () => {
      await system.write(`/etc/systemd/system/${UNIT}.d/denied.conf`, '[Service]\nRestart=no\nSystemCallFilter=~listen\n');
      await system.output('systemctl', 'daemon-reload');
      assert.notEqual((await system.run('systemctl', 'restart', UNIT)).exitCode, 0);
      assert.notDeepEqual(await eventually(denied, (lines) => lines.length > 0), []);
    });

    async function configure(receiver: CountingReceiver): Promise<void> {
      await system.write(`${SETTINGS}/config.yaml`, `to: ${urlOf(receiver)}\n`);
      await system.output('systemctl', 'daemon-reload');
    }
  });
}

/** A machine of that release to which the executable and the units were copied, and nothing else. */
async function boot(codename: Codename): Promise<BootedSystemd> {
  const [root, program, unit, template] = await Promise.all([debianRelease(codename), executable(), readUnit(UNIT), readUnit(TEMPLATE)]);
  const system = await BootedSystemd.boot({
    root,
    binds: { '/mnt/download': program },
    files: {
      [`/etc/systemd/system/${UNIT}`]: unit,
      [`/etc/systemd/system/${TEMPLATE}`]: template,
      [`/etc/systemd/system/${UNIT}.d/test.conf`]: IMPATIENT_AND_STRICT,
      [`/etc/systemd/system/${TEMPLATE}.d/test.conf`]: IMPATIENT_AND_STRICT,
    },
  });
  await system.output('install', '-D', '-m', '755', '/mnt/download', '/usr/local/bin/journald-forwarder');
  return system;
}

function readUnit(name: string): Promise<string> {
  return readFile(new URL(`../../systemd/${name}`, import.meta.url), 'utf8');
}

function urlOf({ port }: CountingReceiver): string {
  return `tcp://127.0.0.1:${port}?format=cat`;
}
