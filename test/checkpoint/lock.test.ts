import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { askLockHolder, type StateLock, takeLock } from '../../src/checkpoint/lock.js';
import { OperatorError } from '../../src/core/errors.js';
import { SmallDisk } from '../support/small-disk.js';

const program = fileURLToPath(new URL('../support/lock-holder.ts', import.meta.url));

describe('the lock of a state', { timeout: 120_000 }, () => {
  let folder: string;
  let processes: LockProcess[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lock-'));
    processes = [];
  });
  afterEach(async () => {
    for (const one of processes) await one.kill();
    await rm(folder, { recursive: true, force: true });
  });

  test('keeps a second process off, and says which state and what to do', async () => {
    const holder = await start();
    assert.equal(await holder.take(), 'held');
    const second = await start();
    assert.equal(await second.take(), 'ERR_STATE_LOCKED');
    await assert.rejects(takeLock(folder, 'there', () => ({})), (error) => error instanceof OperatorError && error.code === 'ERR_STATE_LOCKED' && error.message.includes('"there"') && error.message.includes('--state-dir'));
    assert.deepEqual(await askLockHolder(folder, 'there'), { pid: holder.pid });
  });

  test('is free after its holder has released it, and leaves nothing behind', async () => {
    const holder = await start();
    await holder.take();
    await holder.release();
    assert.deepEqual(await readdir(folder), []);
    const lock = await takeLock(folder, 'there', () => ({}));
    await lock.release();
    assert.deepEqual(await readdir(folder), []);
  });

  test('is taken over from a process that was killed', async () => {
    const holder = await start();
    await holder.take();
    await holder.kill();
    assert.notDeepEqual(await readdir(folder), []);
    assert.equal(await askLockHolder(folder, 'there'), undefined);
    const second = await start();
    assert.equal(await second.take(), 'held');
    assert.deepEqual(await askLockHolder(folder, 'there'), { pid: second.pid });
    await second.release();
    assert.deepEqual(await readdir(folder), []);
  });

  test('is for one destination: another has its own', async () => {
    const locks = [await takeLock(folder, 'a', () => 'a'), await takeLock(folder, 'a.0123abcd', () => 'b'), await takeLock(folder, 'b', () => 'c')];
    assert.deepEqual(await Promise.all(['a', 'a.0123abcd', 'b', 'c'].map((name) => askLockHolder(folder, name))), ['a', 'b', 'c', undefined]);
    for (const lock of locks) await lock.release();
  });

  test('answers with what its holder says at that moment, also long texts and many at a time', async () => {
    let count = 0;
    const lock = await takeLock(folder, 'there', () => ({ count: ++count, text: 'ö'.repeat(100_000) }));
    const answers = (await Promise.all(Array.from({ length: 20 }, () => askLockHolder(folder, 'there')))) as { count: number; text: string }[];
    assert.deepEqual(answers.map((answer) => answer.count).sort((a, b) => a - b), Array.from({ length: 20 }, (_, index) => index + 1));
    assert.ok(answers.every(({ text }) => text.length === 100_000));
    await lock.release();
    assert.equal(await askLockHolder(folder, 'there'), undefined);
  });

  test('is released although somebody who asked never hangs up', async () => {
    const lock = await takeLock(folder, 'there', () => ({}));
    const asking = createConnection({ path: join(folder, 'there.sock'), allowHalfOpen: true });
    await once(asking, 'data');
    await lock.release();
    asking.destroy();
  });

  test('goes to exactly one of many processes that start at once over a dead one', async () => {
    const dead = await start();
    await dead.take();
    await dead.kill();
    const starting = await Promise.all(Array.from({ length: 5 }, start));
    const answers = await Promise.all(starting.map((one) => one.take()));
    assert.deepEqual(answers.sort(), [...Array.from({ length: 4 }, () => 'ERR_STATE_LOCKED'), 'held']);
  });

  test('goes to exactly one of many, a hundred times', async () => {
    for (let round = 0; round < 100; round++) {
      await deadSocket(join(folder, 'there.sock'));
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(folder, 'there', () => ({ round }))));
      const held = results.flatMap((result): StateLock[] => (result.status === 'fulfilled' ? [result.value] : []));
      assert.equal(held.length, 1, `round ${round}`);
      assert.ok(results.every((result) => result.status === 'fulfilled' || (result.reason as OperatorError).code === 'ERR_STATE_LOCKED'));
      assert.deepEqual(await askLockHolder(folder, 'there'), { round });
      await held[0]!.release();
      assert.deepEqual(await readdir(folder), []);
    }
  });

  test('is given on from one to the next without ever being held twice', async () => {
    let holders = 0;
    let turns = 0;
    const contend = async (): Promise<void> => {
      while (turns < 20) {
        const lock = await takeLock(folder, 'there', () => ({})).catch((error: OperatorError) => assert.equal(error.code, 'ERR_STATE_LOCKED'));
        if (lock === undefined) continue;
        assert.equal(++holders, 1);
        turns += 1;
        await new Promise(setImmediate);
        holders -= 1;
        await lock.release();
      }
    };
    await Promise.all([contend(), contend()]);
  });

  test('makes the folder, for its owner only', async () => {
    const deep = join(folder, 'var', 'lib', 'x');
    await (await takeLock(deep, 'there', () => ({}))).release();
    assert.deepEqual(await readdir(deep), []);
  });

  test('says so where the folder is too long for a socket', async () => {
    const long = join(folder, 'x'.repeat(150));
    await mkdir(long);
    await assert.rejects(takeLock(long, 'there', () => ({})), (error) => error instanceof OperatorError && error.code === 'ERR_STATE_PATH' && error.message.includes(long) && error.message.includes('--state-dir'));
    assert.deepEqual(await readdir(long), []);
  });

  test('works with the longest folder that it does not refuse', async () => {
    for (let length = 40; length < 110; length++) {
      const long = join(folder, 'x'.repeat(length - folder.length - 1));
      const lock = await takeLock(long, 'there', () => 'here').catch((error: OperatorError) => assert.equal(error.code, 'ERR_STATE_PATH'));
      if (lock === undefined) {
        assert.ok(length > 85);
        continue;
      }
      assert.equal(await askLockHolder(long, 'there'), 'here');
      await lock.release();
    }
  });

  test('says so where the folder cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    await assert.rejects(takeLock(join(folder, 'file', 'state'), 'there', () => ({})), isUnwritable);
  });

  test('is free after its holder has released it in a folder that had become read-only', async () => {
    const disk = await SmallDisk.mount();
    try {
      const lock = await takeLock(disk.path, 'there', () => ({}));
      await disk.setReadOnly(true);
      await lock.release();
      assert.equal(await askLockHolder(disk.path, 'there'), undefined);
      await disk.setReadOnly(false);
      await (await takeLock(disk.path, 'there', () => ({}))).release();
      assert.deepEqual(await readdir(disk.path), []);
    } finally {
      await disk.unmount();
    }
  });

  test('says so where the folder is read-only', async () => {
    const disk = await SmallDisk.mount();
    await disk.setReadOnly(true);
    await assert.rejects(takeLock(disk.path, 'there', () => ({})), isUnwritable);
    await disk.unmount();
  });

  test('does not keep its process alive', async () => {
    const code = `import(${JSON.stringify(new URL('../../src/checkpoint/lock.ts', import.meta.url).href)}).then(({ takeLock }) => takeLock(${JSON.stringify(folder)}, 'there', () => ({}))).then(() => console.log('held'))`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(child.stdout, 'data')) as [Buffer];
    assert.equal(text.toString(), 'held\n');
    assert.deepEqual(await once(child, 'close'), [0, null]);
  });

  async function start(): Promise<LockProcess> {
    const one = new LockProcess(folder);
    processes.push(one);
    assert.equal(await one.line(), 'ready');
    return one;
  }
});

function isUnwritable(error: unknown): boolean {
  return error instanceof OperatorError && error.code === 'ERR_STATE_DIR' && error.message.includes('--state-dir') && error.cause instanceof Error;
}

/** Leaves a socket behind that nobody listens to, as a killed process does. */
async function deadSocket(path: string): Promise<void> {
  const { createServer } = await import('node:net');
  const { link } = await import('node:fs/promises');
  const server = createServer().listen(`${path}.0`);
  await once(server, 'listening');
  await link(`${path}.0`, path);
  server.close();
  await once(server, 'close');
}

class LockProcess {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(folder: string) {
    this.#child = spawn(process.execPath, ['--import', 'tsx', program, folder, 'there'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => undefined);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async line(): Promise<string | undefined> {
    return ((await this.#lines.next()) as IteratorResult<string, undefined>).value;
  }

  /** Tries to take the lock; resolves to `held`, or to why not. */
  async take(): Promise<string | undefined> {
    this.#child.stdin.write('take\n');
    return this.line();
  }

  async release(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    assert.equal(this.#child.exitCode, 0);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
