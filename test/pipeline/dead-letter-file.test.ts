import assert from 'node:assert/strict';
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DeadLetterFile } from '../../src/pipeline/dead-letter-file.js';
import type { DeadLetter } from '../../src/core/dead-letters.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { SmallDisk } from '../support/small-disk.js';

const never = new AbortController().signal;
const overRotation = 64 * 1024 * 1024 + 1;

describe('the dead-letter file', { timeout: 60_000 }, () => {
  let folder: string;
  let path: string;
  let logger: RecordedLogger;
  let file: DeadLetterFile;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dead-letters-'));
    path = join(folder, 'state', 'dead-letters.ndjson');
    logger = new RecordedLogger();
    file = new DeadLetterFile(path, logger);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('has a line for each letter, with all that is needed to send it again', async () => {
    await file.write({ from: 'there', kind: 'too-old', reason: 'too old', cursor: 'c', timestamp: 5, content: Buffer.from('a\n"ö"\0') }, never);
    await file.write({ from: 'stdin', kind: 'malformed', reason: 'no JSON', content: Buffer.from([0xff, 0x00]) }, never);
    const [first, second, ...more] = await rows(path);
    const { setAsideAt, ...rest } = first!;
    assert.deepEqual(rest, { from: 'there', kind: 'too-old', reason: 'too old', cursor: 'c', timestamp: 5, content: 'a\n"ö"\0' });
    assert.ok(Math.abs(Date.parse(setAsideAt as string) - Date.now()) < 60_000);
    assert.deepEqual({ ...second, setAsideAt: '' }, { from: 'stdin', kind: 'malformed', reason: 'no JSON', contentBase64: '/wA=', setAsideAt: '' });
    assert.deepEqual(more, []);
    assert.equal(file.count, 2);
  });

  test('is for its owner only', async () => {
    await file.write(letter('a'), never);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, 'state'))).mode & 0o777, 0o700);
  });

  test('keeps the letters whole and in the order of the calls', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => file.write(letter(String(index)), never)));
    assert.deepEqual((await rows(path)).map(({ content }) => content), Array.from({ length: 50 }, (_, index) => String(index)));
  });

  test('tells each reason once a minute, as an error', async () => {
    for (let i = 0; i < 3; i++) await file.write(letter('a', 'too old'), never);
    await file.write(letter('a', 'too new'), never);
    assert.deepEqual(logger.lines, [`error: there: a message was set aside in ${path}: too old`, `error: there: a message was set aside in ${path}: too new`]);
  });

  test('puts a large file aside, keeps four of them, and their contents in order', async () => {
    for (let number = 1; number <= 7; number++) {
      await file.write(letter(String(number)), never);
      const { size } = await stat(path);
      await truncate(path, overRotation);
      assert.ok(size < 1000);
    }
    assert.deepEqual((await readdir(join(folder, 'state'))).sort(), ['', '.1', '.2', '.3', '.4'].map((suffix) => `dead-letters.ndjson${suffix}`));
    for (const [suffix, number] of [['', 7], ['.1', 6], ['.2', 5], ['.3', 4], ['.4', 3]] as const) {
      const part = await open(path + suffix);
      const { buffer, bytesRead } = await part.read(Buffer.alloc(4096), 0, 4096, 0);
      await part.close();
      assert.equal((JSON.parse(buffer.toString('utf8', 0, buffer.indexOf('\n', 0))) as { content: string }).content, String(number));
      assert.ok(bytesRead > 0);
      assert.equal((await stat(path + suffix)).mode & 0o777, 0o600);
    }
  });

  test('begins a line of its own behind half a line that a crash left', async () => {
    await file.write(letter('a'), never);
    await writeFile(path, (await readFile(path, 'utf8')) + '{"from":"there","rea');
    await file.write(letter('b'), never);
    const lines = (await readFile(path, 'utf8')).split('\n');
    assert.equal(lines.length, 4);
    assert.equal((JSON.parse(lines[2]!) as { content: string }).content, 'b');
  });

  test('waits while it cannot be written, says so once, and then writes', async () => {
    await writeFile(join(folder, 'state'), 'in the way');
    const written = file.write(letter('a'), never);
    await logger.line(/so delivery waits/);
    assert.equal(file.count, 0);
    await rm(join(folder, 'state'));
    await written;
    assert.deepEqual((await rows(path)).map(({ content }) => content), ['a']);
    assert.equal(logger.lines.filter((line) => line.includes('delivery waits')).length, 1);
  });

  test('rejects at the abort while it cannot be written, also where others wait before it', async () => {
    await writeFile(join(folder, 'state'), 'in the way');
    const patient = file.write(letter('patient'), never);
    const aborting = new AbortController();
    const hasty = [file.write(letter('hasty'), aborting.signal), file.write(letter('hasty'), aborting.signal)];
    await logger.line(/so delivery waits/);
    aborting.abort();
    for (const one of hasty) await assert.rejects(one, { name: 'AbortError' });
    await rm(join(folder, 'state'));
    await Promise.all([patient, file.write(letter('later'), never)]);
    assert.deepEqual((await rows(path)).map(({ content }) => content), ['patient', 'later']);
  });

  test('writes nothing for a signal that has aborted', async () => {
    await assert.rejects(file.write(letter('a'), AbortSignal.abort()), { name: 'AbortError' });
    await file.write(letter('b'), never);
    assert.deepEqual((await rows(path)).map(({ content }) => content), ['b']);
  });

  test('leaves no half lines where the disk becomes full in the middle of one', async () => {
    const disk = await SmallDisk.mount();
    try {
      const there = join(disk.path, 'dead-letters.ndjson');
      const onDisk = new DeadLetterFile(there, logger);
      await onDisk.write(letter('a'), never);
      const free = await disk.fill(1);
      const written = onDisk.write(letter('x'.repeat(10_000)), never);
      await logger.line(/ENOSPC.*|so delivery waits/);
      await free();
      await written;
      assert.deepEqual((await rows(there)).map(({ content }) => (content as string).length), [1, 10_000]);
    } finally {
      await disk.unmount();
    }
  });
});

function letter(content: string, reason = 'refused'): DeadLetter {
  return { from: 'there', kind: 'refused', reason, content: Buffer.from(content) };
}

async function rows(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8');
  assert.ok(text.endsWith('\n'));
  return text.slice(0, -1).split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
}
