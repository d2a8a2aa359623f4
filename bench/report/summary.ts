import { type Contestant } from '../contestants/contestant.js';
import { type Result } from '../rig/race.js';
import { mean, median } from './statistics.js';

/** The runs of one contestant. */
export interface Row {
  readonly contestant: Pick<Contestant, 'name' | 'kind' | 'note'>;
  readonly turns: readonly Turn[];
}

export interface Turn {
  readonly result: Result;
  /** The floor's runs just before and just after; none where it did not run. */
  readonly floors: readonly Result[];
}

/** Medians over the runs. CPU is in seconds for each 100,000 entries that arrived, start-up included. */
export interface Summary {
  readonly name: string;
  readonly kind: Contestant['kind'];
  readonly note?: string;
  readonly entriesPerSecond: number;
  readonly slowest: number;
  readonly fastest: number;
  /** Of entries per second, to the mean of the floor's before and after; absent where the floor did not run. */
  readonly ratio?: number;
  readonly cpuSeconds: number;
  readonly readerCpuSeconds: number;
  readonly ownCpuSeconds: number;
  /** Of all CPU that was used, in the same way. */
  readonly cpuRatio?: number;
  readonly anonymousMiB: number;
  /** The worst of the runs. Absent where nobody receives. */
  readonly missing?: number;
  readonly duplicates?: number;
  readonly sinkCpuSeconds?: number;
  readonly meanFill?: number;
}

export function summarize(rows: readonly Row[], entries: number): Summary[] {
  return rows.filter(({ turns }) => turns.length > 0).map(({ contestant, turns }) => summaryOf(contestant, turns, entries));
}

function summaryOf({ name, kind, note }: Row['contestant'], turns: readonly Turn[], entries: number): Summary {
  const results = turns.map(({ result }) => result);
  const of = (value: (result: Result) => number): number => median(results.map(value));
  const per100k = (value: (result: Result) => number): number => of((result) => (value(result) * 100_000) / (result.received?.unique ?? entries));
  const toFloor = (value: (result: Result) => number): number | undefined =>
    turns.some(({ floors }) => floors.length === 0) ? undefined : median(turns.map(({ result, floors }) => value(result) / mean(floors.map(value))));
  const received = results.flatMap((result) => result.received ?? []);
  const ratio = toFloor(({ entriesPerSecond }) => entriesPerSecond);
  const cpuRatio = toFloor(({ cpuSeconds }) => cpuSeconds);
  const rates = results.map(({ entriesPerSecond }) => entriesPerSecond);
  return {
    name,
    kind,
    ...(note === undefined ? {} : { note }),
    entriesPerSecond: median(rates),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    ...(ratio === undefined ? {} : { ratio }),
    cpuSeconds: per100k(({ cpuSeconds }) => cpuSeconds),
    readerCpuSeconds: per100k(({ readerCpuSeconds }) => readerCpuSeconds),
    ownCpuSeconds: per100k(({ cpuSeconds, readerCpuSeconds }) => cpuSeconds - readerCpuSeconds),
    ...(cpuRatio === undefined ? {} : { cpuRatio }),
    anonymousMiB: of(({ peakAnonymousMiB }) => peakAnonymousMiB),
    ...(received.length === 0
      ? {}
      : {
          missing: Math.max(...received.map(({ missing }) => missing)),
          duplicates: Math.max(...received.map(({ duplicates }) => duplicates)),
          sinkCpuSeconds: (median(received.map(({ cpuSeconds }) => cpuSeconds)) * 100_000) / entries,
        }),
    ...(received.some(({ meanFill }) => meanFill !== undefined) ? { meanFill: median(received.flatMap(({ meanFill }) => meanFill ?? [])) } : {}),
  };
}
