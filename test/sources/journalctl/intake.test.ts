import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Intake } from '../../../src/sources/journalctl/intake.js';
import { eventually } from '../../support/eventually.js';

describe('an intake', () => {
  it('gives what a child prints, to its last byte, in its order, and ends with it', async () => {
    const bytes = randomBytes(20_000_000);
    const folder = await mkdtemp(join(tmpdir(), 'intake-'));
    await writeFile(join(folder, 'bytes'), bytes);
    const { intake } = await started(`exec cat ${folder}/bytes`);
    const hash = createHash('sha256');
    for await (const piece of intake) hash.update(piece);
    assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
    await rm(folder, { recursive: true });
  });

  it('keeps what it gave as it was, however much comes after it', async () => {
    const { intake } = await started('seq 1 500000');
    const pieces: Buffer[] = [];
    for await (const bytes of intake) pieces.push(bytes);
    assert.equal(Buffer.concat(pieces).toString(), Array.from({ length: 500_000 }, (_, n) => `${n + 1}\n`).join(''));
  });

  it('reads no more than 768 KiB ahead, and goes on when it is asked', async () => {
    const { intake, child } = await started('exec head -c 6000000 /dev/zero');
    let bytes = (await intake.next()).value!.length;
    // Nothing but a full socket lets it sleep, before its end.
    await eventually(() => stateOf(child), (state) => state === 'S');
    // What was read, a read more, what lies in the socket, and the first piece.
    assert.ok((await writtenBy(child)) < 1_500_000);
    for await (const more of intake) bytes += more.length;
    assert.equal(bytes, 6_000_000);
  });

  it('puts together what comes within 30 ms after a piece', async () => {
    const { intake, child } = await started('for i in $(seq 9000); do echo $i; done');
    const since = performance.now();
    const pieces: Buffer[] = [];
    for await (const piece of intake) pieces.push(piece);
    assert.equal(String(Buffer.concat(pieces)), Array.from({ length: 9000 }, (_, n) => `${n + 1}\n`).join(''));
    // The first comes at once, and so does the last, with the end.
    const most = (performance.now() - since) / 30 + 2;
    assert.ok(pieces.length <= most, `${pieces.length} pieces, and not ${most}`);
    assert.equal(child.exitCode ?? (await once(child, 'exit'))[0], 0);
  });

  it('forgets what it has gathered when it is destroyed', async () => {
    const { intake, child } = await started('echo one; echo two; echo three; exec sleep 60');
    await intake.next();
    intake.destroy();
    assert.deepEqual(await intake.next(), { done: true, value: undefined });
    child.kill();
    await once(child, 'exit');
  });

  it('closes what the child writes into when its loop is left', async () => {
    const { intake, child } = await started('exec yes');
    for await (const bytes of intake) if (bytes.length > 0) break;
    const [code, signal] = await once(child, 'exit');
    // A write that was under way has an error of its own.
    assert.ok(signal === 'SIGPIPE' || code === 1, `${code} ${signal}`);
    assert.deepEqual(await intake.next(), { done: true, value: undefined });
  });

  it('wakes who waits for a child that prints nothing when it is destroyed', async () => {
    const { intake, child } = await started('exec sleep 60');
    const next = intake.next();
    intake.destroy();
    assert.equal((await next).done, true);
    child.kill();
    await once(child, 'exit');
  });

  it('leaves nothing among the temporary files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'intake-'));
    await withTmpdir(folder, async () => {
      const { intake } = await started('true');
      for await (const bytes of intake) assert.fail(`${bytes.length} bytes`);
    });
    assert.deepEqual(await readdir(folder), []);
    await rm(folder, { recursive: true });
  });

  it('is not to be had where there is no folder for temporary files', () => withTmpdir('/nonexistent', async () => assert.equal(await Intake.open(), undefined)));
});

async function withTmpdir(folder: string, run: () => Promise<void>): Promise<void> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    await run();
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

/** A shell with its stdout in the intake. */
async function started(script: string): Promise<{ readonly intake: Intake; readonly child: ChildProcess }> {
  const opened = await Intake.open();
  assert.ok(opened);
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', opened.inlet, 'inherit'] });
  opened.inlet.destroy();
  return { intake: opened.intake, child };
}

/** In bytes, as in proc_pid_io(5). */
async function writtenBy({ pid }: ChildProcess): Promise<number> {
  return Number(/^wchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))![1]);
}

/** A letter, as in proc_pid_stat(5). */
async function stateOf({ pid }: ChildProcess): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return text.charAt(text.lastIndexOf(')') + 2);
}
