import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CheckpointFile } from '../../src/checkpoint/checkpoint-file.js';
import { takeLock } from '../../src/checkpoint/lock.js';
import type { Cursor } from '../../src/core/entry.js';
import { OperatorError } from '../../src/core/errors.js';
import { printStatus } from '../../src/status.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { destinationReport } from '../support/route-status.js';

describe('the status table', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'status-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('shows what a running forwarder says of a destination', async () => {
    const lock = await takeLock(folder, 'there', () => ({ pid: 1, route: destinationReport({ state: 'retrying', lastError: 'refused the connection', lagSeconds: 5000 }) }));
    const [row] = await rows(['there']);
    await lock.release();
    assert.deepEqual(row, { DESTINATION: 'tcp://there:514', STATE: 'retrying', LAG: '83 min', RATE: '13/s', 'UP TO': '2020-11-03T19:00:10.000Z', DELIVERED: '4990', FILTERED: '9', 'DEAD LETTERS': '1', UNCONFIRMED: '3', 'LAST ERROR': 'refused the connection' });
  });

  test('shows one that has delivered nothing yet, and why its checkpoint cannot be saved', async () => {
    const lock = await takeLock(folder, 'there', async () => Promise.resolve({ route: destinationReport({ position: undefined, checkpointError: 'disk full', perSecond: 0.25, lagSeconds: 0.04 }) }));
    const [row] = await rows([]);
    await lock.release();
    assert.deepEqual([row!['UP TO'], row!.LAG, row!.RATE, row!['LAST ERROR']], ['-', '0 s', '0.3/s', 'the checkpoint cannot be saved: disk full']);
  });

  test('shows the last state of destinations whose forwarder does not run, and which of them nobody owns', async () => {
    await save('b-gone', 1_604_430_030_000_000);
    await save('a-there', 1_604_430_000_000_000);
    await save('a-there', 1_604_430_000_000_000);
    await writeFile(join(folder, 'dead-letters.ndjson'), '{}\n');
    const [first, second, ...more] = await rows(['a-there'], 1_604_430_600_000_000);
    assert.deepEqual(more, []);
    assert.deepEqual([first!.DESTINATION, first!.STATE, first!.LAG, first!.RATE, first!.DELIVERED], ['tcp://a-there', 'not running', '10 min', '-', '7']);
    assert.deepEqual([second!.DESTINATION, second!.STATE, second!.LAG], ['tcp://b-gone', 'not running, not in these settings', '-']);
    assert.equal((await rows(['a-there'], undefined))[0]!.LAG, '-');
    assert.equal((await rows(['a-there'], 1_604_429_000_000_000))[0]!.LAG, '0 s');
  });

  test('shows one whose checkpoint is damaged by its name', async () => {
    await writeFile(join(folder, 'there.json'), 'x');
    const [row] = await rows(['there']);
    assert.deepEqual([row!.DESTINATION, row!['LAST ERROR']], ['there', 'its checkpoint cannot be read']);
  });

  test('says so where there is none', async () => {
    assert.match(await text(folder, []), /^No destination has a state in .* yet\.\n$/);
    assert.match(await text(join(folder, 'absent'), []), /^No destination has a state in .* yet\.\n$/);
  });

  test('says what to do where the folder cannot be read', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await assert.rejects(text(file, []), (error) => error instanceof OperatorError && error.code === 'ERR_STATE_DIR' && error.message.includes(file));
  });

  test('lines its columns up, and leaves no spaces at the ends', async () => {
    await save('there', 1604430000000000);
    const [head = '', row = ''] = (await text(folder, [])).split('\n');
    assert.equal(row.indexOf('2020-11-03T19:00:00.000Z'), head.indexOf('UP TO'));
    assert.doesNotMatch(`${head}\n${row}`, / $/m);
  });

  async function save(name: string, timestamp: number): Promise<void> {
    await mkdir(folder, { recursive: true });
    const file = new CheckpointFile({ path: join(folder, `${name}.json`), destination: `tcp://${name}`, logger: new RecordedLogger() });
    await file.save({ position: { cursor: 'c' as Cursor, timestamp }, counts: { delivered: 7, filtered: 0, rejected: 0 } });
  }

  async function text(directory: string, configured: readonly string[], newestUs?: number): Promise<string> {
    const output = new PassThrough();
    await printStatus({ directory, configured: new Set(configured), newestUs: () => Promise.resolve(newestUs), output });
    return (output.read() as Buffer).toString();
  }

  async function rows(configured: readonly string[], newestUs?: number): Promise<Partial<Record<string, string>>[]> {
    const [head = '', ...lines] = (await text(folder, configured, newestUs)).trimEnd().split('\n');
    const columns = [...head.matchAll(/\S+(?: \S+)*/g)].map((match) => ({ name: match[0], at: match.index }));
    return lines.map((line) => Object.fromEntries(columns.map(({ name, at }, index) => [name, line.slice(at, columns[index + 1]?.at).trim()])));
  }
});
