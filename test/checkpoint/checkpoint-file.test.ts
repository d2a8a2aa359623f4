import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CheckpointFile, peekCheckpoint } from '../../src/checkpoint/checkpoint-file.js';
import type { Checkpoint } from '../../src/core/checkpoint.js';
import type { Cursor } from '../../src/core/entry.js';
import { OperatorError } from '../../src/core/errors.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { SmallDisk } from '../support/small-disk.js';

describe('a checkpoint file', () => {
  let folder: string;
  let path: string;
  let previous: string;
  let logger: RecordedLogger;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
    path = join(folder, 'state', 'there.json');
    previous = join(folder, 'state', 'there.previous.json');
    logger = new RecordedLogger();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('gives back what was saved last, without a word', async () => {
    const file = fileAt(path);
    assert.equal(await file.load(), undefined);
    for (const number of [1, 2, 3]) {
      await file.save(checkpoint(number));
      assert.deepEqual(await fileAt(path).load(), checkpoint(number));
    }
    assert.deepEqual(logger.lines, []);
  });

  test('tells whether the entry is still to come, where a first run has settled nothing', async () => {
    const start: Checkpoint = { ...checkpoint(1), position: { ...checkpoint(1).position, before: true } };
    await fileAt(path).save(start);
    assert.deepEqual(await fileAt(path).load(), start);
  });

  test('keeps the one before, and nothing else', async () => {
    await saveTwo();
    assert.deepEqual((await readdir(join(folder, 'state'))).sort(), ['there.json', 'there.previous.json']);
    assert.equal((await peekCheckpoint(previous))?.position.timestamp, checkpoint(1).position.timestamp);
  });

  test('is for its owner only, and so is the folder that it makes', async () => {
    await saveTwo();
    for (const file of [path, previous]) assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, 'state'))).mode & 0o777, 0o700);
  });

  test('can be peeked at', async () => {
    await saveTwo();
    const { savedAt, ...rest } = (await peekCheckpoint(path))!;
    assert.deepEqual(rest, { ...checkpoint(2), destination: 'tcp://there' });
    assert.ok(Math.abs(Date.parse(savedAt) - Date.now()) < 60_000);
    await writeFile(path, 'x');
    assert.equal(await peekCheckpoint(path), undefined);
    assert.equal(await peekCheckpoint(join(folder, 'absent.json')), undefined);
  });

  test('falls back to the one before where it is damaged, with a warning', async () => {
    await saveTwo();
    await flip(path, 'delivered');
    assert.deepEqual(await fileAt(path).load(), checkpoint(1));
    assert.equal(logger.lines.length, 1);
    assert.match(logger.lines[0]!, /^warn: The checkpoint .*there\.json is damaged; /);
  });

  test('falls back to the one before where it is missing', async () => {
    await saveTwo();
    await rm(path);
    assert.deepEqual(await fileAt(path).load(), checkpoint(1));
    assert.match(logger.lines.join(), /^warn: .* is absent; /);
  });

  test('keeps the good one before it until a good one is saved in place of a damaged one', async () => {
    await saveTwo();
    await flip(path, 'delivered');
    const file = fileAt(path);
    await file.load();
    await file.save(checkpoint(3));
    assert.deepEqual(await fileAt(path).load(), checkpoint(3));
    assert.equal((await peekCheckpoint(previous))?.position.timestamp, checkpoint(1).position.timestamp);
    await file.save(checkpoint(4));
    assert.equal((await peekCheckpoint(previous))?.position.timestamp, checkpoint(3).position.timestamp);
  });

  test('falls back to the earlier time of the two where both are damaged', async () => {
    await saveTwo();
    await flip(path, 'delivered');
    await flip(previous, 'delivered');
    const expected = { position: { cursor: '' as Cursor, timestamp: checkpoint(1).position.timestamp }, counts: { delivered: 0, filtered: 0, rejected: 0 } };
    assert.deepEqual(await fileAt(path).load(), expected);
    assert.match(logger.lines.join(), /^warn: .* are damaged; going on from the time /);
  });

  test('starts as on a first run where both are damaged and tell no time, with an error', async () => {
    await saveTwo();
    for (const file of [path, previous]) await writeFile(file, Buffer.from([0, 255, 10]));
    assert.equal(await fileAt(path).load(), undefined);
    assert.match(logger.lines.join(), /^error: .* tell no time/);
  });

  test('never gives a wrong position, at whatever byte it was cut off', async () => {
    await saveTwo();
    const { size } = await stat(path);
    for (let length = size - 1; length >= 0; length--) {
      await truncate(path, length);
      const loaded = await fileAt(path).load();
      assert.deepEqual(loaded, length === size - 1 ? checkpoint(2) : checkpoint(1), `cut to ${length} bytes`);
    }
  });

  test('gives its time or nothing, at whatever byte it and the one before were cut off', async () => {
    await saveTwo();
    const whole = (await readFile(path)).length - 1;
    const timestamps = new Set<number | undefined>();
    for (let length = whole - 1; length >= 0; length--) {
      await truncate(path, length);
      await truncate(previous, length);
      const loaded = await fileAt(path).load();
      assert.equal(loaded?.position.cursor ?? '', '');
      timestamps.add(loaded?.position.timestamp);
    }
    assert.deepEqual(timestamps, new Set([checkpoint(1).position.timestamp, undefined]));
  });

  test('notices any single byte that was changed', async () => {
    await saveTwo();
    const bytes = await readFile(path);
    const wanted = [JSON.stringify(checkpoint(1)), JSON.stringify(checkpoint(2))];
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1;
      await writeFile(path, damaged);
      assert.ok(wanted.includes(JSON.stringify(await fileAt(path).load())), `byte ${at}`);
    }
  });

  test('refuses a newer version, and says what to do', async () => {
    await saveTwo();
    const { createHash } = await import('node:crypto');
    const content = { ...(JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>), version: 2 } as Record<string, unknown>;
    delete content['sha256'];
    const sha256 = createHash('sha256').update(JSON.stringify(content)).digest('hex');
    await writeFile(path, JSON.stringify({ ...content, sha256 }));
    await assert.rejects(fileAt(path).load(), (error) => error instanceof OperatorError && error.code === 'ERR_STATE_VERSION' && error.message.includes('version 2') && error.message.includes('--reset-checkpoint'));
  });

  test('rejects with what an operator can mend where it cannot be read', async () => {
    await mkdir(path, { recursive: true });
    await assert.rejects(fileAt(path).load(), (error) => error instanceof OperatorError && error.code === 'ERR_STATE' && error.message.includes(path));
  });

  test('forgets everything at a reset', async () => {
    await saveTwo();
    await fileAt(path).reset();
    assert.equal(await fileAt(path).load(), undefined);
    await fileAt(path).reset();
    assert.deepEqual(logger.lines, []);
  });

  test('is not stopped by what a crash in the middle of a save left behind', async () => {
    await saveTwo();
    await writeFile(`${path}.new`, 'half', { mode: 0o600 });
    await writeFile(`${previous}.new`, 'half', { mode: 0o600 });
    await fileAt(path).save(checkpoint(3));
    assert.deepEqual(await fileAt(path).load(), checkpoint(3));
    assert.deepEqual((await readdir(join(folder, 'state'))).sort(), ['there.json', 'there.previous.json']);
  });

  test('always holds a whole checkpoint for whoever reads while it is being saved', async () => {
    const file = fileAt(path);
    await file.save(checkpoint(0));
    let isSaving = true;
    const saving = (async () => {
      for (let number = 1; number <= 50; number++) await file.save(checkpoint(number));
      isSaving = false;
    })();
    let newest = 0;
    let reads = 0;
    while (isSaving) {
      const { delivered } = (await fileAt(path).load())!.counts;
      assert.ok(delivered >= newest);
      newest = delivered;
      reads += 1;
    }
    await saving;
    assert.ok(reads > 1);
    assert.deepEqual(logger.lines, []);
  });

  async function saveTwo(): Promise<void> {
    const file = fileAt(path);
    await file.save(checkpoint(1));
    await file.save(checkpoint(2));
  }

  function fileAt(where: string): CheckpointFile {
    return new CheckpointFile({ path: where, destination: 'tcp://there', logger });
  }
});

