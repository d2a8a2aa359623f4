import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { absoluteTime, readTime } from '../../src/config/time.js';

const run = promisify(execFile);

const times = [
  'now', 'today', 'yesterday', 'tomorrow', '-1h', '+5min', '-5', '-0.5h', '-1h30min', '-1h 30min', '1h ago', '1 week ago', '2 months ago', '5min left', '-1y',
  '@1604430000', '@1604430000.5', '08:00', '20:00:01', '23:59:59.999999', '2026-11-20', '2026-11-20 08:00', '2026-1-2 8:00', '26-11-20 08:00', '70-01-02',
  '2026-11-20 08:00:00.123456', '2026-11-20 08:00 UTC', '2026-11-20 UTC', '2026-11-20 08:00 Europe/Berlin', 'Fri 2026-11-20', 'Friday 2026-11-20 08:00', '2024-02-29',
];
const noTimes = [
  '', '-', '5', '1h', 'last friday', 'friday', '-1fortnight', '-h', '11-20', '2026-13-01', '2026-00-01', '2026-11-32', '2026-11-20 24:00', '2026-11-20 25:00', '2026-11-20 08:60', '2026-11-20 08',
  'yesterday 08:00', '2026/11/20', '20.11.2026', '+-5h', '-1h ago', '11111111111111111111111111111111111x ago', '@', '@-1', '2026-11-20 08:00 +02:00',
];
const rewritten = {
  '2026-11-20T08:00:00Z': '2026-11-20 08:00:00 UTC',
  '2026-11-20t08:00z': '2026-11-20 08:00:00 UTC',
  '2026-11-20T08:00:00.123456+02:00': '2026-11-20 06:00:00.123456 UTC',
  '2026-01-01T00:30:00-01:00': '2026-01-01 01:30:00 UTC',
  '2026-11-20T08:00:00': '2026-11-20 08:00:00',
  '2026-11-20T08:00': '2026-11-20 08:00:00',
};

describe('a time', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'time-test-'));
  });
  after(() => rm(directory, { recursive: true }));

  const taken = async (text: string): Promise<boolean> =>
    run('journalctl', ['--quiet', '-D', directory, '-n0', `--since=${text}`]).then(
      () => true,
      (error: { stderr?: string; message: string }) => {
        if (error.stderr?.includes('Failed to parse timestamp')) return false;
        throw new Error(`journalctl, of the package systemd, did not judge the time ${JSON.stringify(text)}: ${error.message}`);
      },
    );
  const read = (text: string) => readTime({ text, where: '--since' });

  it('is passed on as written where the real journalctl takes it', async () => {
    for (const text of times) {
      assert.equal(read(text), text);
      assert.ok(await taken(text), `journalctl takes ${text}`);
    }
  });

  it('is refused where the real journalctl refuses it', async () => {
    for (const text of noTimes) {
      assert.throws(() => read(text), { code: 'ERR_SETTING' }, `${text} is refused`);
      assert.ok(!(await taken(text)), `journalctl refuses ${text}`);
    }
  });

  it('is refused on a day that does not exist, which journalctl would take for a later one', () => {
    for (const text of ['2026-02-30', '2025-02-29', '2026-11-31 08:00']) assert.throws(() => read(text), { code: 'ERR_SETTING' });
  });

  it('of RFC 3339 is rewritten into what every journalctl takes', async () => {
    for (const [text, expected] of Object.entries(rewritten)) {
      assert.equal(read(text), expected);
      assert.ok(await taken(expected), `journalctl takes ${expected}`);
    }
    for (const text of ['2026-02-30T08:00:00Z', '2026-11-20T25:00:00Z', '2026-11-20T08:00:00+99:00', '2026-11-20T08Z']) assert.throws(() => read(text), { code: 'ERR_SETTING' });
  });
});

describe('a time made absolute', () => {
  it('is the instant that systemd takes it for', async () => {
    for (const text of times.filter((time) => absoluteTime(time, new Date()) !== time)) {
      const seconds = await Promise.all([text, absoluteTime(text, new Date())].map(async (time) => {
        const { stdout } = await run('systemd-analyze', ['timestamp', '--', time], { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
        return Number(/UNIX seconds: @([\d.]+)/.exec(stdout)![1]);
      }));
      assert.ok(Math.abs(seconds[0]! - seconds[1]!) < 5, `${text}: ${seconds.join(' and ')}`);
    }
  });

  it('stays as it is where it names its day', () => {
    for (const text of ['2026-11-20 08:00', '@1604430000.5', 'Friday 2026-11-20 08:00', '26-11-20 08:00']) assert.equal(absoluteTime(text, new Date()), text);
  });
});
