/**
 * Makes src/demo/sample.journal.gz, the journal that `journald-forwarder demo` forwards:
 *
 *   npx tsx test/support/make-sample-journal.ts src/demo/sample.journal.gz
 *
 * A real journal file of two boots of an imaginary machine. Its bytes differ from run to run (journal files carry
 * random ids), its entries do not. Needs the Debian package systemd-journal-remote.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeJournal } from './make-journal.js';
import type { FixtureEntry, FixtureValue } from './make-journal.js';

const machineId = '5d1c7f0a4be94f0f9d3a8a1f6c2e7b90';
const hostname = 'web-1';

/** 2026-03-02 06:58:12.4 UTC, and the next morning after a reboot. */
const boots = [
  { bootId: '0b4d7c52a1f0463c8e27d5d0f3a96e11', startMicros: 1772434692400000 },
  { bootId: '7e93b1c8d45f4f2ab6c01f9e8d7a2c34', startMicros: 1772496005150000 },
] as const;

type Fields = Readonly<Record<string, FixtureValue>>;
/** Milliseconds since the boot, then the fields. */
type Line = readonly [number, Fields];

const kernel = (priority: number, message: string): Fields => ({
  _TRANSPORT: 'kernel', SYSLOG_FACILITY: '0', SYSLOG_IDENTIFIER: 'kernel', PRIORITY: `${priority}`, MESSAGE: message,
});

const systemd = (message: string, unit: string, messageId: string, priority = 6): Fields => ({
  _TRANSPORT: 'journal', SYSLOG_FACILITY: '3', SYSLOG_IDENTIFIER: 'systemd', PRIORITY: `${priority}`, MESSAGE: message, MESSAGE_ID: messageId,
  UNIT: unit, _PID: '1', _UID: '0', _COMM: 'systemd', _EXE: '/usr/lib/systemd/systemd', _SYSTEMD_UNIT: 'init.scope', CODE_FILE: 'src/core/job.c',
});
const starting = (unit: string, what: string): Fields => systemd(`Starting ${unit} - ${what}...`, unit, '7d4958e842da4a758f6c1cdc7b36dcc5');
const started = (unit: string, what: string): Fields => systemd(`Started ${unit} - ${what}.`, unit, '39f53479d3a045ac8e11786248231fbf');

/** What a service writes to its stdout. */
const service = (name: string, pid: number, priority: number, message: string | Uint8Array): Fields => ({
  _TRANSPORT: 'stdout', SYSLOG_FACILITY: '3', SYSLOG_IDENTIFIER: name, PRIORITY: `${priority}`, MESSAGE: message,
  _PID: `${pid}`, _UID: '990', _COMM: name, _SYSTEMD_UNIT: `${name}.service`, _STREAM_ID: 'c0ffee00c0ffee00c0ffee00c0ffee00',
});

/** What comes through /dev/log. */
const syslog = (identifier: string, pid: number, facility: number, priority: number, unit: string, message: string): Fields => ({
  _TRANSPORT: 'syslog', SYSLOG_FACILITY: `${facility}`, SYSLOG_IDENTIFIER: identifier, SYSLOG_PID: `${pid}`, PRIORITY: `${priority}`, MESSAGE: message,
  _PID: `${pid}`, _UID: '0', _COMM: identifier, _SYSTEMD_UNIT: unit,
});
const sshd = (priority: number, message: string): Fields => syslog('sshd', 1874, 10, priority, 'ssh.service', message);

const stackTrace = `Error: connect ECONNREFUSED 10.0.3.7:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)
    at Pool.connect (/srv/orders/node_modules/pg-pool/index.js:45:11)
    at placeOrder (/srv/orders/lib/orders.js:88:22)
    at async handle (/srv/orders/lib/server.js:31:5)`;

