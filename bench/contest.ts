import { type Corpus, cachedCorpus } from './corpus.js';
import { type Contestant } from './contestants/contestant.js';
import { floorName } from './contestants/floors.js';
import { type Row, type Turn } from './report/summary.js';
import { MachineWithCorpus } from './rig/machine-with-corpus.js';
import { type Result, type Track, race } from './rig/race.js';
import { SinkProcess } from './rig/sink.js';

/**
 * Runs the contestants one after another, and all of them again in each round. The floor, where it is one of them, runs
 * between any two: a virtual machine's speed may change by a quarter within a minute, and each is compared to what the
 * machine gave just before and just after. `say` gets a line for each run.
 */
export async function contest(contestants: readonly Contestant[], rounds: number, track: Track, say: (line: string) => void): Promise<Row[]> {
  const floor = contestants.find(({ name }) => name === floorName);
  const others = contestants.filter((contestant) => contestant !== floor);
  const rows = new Map(contestants.map((contestant): [Contestant, Turn[]] => [contestant, []]));
  for (let round = 1; round <= rounds; round++) {
    const run = async (contestant: Contestant): Promise<Result> => {
      const result = await race(contestant, track);
      say(`${round}  ${contestant.name.padEnd(36)} ${describe(result)}`);
      return result;
    };
    const runFloor = async (): Promise<Result[]> => {
      const result = floor && (await run(floor));
      if (floor !== undefined && result !== undefined) rows.get(floor)?.push({ result, floors: [result] });
      return result === undefined ? [] : [result];
    };
    let before = await runFloor();
    for (const contestant of others) {
      const result = await run(contestant);
      const after = await runFloor();
      rows.get(contestant)?.push({ result, floors: [...before, ...after] });
      before = after;
    }
  }
  return contestants.map((contestant) => ({ contestant, turns: rows.get(contestant) ?? [] }));
}

function describe({ entriesPerSecond, cpuSeconds, readerCpuSeconds, peakAnonymousMiB, received, words }: Result): string {
  const figures = `${Math.round(entriesPerSecond).toString().padStart(7)}/s  CPU ${cpuSeconds.toFixed(2)} s, journalctl ${readerCpuSeconds.toFixed(2)} s  ${peakAnonymousMiB.toFixed(0).padStart(4)} MiB`;
  const arrived = received === undefined ? '' : `  missing ${received.missing}, duplicates ${received.duplicates}; the sink's CPU ${received.cpuSeconds.toFixed(2)} s`;
  return `${figures}${arrived}${words === '' ? '' : `\n   ${words.split('\n', 1)[0]}`}`;
}

/** Makes the corpus the machine's journal and starts the sink, for as long as `use` needs them. */
export async function withTrack<T>(entries: number, use: (track: Track) => Promise<T>): Promise<T> {
  const machine = await MachineWithCorpus.start(await recentCorpus(entries));
  const sink = await SinkProcess.start();
  try {
    return await use({ machine, entries, sink });
  } finally {
    sink.stop();
    await machine.stop();
  }
}

/** Entries of this week: CloudWatch Logs takes none that are older than two weeks. The corpus is made once a week. */
function recentCorpus(entries: number): Promise<Corpus> {
  const weekMs = 7 * 24 * 3600 * 1000;
  // An hour back, since the corpus covers some minutes.
  return cachedCorpus(entries, 1, (Math.floor(Date.now() / weekMs) * weekMs - 3600 * 1000) * 1000);
}
