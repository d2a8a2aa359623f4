import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Judgement } from './judge.js';
import type { Verdict } from './run.js';

/** The verdict as a person reads it. */
export async function report(verdict: Verdict, seed: number, minutes: number): Promise<string> {
  const { judgements, faults, sent, vacuumed, forwarderStarts, unasked, peakMemoryKiB, drainMs, faultCount, faultKinds, folder } = verdict;
  const rows = [COLUMNS.map(([title]) => title), ...judgements.map((judgement) => COLUMNS.map(([, of]) => of(judgement)))];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const table = rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  '));
  const lines = [
    ...table,
    '',
    `seed ${seed}, ${minutes} minutes: ${faultCount} faults of ${faultKinds} kinds; ${sent} entries sent, of which the journal held ${judgements[0]?.written ?? 0}; ${vacuumed} journal files vacuumed;`,
    `${forwarderStarts} starts of the forwarder (${unasked.length} since it had ended by itself); at most ${Math.round(peakMemoryKiB / 1024)} MiB of memory; all there ${(drainMs / 1000).toFixed(1)} s after the last fault.`,
    ...faults.map((fault) => `FAILED: ${fault}`),
  ];
  if (folder !== undefined) {
    lines.push(...(await around(verdict, folder)), `What is left to look at: ${folder}`, `Again: npm run oracle -- --seed ${seed} --minutes ${minutes}`);
  }
  return lines.join('\n') + '\n';
}

const COLUMNS: readonly (readonly [string, (judgement: Judgement) => string])[] = [
  ['destination', ({ name }) => name],
  ['written', ({ written }) => String(written)],
  ['received', ({ received }) => String(received)],
  ['missing', ({ missing }) => String(missing.length)],
  ['dead letters', ({ deadLetters }) => String(deadLetters)],
  ['duplicates', ({ duplicates }) => String(duplicates)],
  ['at most', ({ mostDuplicates }) => (mostDuplicates === undefined ? '-' : String(mostDuplicates))],
  ['misplaced', ({ misplaced }) => String(misplaced.length)],
  ['connections', ({ connections }) => (connections === 0 ? '-' : String(connections))],
];

/** Which entries are missing, as ranges, and what the schedule did around the first of them. */
async function around({ judgements }: Verdict, folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, missing, faults } of judgements) {
    if (missing.length === 0 || faults.length === 0) continue;
    const first = (await readFile(join(folder, `${name}.wrong`), 'utf8')).split('\n', 1)[0]!.slice(-13, -1);
    lines.push('', `${name} lacks ${rangesOf(missing).slice(0, 20).join(', ')}. Around the first, written at ${first}:`, ...(await logAround(folder, first)));
  }
  return lines;
}

function rangesOf(numbers: readonly number[]): string[] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from} to ${to}`));
}

async function logAround(folder: string, time: string): Promise<string[]> {
  const log = (await readFile(join(folder, 'schedule.log'), 'utf8')).split('\n').filter((line) => line !== '');
  const at = log.findIndex((line) => line.slice(0, 12) >= time);
  const from = at < 0 ? log.length : at;
  return log.slice(Math.max(0, from - 10), from + 10).map((line) => `  ${line}`);
}
