import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { cachedCorpus } from '../../bench/corpus.js';
import { peekCheckpoint } from '../../src/checkpoint/checkpoint-file.js';
import { startCountingReceiver } from '../support/counting-receiver.js';
import { RunningForwarder, runForwarder } from '../support/forwarder.js';

const ENTRIES = 100_000;
/** How long a forwarder lives, at least and at most: it is killed while it starts, reads and sends, and while it saves checkpoints. */
const LIVES_MS = [[0, 2000], [2000, 4500], [2000, 4500], [0, 2000], [2000, 4500]] as const;
/** The receiver reads one part of so many of the time, or everything would be saved before a death. */
const READS_OF = 6;

it('loses nothing to SIGKILL at any instant, and repeats no more than what was not saved', { timeout: 120_000 }, async () => {
  const corpus = await cachedCorpus(ENTRIES);
  const state = await mkdtemp(join(tmpdir(), 'state-'));
  const receiver = await startCountingReceiver();
  const args = ['--directory', corpus.journal, '--start', 'head', '--no-follow', '--state-dir', state, '--to', `tcp://127.0.0.1:${receiver.port}?format=json&framing=octet-counting`];
  const saved = async (): Promise<number> => (await peekCheckpoint(join(state, `tcp-127.0.0.1-${receiver.port}.json`)))?.counts.delivered ?? 0;
  const instants: string[] = [];
  let repeatable = 0;
  let ticks = 0;
  try {
    for (const [leastMs, mostMs] of LIVES_MS) {
      const lifeMs = leastMs + Math.random() * (mostMs - leastMs);
      const slowdown = setInterval(() => (ticks++ % READS_OF === 0 ? receiver.resume() : receiver.stall()), 40);
      const forwarder = new RunningForwarder(args);
      await Promise.race([pause(lifeMs), forwarder.exit]);
      const { signal } = await forwarder.stop('SIGKILL');
      clearInterval(slowdown);
      receiver.resume();
      // The kernel still delivers what the dead process had sent.
      await receiver.waitForEnd();
      const before = await saved();
      instants.push(`${Math.round(lifeMs)} ms: ${before} of ${receiver.tally.unique} saved`);
      assert.deepEqual(receiver.missing(before), [], `the checkpoint is never ahead of the receiver (${instants.join('; ')})`);
      repeatable += receiver.tally.unique - before;
      if (signal !== 'SIGKILL') break;
    }
    const exit = await runForwarder(args);
    assert.equal(exit.code, 0, exit.stderr);
    assert.deepEqual(receiver.missing(ENTRIES), [], instants.join('; '));
    assert.ok(receiver.tally.duplicates <= repeatable, `${receiver.tally.duplicates} repeated, ${repeatable} were not saved (${instants.join('; ')})`);
  } finally {
    await receiver.close();
    await rm(state, { recursive: true });
  }
});
