import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import { CheckpointFile } from '../../src/checkpoint/checkpoint-file.js';
import type { Cursor } from '../../src/core/entry.js';
import type { Position } from '../../src/core/position.js';
import { RunningForwarder } from '../support/forwarder.js';
import type { JournalSandbox } from '../support/journal-sandbox.js';
import type { Fields } from '../support/native-writer.js';
import type { Release, Systemd } from '../support/other-systemd.js';
import { RecordedLogger } from '../support/recorded-logger.js';

/** Where the whole program begins, and begins again, with the journald and the journalctl of one release. */
export function resumeSuite(release: Release): void {
  describe(`the program, ${release.name}`, { timeout: 120_000 }, () => {
    let systemd: Systemd;
    let sandbox: JournalSandbox;
    let state: string;
    let runs: Run[];

    before(async () => {
      systemd = await release.load();
    });
    beforeEach(async () => {
      sandbox = await systemd.startSandbox();
      state = await mkdtemp(join(tmpdir(), 'state-'));
      runs = [];
    });
    afterEach(async () => {
      for (const { forwarder } of runs) await forwarder.stop('SIGKILL');
      await sandbox.stop();
      await rm(state, { recursive: true });
    });

    it('starts at the head of the journal, at that of this boot, or with what comes, and later after its checkpoint only', async () => {
      await log('1');
      await sandbox.reboot();
      await log('2');
      const expected = { head: ['1', '2', '3'], boot: ['2', '3'], now: ['3'] };
      const starts = ['head', 'boot', 'now'] as const;
      const first = starts.map((start) => follow('--log-level', 'debug', '--start', start, '--state-dir', join(state, start)));
      for (const run of first) await run.forwarder.says(/journalctl .*--follow/);
      await log('3');
      for (const [index, start] of starts.entries()) {
        await first[index]!.until('3');
        await first[index]!.stop();
        assert.deepEqual(first[index]!.lines, expected[start], start);
      }
      await log('4');
      for (const start of starts) assert.deepEqual(await once('--start', 'head', '--state-dir', join(state, start)), ['4'], start);
    });

    it('gives what was logged after a first run that found nothing, whatever boot that was', async () => {
      await log('unwanted');
      for (const [index, args] of [['--start', 'now'], ['--match', 'A=x']].entries()) {
        const here = [...args, '--state-dir', join(state, String(index))];
        assert.deepEqual(await once(...here), []);
        const message = `wanted ${index}`;
        await logEntries({ MESSAGE: message, A: 'x' });
        await sandbox.reboot();
        assert.deepEqual(await once(...here), [message]);
      }
    });

    it('goes on with the entries of earlier boots that it had not read, and then follows', async () => {
      await log('1');
      assert.deepEqual(await once(), ['1']);
      await log('2');
      await sandbox.reboot();
      await log('3');
      await sandbox.reboot();
      await log('4');
      const run = follow();
      await run.until('4');
      await log('5');
      await run.until('5');
      await run.stop();
      assert.deepEqual(run.lines, ['2', '3', '4', '5']);
    });

    it('gives a long backlog at once, though the journal is quiet', async () => {
      await log('0');
      assert.deepEqual(await once(), ['0']);
      const backlog = Array.from({ length: 27 }, (_, i) => String(i + 1));
      await log(...backlog);
      const run = follow();
      await run.until('27');
      assert.deepEqual(run.lines, backlog);
    });

    it('goes on after an entry that does not pass the filter, and skips none that does', async () => {
      await log('1');
      assert.deepEqual(await once(), ['1']);
      await logEntries({ MESSAGE: '2', A: 'x', B: 'y' }, { MESSAGE: 'unwanted', A: 'x' }, { MESSAGE: '3', C: 'z' });
      const filter = ['--match', 'A=x B=y', '--match', 'C=z'];
      assert.deepEqual(await once(...filter), ['2', '3']);
      await log('unwanted');
      assert.deepEqual(await once(...filter), []);
      await logEntries({ MESSAGE: '4', C: 'z' }, { MESSAGE: 'unwanted', B: 'y' }, { MESSAGE: '5', A: 'x', B: 'y' });
      assert.deepEqual(await once(...filter), ['4', '5']);
    });

    it('goes on with the first entry that is left when its own was vacuumed, and says so', async () => {
      await log('1');
      assert.deepEqual(await once(), ['1']);
      await log('vacuumed');
      await sandbox.rotate();
      await log('2', '3');
      const { exitCode, stderr } = await sandbox.run('journalctl', ['--vacuum-size=1']);
      assert.equal(exitCode, 0, stderr);
      const run = follow();
      await run.until('3');
      const { stderr: said } = await run.stop();
      assert.deepEqual(run.lines, ['2', '3']);
      assert.match(said, /WARN .*no longer holds the entry that was read last/);
    });

    it('goes on after a filter was quiet and the entry of its checkpoint was vacuumed', async () => {
      const filter = ['--match', 'A=x'];
      await log('unwanted');
      assert.deepEqual(await once('--start', 'head', ...filter), []);
      await sandbox.rotate();
      await logEntries({ MESSAGE: '1', A: 'x' }, { MESSAGE: 'unwanted' }, { MESSAGE: '2', A: 'x' });
      await sandbox.run('journalctl', ['--vacuum-size=1']);
      assert.deepEqual(await once(...filter), ['1', '2']);
    });

    it('goes on from the time of its entry when the saved cursor is garbage or empty', async () => {
      await log('1', '2', '3');
      const { cursor, timestamp } = await positionOf('2');
      for (const useless of ['', 'garbage', cursor.slice(0, cursor.indexOf(';m=')), `${cursor};y=1`]) {
        await save({ cursor: useless as Cursor, timestamp });
        const run = follow();
        await run.until('3');
        const { stderr } = await run.stop();
        assert.deepEqual(run.lines, ['2', '3'], useless);
        assert.match(stderr, /WARN .*The saved cursor is not a cursor/);
      }
    });

    it('goes on from the time of its entry when the journal does not know the saved cursor', async () => {
      await log('1', '2', '3');
      const { cursor, timestamp } = await positionOf('2');
      const unknown = cursor.replace(/^s=\w+/, `s=${'e'.repeat(32)}`).replace(/b=\w+/, `b=${'d'.repeat(32)}`);
      await save({ cursor: unknown as Cursor, timestamp });
      assert.deepEqual(await once(), ['2', '3']);
    });

    it('reads this boot when the saved cursor is from the future', async () => {
      await log('1');
      await sandbox.reboot();
      await log('2', '3');
      const { cursor } = await positionOf('1');
      const timestamp = Date.UTC(2100, 0, 1) * 1000;
      await save({ cursor: cursor.replace(/t=\w+/, `t=${timestamp.toString(16)}`) as Cursor, timestamp });
      const run = follow();
      await run.until('3');
      await log('4');
      await run.until('4');
      const { stderr } = await run.stop();
      assert.deepEqual(run.lines, ['2', '3', '4']);
      assert.match(stderr, /WARN .*The saved cursor is from the future/);
      await log('5');
      assert.deepEqual(await once(), ['5']);
    });

    it('gives what is logged now although the journal holds an entry from the future, of another boot', async () => {
      await log('1');
      const folder = join(sandbox.directory, sandbox.machineId);
      const future = { time: Date.UTC(2100, 0, 1) * 1000, machineId: sandbox.machineId, bootId: 'f'.repeat(32), fields: { MESSAGE: 'future', SYSLOG_IDENTIFIER: 'test' } };
      await systemd.makeJournal(join(folder, 'system@future.journal'), [future]);
      const bounded = ['--start', 'head', '--state-dir', join(state, 'bounded')];
      assert.deepEqual(await once(...bounded), ['1', 'future']);
      assert.deepEqual(await once(...bounded), []);
      const expected = { head: ['1', 'future', '2', '3'], boot: ['1', '2', '3'], now: ['2', '3'] };
      const starts = ['head', 'boot', 'now'] as const;
      const first = starts.map((start) => follow('--log-level', 'debug', '--start', start, '--state-dir', join(state, start)));
      for (const run of first) await run.forwarder.says(/journalctl .*--follow/);
      await log('2');
      for (const run of first) await run.until('2');
      await log('3');
      for (const [index, start] of starts.entries()) {
        await first[index]!.until('3');
        await first[index]!.stop();
        assert.deepEqual(first[index]!.lines, expected[start], start);
      }
      await log('4');
      for (const start of starts) assert.deepEqual((await once('--state-dir', join(state, start))).filter((line) => line !== 'future'), ['4'], start);
    });

    it('loses nothing when journald rotates, restarts and dies, and the program is killed and started again', async () => {
      const disturb = [() => sandbox.rotate(), () => sandbox.restart(), () => sandbox.crash(), () => sandbox.reboot()];
      await log('1');
      const seen = [...(await once())];
      let next = 2;
      for (let round = 0; round < disturb.length; round++) {
        const run = follow();
        for (let i = 0; i < disturb.length; i++) {
          await log(String(next++));
          await disturb[(round + i) % disturb.length]!();
        }
        await run.until(String(next - 1));
        await log(String(next++));
        await run.forwarder.stop('SIGKILL');
        seen.push(...run.lines);
      }
      seen.push(...(await once()));
      const all = Array.from({ length: next - 1 }, (_, i) => String(i + 1));
      assert.deepEqual([...new Set(seen)], all);
    });

    it('goes on, each entry once, after the journal was flushed from /run to /var', async () => {
      await sandbox.stop();
      // The later setting wins: kept in /run until it is flushed, as at the beginning of a boot.
      sandbox = await systemd.startSandbox({ volatile: true, conf: ['Storage=persistent'] });
      // Where /run is no tmpfs, journald does not remove what it has flushed, and goes on writing there.
      await sandbox.halt();
      const mount = await sandbox.run('mount', ['-t', 'tmpfs', 'tmpfs', '/run/log']);
      assert.equal(mount.exitCode, 0, mount.stderr);
      await sandbox.restart();
      await log('1', '2');
      assert.deepEqual(await once(), ['1', '2']);
      const live = follow('--state-dir', join(state, 'live'));
      await live.until('2');
      await log('3');
      const before = await positionOf('2');
      const { exitCode, stderr } = await sandbox.run('journalctl', ['--flush']);
      assert.equal(exitCode, 0, stderr);
      await log('4');
      assert.notEqual((await positionOf('2')).cursor, before.cursor, 'else nothing was flushed');
      const run = follow();
      await run.until('4');
      await log('5');
      for (const one of [run, live]) {
        await one.until('5');
        await one.stop();
      }
      assert.deepEqual(run.lines, ['3', '4', '5']);
      assert.deepEqual(live.lines, ['1', '2', '3', '4', '5'], 'what follows meanwhile');
    });

    async function log(...messages: readonly string[]): Promise<void> {
      await logEntries(...messages.map((MESSAGE) => ({ MESSAGE })));
    }

    async function logEntries(...entries: readonly Fields[]): Promise<void> {
      await sandbox.send(entries.map((fields) => ({ ...fields, SYSLOG_IDENTIFIER: 'test' })));
      await sandbox.sync();
    }

    function follow(...args: readonly string[]): Run {
      const path = ['--journalctl-path', systemd.journalctl];
      const forwarder = new RunningForwarder(['--to', 'stdout:?format=json', ...path, ...(args.includes('--state-dir') ? [] : ['--state-dir', state]), ...args], {
        spawn: (command, words, options) => sandbox.spawn(command, words, options),
      });
      const run = new Run(forwarder);
      runs.push(run);
      return run;
    }

    /** What a run to the end of the journal gives. */
    async function once(...args: readonly string[]): Promise<readonly string[]> {
      const run = follow('--no-follow', ...args);
      const { code, stderr } = await run.forwarder.exit;
      assert.equal(code, 0, stderr);
      return run.lines;
    }

    async function positionOf(message: string): Promise<Position> {
      const { stdout } = await sandbox.run('journalctl', ['-q', '-o', 'json', `MESSAGE=${message}`]);
      const entry = JSON.parse(stdout.toString('utf8')) as { readonly __CURSOR: Cursor; readonly __REALTIME_TIMESTAMP: string };
      return { cursor: entry.__CURSOR, timestamp: Number(entry.__REALTIME_TIMESTAMP) };
    }

    async function save(position: Position): Promise<void> {
      const checkpoint = new CheckpointFile({ path: join(state, 'stdout.json'), destination: 'stdout:', logger: new RecordedLogger() });
      await checkpoint.save({ position, counts: { delivered: 0, filtered: 0, rejected: 0 } });
      assert.match(await readFile(join(state, 'stdout.json'), 'utf8'), /"cursor"/);
    }
  });
}

/** A forwarder to stdout, and what of it is not journald's own. */
class Run {
  readonly lines: string[] = [];
  readonly forwarder: RunningForwarder;
  #rest = '';
  #wake = (): void => undefined;

  constructor(forwarder: RunningForwarder) {
    this.forwarder = forwarder;
    forwarder.child.stdout!.on('data', (bytes: Buffer) => {
      const lines = (this.#rest + bytes.toString('utf8')).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        const { MESSAGE, SYSLOG_IDENTIFIER } = JSON.parse(line) as Record<string, string>;
        if (SYSLOG_IDENTIFIER === 'test' && MESSAGE !== undefined) this.lines.push(MESSAGE);
      }
      this.#wake();
    });
  }

  async until(message: string): Promise<void> {
    while (!this.lines.includes(message)) {
      await Promise.race([
        new Promise<void>((resolve) => (this.#wake = resolve)),
        this.forwarder.exit.then(({ stderr }) => Promise.reject(new Error(`The forwarder ended. It said:\n${stderr}`))),
      ]);
    }
  }

  async stop(): Promise<{ readonly stderr: string }> {
    const { code, stderr } = await this.forwarder.stop();
    assert.equal(code, 0, stderr);
    return { stderr };
  }
}
