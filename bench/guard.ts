import { readFile, writeFile } from 'node:fs/promises';
import { contest, withTrack } from './contest.js';
import { floorName, floors } from './contestants/floors.js';
import { ours } from './contestants/ours.js';
import { type Summary, summarize } from './report/summary.js';

/** Of one contestant to the floor: entries a second, and all CPU. Absolute times would tell the machine rather than the program. */
export interface Ratios {
  readonly rate: number;
  readonly cpu: number;
}

export type Baseline = Readonly<Record<string, Ratios>>;

/** Entries a second suffer from other work on the machine even as a ratio, since the floor needs one core and we need two. */
const rateMayFallTo = 0.6;
const cpuMayRiseTo = 1.35;

const file = new URL('guard.json', import.meta.url);
const guarded = ['ours tcp RFC 5424', 'ours tcp JSON', 'ours http JSON'];
const entries = 50_000;

export async function measureGuard(say: (line: string) => void): Promise<Baseline> {
  const contestants = [...floors.filter(({ name }) => name === floorName), ...ours.filter(({ name }) => guarded.includes(name))];
  return ratiosOf(summarize(await withTrack(entries, (track) => contest(contestants, 3, track, say)), entries));
}

export function ratiosOf(summaries: readonly Summary[]): Baseline {
  const rounded = (value: number | undefined): number => Number((value ?? Number.NaN).toFixed(2));
  return Object.fromEntries(summaries.filter(({ kind }) => kind === 'ours').map(({ name, ratio, cpuRatio }) => [name, { rate: rounded(ratio), cpu: rounded(cpuRatio) }]));
}

/** A sentence for each ratio that is worse than the margin lets it be; none where all is well. */
export function complaints(baseline: Baseline, measured: Baseline): string[] {
  return Object.entries(baseline).flatMap(([name, before]) => {
    const now = measured[name];
    if (now === undefined) return [`${name} was not measured.`];
    // Written so that NaN, which nothing is greater than, is a complaint.
    return [
      ...(now.rate >= before.rate * rateMayFallTo ? [] : [`${name}: entries a second fell to ${now.rate} × floor from ${before.rate}; at least ${(before.rate * rateMayFallTo).toFixed(2)} is asked for.`]),
      ...(now.cpu <= before.cpu * cpuMayRiseTo ? [] : [`${name}: CPU rose to ${now.cpu} × floor from ${before.cpu}; at most ${(before.cpu * cpuMayRiseTo).toFixed(2)} is allowed.`]),
    ];
  });
}

export async function readBaseline(): Promise<Baseline> {
  return JSON.parse(await readFile(file, 'utf8')) as Baseline;
}

export async function writeBaseline(baseline: Baseline): Promise<void> {
  await writeFile(file, `${JSON.stringify(baseline, null, 2)}\n`);
}