const firstBoot: readonly Line[] = [
  [0, kernel(5, 'Linux version 6.1.0-31-amd64 (gcc-12 12.2.0) #1 SMP PREEMPT_DYNAMIC Debian 6.1.128-1')],
  [0.011, kernel(6, 'Command line: BOOT_IMAGE=/vmlinuz-6.1.0-31-amd64 root=UUID=3d1f… ro quiet')],
  [0.02, kernel(6, 'x86/fpu: Supporting XSAVE feature 0x001: \'x87 floating point registers\'')],
  [412, kernel(4, 'ACPI: _OSC evaluation for CPUs failed, trying _PDC')],
  [950, kernel(6, 'virtio_net virtio1 ens3: renamed from eth0')],
  [1_208, kernel(6, 'EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.')],
  [1_400, systemd('systemd 252.39-1~deb12u2 running in system mode', 'init.scope', '1dee0369c7fc4736b7099b38ecb46ee7')],
  [1_912, starting('systemd-journald.service', 'Journal Service')],
  [1_990, started('systemd-journald.service', 'Journal Service')],
  [2_300, starting('ssh.service', 'OpenBSD Secure Shell server')],
  [2_512, sshd(6, 'Server listening on 0.0.0.0 port 22.')],
  [2_513, sshd(6, 'Server listening on :: port 22.')],
  [2_540, started('ssh.service', 'OpenBSD Secure Shell server')],
  [2_900, started('orders.service', 'Takes orders')],
  [3_350, service('orders', 902, 6, 'listening on http://0.0.0.0:8080')],
  [3_360, service('orders', 902, 7, 'config: {"pool":{"max":10},"retries":3,"region":"eu-central-1"}')],
  [4_100, { ...service('kubelet', 1120, 6, 'I0302 06:58:16.500113    1120 kubelet.go:2456] "SyncLoop ADD" source="api" pods=["default/counter-5c7d9"]'), _UID: '0' }],
  [4_930, service('orders', 902, 5, 'Bestellung für Frau Müller angenommen: 3 × Käsespätzle, 1 × ☕ 🥨')],
  [5_105, service('orders', 902, 6, '\u001b[32mGET\u001b[0m /orders/4711 200 12 ms')],
  [5_980, service('orders', 902, 3, stackTrace)],
  [6_200, service('orders', 902, 4, 'retrying in 250 ms (attempt 1 of 3)')],
  [6_455, service('orders', 902, 4, 'retrying in 500 ms (attempt 2 of 3)')],
  [7_000, service('orders', 902, 6, 'database is back')],
  [60_000, { ...syslog('CRON', 2210, 9, 6, 'cron.service', '(root) CMD (test -x /usr/sbin/anacron || run-parts /etc/cron.hourly)'), _COMM: 'cron' }],
  [65_250, sshd(6, 'Accepted publickey for ada from 203.0.113.24 port 50512 ssh2: ED25519 SHA256:9mZt0sQ2…')],
  [65_300, sshd(6, 'pam_unix(sshd:session): session opened for user ada(uid=1000) by (uid=0)')],
  [71_020, { ...syslog('sudo', 2304, 10, 5, 'session-3.scope', '      ada : TTY=pts/0 ; PWD=/home/ada ; USER=root ; COMMAND=/usr/bin/systemctl reboot'), _UID: '1000' }],
  [71_400, systemd('Stopping orders.service - Takes orders...', 'orders.service', 'de5b426a63be47a7b6ac3eaac82e2f6f')],
  [71_655, service('orders', 902, 6, 'SIGTERM: bye')],
  // The last words of a boot: what a follower that starts with the next boot never sends.
  [71_990, systemd('Shutting down.', 'init.scope', '98268866d1d54a499c4e98921d93bc40')],
];

