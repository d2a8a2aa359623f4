import { stat } from 'node:fs/promises';
import { withTrack } from '../contest.js';
import { type Contestant } from '../contestants/contestant.js';
import { executable, launchers, ours } from '../contestants/ours.js';
import { median } from '../report/statistics.js';
import { race } from '../rig/race.js';

export interface StartUp {
  readonly name: string;
  readonly medianMs: number;
  readonly fastestMs: number;
}

/** As many as a machine has that has just booted. */
const entries = 1000;

/** From the start of the process to the first byte at the receiver; `node` alone, which does nothing, for comparison. */
export async function measureStartUp(rounds: number): Promise<StartUp[]> {
  const nothing: Contestant = { name: 'Node.js alone, to its end', kind: 'floor', prepare: () => ({ program: launchers.node.program, args: ['-e', '0'] }) };
  const contestants = [nothing, ...ours.filter(({ name, missing }) => name.includes('tcp RFC 5424') && missing === undefined)];
  return withTrack(entries, async (track) => {
    const seconds = contestants.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [index, contestant] of contestants.entries()) {
        const result = await race(contestant, track);
        seconds[index]?.push(result.firstByteSeconds ?? result.seconds);
      }
    }
    return contestants.map(({ name }, index) => {
      const values = seconds[index] ?? [];
      return { name, medianMs: median(values) * 1000, fastestMs: Math.min(...values) * 1000 };
    });
  });
}

/** Of the single executable, where it is built. */
export async function executableBytes(): Promise<number | undefined> {
  return stat(executable).then(({ size }) => size, () => undefined);
}
