import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Contestant } from '../contestants/contestant.js';
import { monotonicMs } from './clock.js';
import { Meter, type Consumption } from './meter.js';
import { type MachineWithCorpus } from './machine-with-corpus.js';
import { type SinkProcess } from './sink.js';
import { type SinkCounts, type SinkOptions } from './sink-messages.js';

/** One run of one contestant. */
export interface Result extends Consumption {
  /** From just before the start to the last mark that was missing; of a floor, to its end. */
  readonly seconds: number;
  readonly entriesPerSecond: number;
  /** What a receiver saw; a floor has none. */
  readonly received?: SinkCounts;
  /** From just before the start. */
  readonly firstByteSeconds?: number;
  /** What it wrote to stderr, from the beginning. */
  readonly words: string;
}

export interface Track {
  readonly machine: MachineWithCorpus;
  readonly entries: number;
  readonly sink: SinkProcess;
  readonly stall?: SinkOptions['stall'];
  readonly idleMs?: number;
  readonly timeoutMs?: number;
}

/** Runs one contestant to its end, or until its receiver has everything, and measures it. */
export async function race(contestant: Contestant, { machine, entries, sink, stall, idleMs = 3000, timeoutMs = 180_000 }: Track): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-run-'));
  const { protocol } = contestant;
  try {
    const port = protocol === undefined ? 0 : await sink.open({ protocol, expected: entries, idleMs, ...(stall === undefined ? {} : { stall }) });
    const { program, args, env = {} } = await contestant.prepare({ port, folder });
    const [command, all] = machine.command(program, args);
    const log = join(folder, 'stderr.log');
    const file = openSync(log, 'w');
    const startMs = monotonicMs();
    const child = spawn(command, all, { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'ignore', file], detached: true });
    closeSync(file);
    const ended = once(child, 'exit').then(() => monotonicMs());
    const meter = new Meter(child.pid ?? 0);
    const timeout = AbortSignal.timeout(timeoutMs);
    const stopped = new Promise<void>((resolve) => timeout.addEventListener('abort', () => resolve(), { once: true }));
    let consumption: Consumption;
    try {
      if (protocol === undefined) {
        await Promise.race([ended, stopped]);
      } else {
        const settled = sink.settled();
        // One that has ended may have left bytes in the receiver's buffers, which a stalled receiver has not read; or none at all.
        const afterwards = ended.then(() => Promise.race([settled, pause(2 * idleMs + (stall?.ms ?? 0))]));
        await Promise.race([settled, afterwards, stopped]);
      }
    } finally {
      await end(child, ended);
      consumption = meter.stop();
    }
    const failed = child.exitCode === 0 || child.signalCode === 'SIGTERM' ? '' : `ended with ${child.exitCode ?? child.signalCode}: `;
    const words = failed + (await readFile(log, 'utf8')).slice(0, 2000).trim();
    const received = protocol === undefined ? undefined : await sink.close();
    const seconds = ((received === undefined ? await ended : (received.lastMs ?? Number.NaN)) - startMs) / 1000;
    return {
      ...consumption,
      seconds,
      entriesPerSecond: (received?.unique ?? entries) / seconds,
      ...(received === undefined ? {} : { received }),
      ...(received?.firstMs === undefined ? {} : { firstByteSeconds: (received.firstMs - startMs) / 1000 }),
      words,
    };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Lets one that ends by itself do so; asks one that follows the journal to stop. */
async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  for (const [signal, afterMs] of [['SIGTERM', 4000], ['SIGKILL', 8000]] as const) {
    const timer = setTimeout(() => kill(child, signal), afterMs);
    const over = await Promise.race([ended.then(() => true), pause(afterMs + 50).then(() => false)]);
    clearTimeout(timer);
    if (over) return;
  }
  await ended;
}

/** The whole group: a shell does not hand signals on to what runs in its pipe. */
function kill({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