describe('a checkpoint file on a disk with faults', () => {
  let disk: SmallDisk;
  let path: string;
  beforeEach(async () => {
    disk = await SmallDisk.mount();
    path = join(disk.path, 'there.json');
  });
  afterEach(() => disk.unmount());

  test('keeps the old one where the disk is full, and saves again when it is not', async () => {
    const file = await withTwo();
    for (const pagesLeft of [0, 1]) {
      const free = await disk.fill(pagesLeft);
      if (pagesLeft === 0) await assert.rejects(file.save(checkpoint(3)), { code: 'ENOSPC' });
      else await file.save(checkpoint(3));
      assert.deepEqual(await load(), pagesLeft === 0 ? checkpoint(2) : checkpoint(3));
      await free();
    }
    await file.save(checkpoint(4));
    assert.deepEqual(await load(), checkpoint(4));
  });

  test('keeps the old one where the disk became read-only', async () => {
    const file = await withTwo();
    await disk.setReadOnly(true);
    await assert.rejects(file.save(checkpoint(3)), { code: 'EROFS' });
    assert.deepEqual(await load(), checkpoint(2));
    await disk.setReadOnly(false);
    await file.save(checkpoint(3));
    assert.deepEqual(await load(), checkpoint(3));
  });

  test('keeps the old one where it cannot be renamed', async () => {
    const file = await withTwo();
    await rm(join(disk.path, 'there.previous.json'));
    await mkdir(join(disk.path, 'there.previous.json', 'in the way'), { recursive: true });
    await assert.rejects(file.save(checkpoint(3)), { code: 'EISDIR' });
    assert.deepEqual(await load(), checkpoint(2));
  });

  async function withTwo(): Promise<CheckpointFile> {
    const file = new CheckpointFile({ path, destination: 'tcp://there', logger: new RecordedLogger() });
    await file.save(checkpoint(1));
    await file.save(checkpoint(2));
    await chmod(path, 0o600);
    return file;
  }

  async function load(): Promise<Checkpoint | undefined> {
    const logger = new RecordedLogger();
    const loaded = await new CheckpointFile({ path, destination: 'tcp://there', logger }).load();
    assert.deepEqual(logger.lines, []);
    return loaded;
  }
});

function checkpoint(number: number): Checkpoint {
  const cursor = `s=${'a0'.repeat(16)};i=${number.toString(16)};b=${'b0'.repeat(16)};m=1;t=5b337dd2c0000;x=1` as Cursor;
  return { position: { cursor, timestamp: 1604430000000000 + number }, counts: { delivered: number, filtered: 2, rejected: 1 } };
}

/** Changes what a word of the file is. */
async function flip(path: string, word: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  assert.ok(text.includes(word));
  await writeFile(path, text.replace(word, word.toUpperCase()));
}