const secondBoot: readonly Line[] = [
  [0, kernel(5, 'Linux version 6.1.0-32-amd64 (gcc-12 12.2.0) #1 SMP PREEMPT_DYNAMIC Debian 6.1.129-1')],
  [688, kernel(6, 'virtio_blk virtio2: [vda] 41943040 512-byte logical blocks (21.5 GB/20.0 GiB)')],
  [1_377, systemd('systemd 252.39-1~deb12u2 running in system mode', 'init.scope', '1dee0369c7fc4736b7099b38ecb46ee7')],
  [2_100, started('orders.service', 'Takes orders')],
  [2_430, service('orders', 731, 6, 'listening on http://0.0.0.0:8080')],
  [3_011, service('orders', 731, 4, Buffer.from([...Buffer.from('unexpected bytes from 198.51.100.9: '), 0x16, 0x03, 0x01, 0xff, 0xfe, 0xc3, 0x28, 0x80]))],
  [3_500, sshd(4, 'Invalid user admin from 198.51.100.9 port 33012')],
  [3_800, sshd(6, 'Connection closed by invalid user admin 198.51.100.9 port 33012 [preauth]')],
  [4_000, service('orders', 731, 6, '')],
  [4_200, service('orders', 731, 6, 'a tab\there, a return\rthere, and "quotes", \\backslashes\\ and ]brackets[')],
  [4_800, { ...service('backup', 1502, 5, 'snapshot 2026-03-03 written'), BACKUP_SET: ['daily', 'weekly'], BACKUP_BYTES: '734003200' }],
  [5_000, kernel(2, 'EDAC MC0: 1 UE memory read error on CPU_SrcID#0_Channel#1_DIMM#0')],
  [5_250, kernel(1, 'CPU0: Core temperature above threshold, cpu clock throttled (total events = 1)')],
  [5_600, kernel(3, 'Out of memory: Killed process 731 (orders) total-vm:2841020kB, anon-rss:1904512kB')],
  [5_700, systemd('orders.service: Main process exited, code=killed, status=9/KILL', 'orders.service', '98e322203f7a4ed290d09fe03c09fe15', 5)],
  [5_800, systemd('orders.service: Failed with result \'oom-kill\'.', 'orders.service', 'd9b373ed55a64feb8242e02dbe79a49c', 4)],
  [5_900, { ...service('monitor', 640, 0, 'orders is down and memory is failing: this machine needs help now'), _TRANSPORT: 'journal' }],
  [6_100, { ...service('kubelet', 1098, 3, 'E0303 00:00:11.250771    1098 pod_workers.go:1294] "Error syncing pod, skipping" err="CrashLoopBackOff" pod="default/counter-5c7d9"'), _UID: '0' }],
  [6_350, service('orders', 1623, 6, `{"time":"2026-03-03T00:00:11.500Z","msg":"cache warmed","keys":["${Array.from({ length: 24 }, (_, i) => `order-${4700 + i}`).join('","')}"]}`)],
  [7_000, service('orders', 1623, 6, 'listening on http://0.0.0.0:8080')],
];

function entriesOf(boot: (typeof boots)[number], lines: readonly Line[]): FixtureEntry[] {
  return lines.map(([ms, fields]) => {
    const monotonic = 1_000_000 + Math.round(ms * 1000);
    return { time: boot.startMicros + Math.round(ms * 1000), bootId: boot.bootId, machineId, monotonic, fields: { ...fields, _HOSTNAME: hostname } };
  });
}

const [, , target] = process.argv;
if (target === undefined) throw new Error('Name the file to make: npx tsx test/support/make-sample-journal.ts src/demo/sample.journal.gz');
// Compact files, which systemd 252 may write, cannot be read by 247.
process.env['SYSTEMD_JOURNAL_COMPACT'] = '0';
const folder = await mkdtemp(join(tmpdir(), 'sample-journal-'));
try {
  const file = join(folder, 'sample.journal');
  await makeJournal(file, [...entriesOf(boots[0], firstBoot), ...entriesOf(boots[1], secondBoot)]);
  await writeFile(target, gzipSync(await readFile(file), { level: 9 }));
} finally {
  await rm(folder, { recursive: true });
}
