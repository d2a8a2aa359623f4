import { withTrack } from '../contest.js';
import { type Contestant } from '../contestants/contestant.js';
import { race } from '../rig/race.js';

/** A backlog five times as long, and the same with a receiver that stalls in the midst of it. */
export interface Large {
  readonly name: string;
  readonly entries: number;
  readonly stalled: boolean;
  readonly entriesPerSecond: number;
  /** Of the program without journalctl, for each 100,000 entries: start-up counts for a fifth of what it does in the contest. */
  readonly ownCpuSeconds: number;
  readonly anonymousMiB: number;
  readonly missing: number;
  readonly duplicates: number;
}

export const largeEntries = 500_000;
export const stallSeconds = 10;

export async function measureLarge(contestants: readonly Contestant[], say: (line: string) => void, entries = largeEntries): Promise<Large[]> {
  const wanted = contestants.filter(({ name, missing }) => missing === undefined && /^(ours (tcp|http)[^,]*|rsyslog .*)$/.test(name));
  return withTrack(entries, async (track) => {
    const rows: Large[] = [];
    for (const contestant of wanted) {
      for (const stalled of [false, true]) {
        const stall = stalled ? { stall: { afterBytes: 20e6, ms: stallSeconds * 1000 } } : {};
        const { entriesPerSecond, cpuSeconds, readerCpuSeconds, peakAnonymousMiB, received } = await race(contestant, { ...track, ...stall });
        const ownCpuSeconds = ((cpuSeconds - readerCpuSeconds) * 100_000) / entries;
        rows.push({ name: contestant.name, entries, stalled, entriesPerSecond, ownCpuSeconds, anonymousMiB: peakAnonymousMiB, missing: received?.missing ?? 0, duplicates: received?.duplicates ?? 0 });
        say(`${entries} entries${stalled ? ', stalled' : ''}  ${contestant.name}: ${Math.round(entriesPerSecond)}/s, own CPU ${ownCpuSeconds.toFixed(2)} s/100,000, ${peakAnonymousMiB.toFixed(0)} MiB, missing ${received?.missing}`);
      }
    }
    return rows;
  });
}
