import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { cachedCorpus } from '../../bench/corpus.js';
import { contest } from '../../bench/contest.js';
import { type Contestant } from '../../bench/contestants/contestant.js';
import { floorName, floors } from '../../bench/contestants/floors.js';
import { MachineWithCorpus } from '../../bench/rig/machine-with-corpus.js';
import { type Track, race } from '../../bench/rig/race.js';
import { SinkProcess } from '../../bench/rig/sink.js';

const entries = 3000;

describe('a race', { timeout: 60_000 }, () => {
  let track: Track;

  before(async () => {
    // journalctl -f reads this boot alone, unless journals are merged; a contestant that sends nothing is given up soon.
    track = { machine: await MachineWithCorpus.start(await cachedCorpus(entries)), entries, sink: await SinkProcess.start(), idleMs: 5000, timeoutMs: 30_000 };
  });
  after(async () => {
    track.sink.stop();
    await track.machine.stop();
  });

  it('has the corpus as the journal of the machine', async () => {
    const result = await race({ ...pipe('journalctl -o cat --all --no-pager --quiet | node -e "$1" "$2"', toSink) }, track);
    assert.deepEqual([result.received?.unique, result.received?.missing, result.received?.duplicates], [entries, 0, 0], result.words);
    assert.ok(result.readerCpuSeconds >= 0 && result.cpuSeconds > result.readerCpuSeconds && result.peakAnonymousMiB > 1);
    assert.ok((result.firstByteSeconds ?? 0) > 0 && (result.firstByteSeconds ?? 0) <= result.seconds);
  });

  it('finds what a contestant loses and what it sends twice, and ends when nothing more comes', async () => {
    const lossy = pipe('for i in 1 2; do journalctl -o cat --no-pager --quiet -n 100 --all; done | node -e "$1" "$2"', toSink);
    const { received } = await race(lossy, { ...track, idleMs: 2000 });
    assert.deepEqual([received?.unique, received?.missing, received?.duplicates], [100, entries - 100, 100]);
  });

  it('takes HTTP as well, and lets a receiver stall', async () => {
    const { received, seconds } = await race({ ...pipe('journalctl -o cat --all --no-pager --quiet | node -e "$1" "$2"', toHttp), protocol: 'http' }, { ...track, stall: { afterBytes: 1000, ms: 600 } });
    assert.deepEqual([received?.missing, received?.duplicates], [0, 0]);
    assert.ok(seconds >= 0.6, 'the time in which it stalled counts');
  });

  it('stops a contestant that follows the journal once everything is there', async () => {
    const { received, words } = await race(pipe('journalctl -o cat --all --no-pager --quiet --merge --follow --lines all | node -e "$1" "$2"', toSink), track);
    assert.deepEqual([received?.missing, words], [0, '']);
  });

  it('takes turns, so that each has a run in every round, between two of the floor', async () => {
    const lines: string[] = [];
    const two = [floors.find(({ name }) => name === floorName), floors.find(({ name }) => name === 'journalctl -o json')].filter((floor) => floor !== undefined);
    const rows = await contest(two, 2, track, (line) => lines.push(line.slice(0, 24).trim()));
    assert.deepEqual(lines, [1, 2].flatMap((round) => ['export', 'json', 'export'].map((format) => `${round}  journalctl -o ${format}`)));
    assert.deepEqual(rows.map(({ turns }) => turns.map(({ floors }) => floors.length)), [[1, 1, 1, 1], [2, 2]]);
    for (const { turns } of rows) assert.ok(turns.every(({ result, floors }) => [result, ...floors].every(({ entriesPerSecond }) => entriesPerSecond > 0)));
  });
});

const toSink = "process.stdin.pipe(require('node:net').connect(Number(process.argv[1]), '127.0.0.1'))";
const toHttp = "process.stdin.pipe(require('node:http').request({ method: 'POST', host: '127.0.0.1', port: process.argv[1] }))";

function pipe(command: string, script: string): Contestant {
  return { name: 'a pipe', kind: 'peer', protocol: 'tcp', prepare: ({ port }) => ({ program: 'sh', args: ['-c', command, 'sh', script, String(port)] }) };
}
