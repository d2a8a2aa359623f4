import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { exportBlocks } from './corpus.js';
import { launchers } from './contestants/ours.js';
import { median } from './report/statistics.js';
import { decimals, markdownTable, whole } from './report/table.js';
import { Meter } from './rig/meter.js';
import { SinkProcess } from './rig/sink.js';

/** How many different entries there are; they come again and again. */
const period = 20_000;
/** How much more the last third may take than the first. Garbage waits to be collected, so the line is never quite straight. */
export const tolerance = 0.15;

export interface MemoryRun {
  readonly entries: number;
  readonly seconds: number;
  /** What the receiver got: as many as were written. */
  readonly received: number;
  /** RssAnon in MiB, every 50 ms from the start to the end. */
  readonly samples: readonly number[];
}

/** Sends so many entries from standard input over TCP as RFC 5424, as fast as it goes, and watches the memory of the process. */
export async function runMemory(entries: number, say: (line: string) => void): Promise<MemoryRun> {
  const blocks = [...exportBlocks(period, 1)];
  const loops = Math.ceil(entries / period);
  const sink = await SinkProcess.start();
  try {
    // The same numbers come in each loop: all but the first count as duplicates.
    const port = await sink.open({ protocol: 'tcp', expected: period, idleMs: 60_000 });
    const started = performance.now();
    const { program, args } = launchers.node;
    const child = spawn(program, [...args, '--from', 'stdin', '--log-level', 'warn', '--to', `tcp://127.0.0.1:${port}`], { stdio: ['pipe', 'ignore', 'inherit'] });
    child.stdin.on('error', () => {}); // Its exit code tells more than a broken pipe.
    const ended = once(child, 'exit') as Promise<[number | null]>;
    const samples: number[] = [];
    const meter = new Meter(child.pid ?? 0, (mebibytes) => samples.push(mebibytes));
    for (let loop = 1; loop <= loops && child.exitCode === null; loop++) {
      for (const block of blocks) if (!child.stdin.write(block)) await Promise.race([once(child.stdin, 'drain'), ended]);
      if (loop % Math.ceil(loops / 10) === 0) say(`${whole(loop * period)} entries: ${decimals(samples.at(-1), 0)} MiB`);
    }
    child.stdin.end();
    const [code] = await ended;
    meter.stop();
    if (code !== 0) throw new Error(`The program ended with ${code}.`);
    const { unique, duplicates } = await sink.close();
    return { entries: loops * period, seconds: (performance.now() - started) / 1000, received: unique + duplicates, samples };
  } finally {
    sink.stop();
  }
}

/** The medians of the first and the last third, and whether the last is no more than `tolerance` above the first. */
export function flatness(samples: readonly number[]): { readonly first: number; readonly last: number; readonly flat: boolean } {
  const third = Math.floor(samples.length / 3);
  const first = median(samples.slice(0, third));
  const last = median(samples.slice(-third));
  return { first, last, flat: third > 0 && last <= first * (1 + tolerance) };
}

/** A row for each tenth of the run. */
export function memoryMarkdown({ entries, seconds, received, samples }: MemoryRun): string {
  const { first, last, flat } = flatness(samples);
  const tenth = samples.length / 10;
  const rows = Array.from({ length: 10 }, (_, index) => {
    const part = samples.slice(Math.floor(index * tenth), Math.floor((index + 1) * tenth));
    return [`${index + 1}`, decimals(median(part), 0), decimals(Math.max(...part), 0)];
  });
  return [
    `${whole(entries)} entries from standard input over TCP as RFC 5424, in ${whole(seconds)} s; ${whole(received)} arrived. Own memory (RssAnon) of the process, in MiB:`,
    markdownTable(['tenth of the run', 'median', 'peak'], rows, 1),
    `The last third takes ${decimals((last / first - 1) * 100, 1)} % more than the first: the line is ${flat ? '' : '**not** '}flat.`,
  ].join('\n\n');
}
