import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { check } from '../../src/check.js';
import type { DestinationSettings, Settings } from '../../src/config/settings.js';
import { makeJournal } from '../support/make-journal.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { SmallDisk } from '../support/small-disk.js';

describe('check', { timeout: 60_000 }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'check-'));
    await makeJournal(join(folder, 'journal', 'system.journal'), [{ fields: { MESSAGE: 'first' } }]);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('says of each thing that it is well, connects without sending, and leaves nothing behind', async () => {
    const received: Buffer[] = [];
    const server = createServer((socket) => socket.on('data', (bytes: Buffer) => received.push(bytes))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { isWell, lines } = await checked({ destinations: [stdout, tcp(port)] });
    server.close();
    await once(server, 'close');
    assert.equal(isWell, true);
    assert.equal(lines[0], `✓ The settings are right: stdout:, tcp://127.0.0.1:${port}.`);
    assert.equal(lines[1], '✓ The journal may be read.');
    assert.match(lines[2]!, /^✓ systemd \d+ .* reads the journal, whose newest entry is of 2020-11-03T19:00:00\.000Z\.$/);
    assert.equal(lines[3], `✓ The state folder ${join(folder, 'state')} can be made.`);
    assert.equal(lines[4], `✓ tcp://127.0.0.1:${port} can be reached.`);
    assert.equal(lines.length, 5);
    assert.deepEqual(received, []);
    assert.deepEqual(await readdir(folder), ['journal']);
  });

  test('says what is wrong with a destination, and that nothing would be lost', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const { isWell, lines } = await checked({ destinations: [tcp(port), stdout] });
    assert.equal(isWell, false);
    assert.match(lines.at(-1)!, new RegExp(`^✗ tcp://127\\.0\\.0\\.1:${port} cannot be reached: .*refused.*\\. See `));
  });

  test('says what is wrong with the journal and with journalctl', async () => {
    const absent = await checked({ directory: join(folder, 'absent') });
    assert.equal(absent.isWell, false);
    assert.match(absent.lines[1]!, /^✗ .*absent.*\.$/);
    const { isWell, lines } = await checked({ journalctlPath: join(folder, 'no-journalctl') });
    assert.equal(isWell, false);
    assert.match(lines[2]!, /^✗ .*no-journalctl.*--journalctl-path/);
  });

  test('writes nothing into a state folder that is there', async () => {
    const state = await mkdtemp(join(tmpdir(), 'check-state-'));
    const { isWell, lines } = await checked({ state });
    assert.deepEqual([isWell, lines[3]], [true, `✓ The state folder ${state} can be written.`]);
    assert.deepEqual(await readdir(state), []);
    await rm(state, { recursive: true });
  });

  test('says what is wrong with the state folder', async () => {
    const disk = await SmallDisk.mount();
    const file = join(disk.path, 'file');
    await writeFile(file, '');
    for (const state of [file, join(file, 'below')]) assert.match((await checked({ state })).lines[3]!, /^✗ The state folder .* cannot be written: ENOTDIR.*--state-dir\.$/);
    await disk.setReadOnly(true);
    for (const state of [disk.path, join(disk.path, 'new', 'folder')]) {
      const { isWell, lines } = await checked({ state });
      assert.equal(isWell, false);
      assert.match(lines[3]!, /^✗ The state folder .* cannot be written: EROFS.*--state-dir\.$/);
    }
    await disk.unmount();
  });

  test('looks at no journal for stdin, and at no state folder without a checkpoint', async () => {
    const { isWell, lines } = await checked({ from: 'stdin', checkpoint: false });
    assert.deepEqual([isWell, lines], [true, ['✓ The settings are right: stdout:.']]);
  });

  async function checked(how: {
    readonly destinations?: readonly DestinationSettings[];
    readonly directory?: string;
    readonly journalctlPath?: string;
    readonly state?: string;
    readonly from?: 'journal' | 'stdin';
    readonly checkpoint?: boolean;
  }): Promise<{ readonly isWell: boolean; readonly lines: readonly string[] }> {
    const settings: Settings = {
      source: { from: how.from ?? 'journal', directory: how.directory ?? join(folder, 'journal'), gateway: undefined, namespace: undefined, allMachines: false, journalctlPath: how.journalctlPath ?? 'journalctl', start: 'boot', since: undefined, until: undefined, follow: true, reportGaps: false, joinLines: false },
      filter: { units: [], identifiers: [], priority: undefined, matches: [], kernel: false, excludeUnits: [], excludeMatches: [], includeSelf: false },
      destinations: how.destinations ?? [stdout],
      state: { directory: how.state ?? join(folder, 'state'), checkpoint: how.checkpoint ?? true, resetCheckpoint: false },
      log: { level: 'info', format: 'text' },
      metrics: undefined,
      shutdownTimeoutMs: 1000,
    };
    const output = new PassThrough();
    const environment = { PATH: process.env['PATH'] };
    const identity = { uid: process.getuid?.() ?? 0, groups: process.getgroups?.() ?? [] };
    const isWell = await check({ settings, environment, identity, output, logger: new RecordedLogger() });
    return { isWell, lines: (output.read() as Buffer).toString().trimEnd().split('\n') };
  }
});

const encoding = { format: 'rfc5424', maxBytes: undefined, structuredData: [], appName: undefined, hostname: undefined, facility: undefined, bom: false } as const;
const stdout: DestinationSettings = { kind: 'stdout', name: 'stdout', label: 'stdout:', encoding };

function tcp(port: number): DestinationSettings {
  const name = `tcp-127.0.0.1-${port}`;
  return { kind: 'syslog-stream', name, label: `tcp://127.0.0.1:${port}`, encoding, address: { host: '127.0.0.1', port }, framing: 'octet-counting', tls: undefined, confirmAfterMs: 1000, confirmBytes: 1000 };
}
