import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../../src/core/entry.js';
import { liveChunks } from '../../../src/sources/journalctl/live.js';

describe('a follower that is silent', () => {
  it('has journalctl asked for newer entries when something was written, and now and then all the same', async () => {
    const over = new AbortController();
    // How the files were at each silence, and in which of them journalctl was asked.
    const states = ['a', 'a', 'a', 'b', ...Array<string>(12).fill('b')];
    const asked: number[] = [];
    let silence = -1;
    const watch = {
      silentMs: 1,
      graceMs: 1,
      pollMs: 1,
      filesHaveChanged: () => Promise.resolve(false),
      written: () => {
        silence += 1;
        if (silence === states.length - 1) over.abort();
        return Promise.resolve(states[silence]!);
      },
      newestOfAll: () => Promise.resolve(undefined),
      newest: () => {
        asked.push(silence);
        return Promise.resolve(last);
      },
    };
    for await (const chunk of liveChunks(silent(over.signal), last, watch, over.signal)) assert.fail(`${chunk.entries.length} entries`);
    assert.deepEqual(asked, [0, 3, 14]);
  });
});

const last = { cursor: `s=${'1'.repeat(32)};i=1;b=${'2'.repeat(32)};m=1;t=1;x=1` as Entry['cursor'], timestamp: 1 };

async function* silent(signal: AbortSignal): AsyncGenerator<readonly Entry[], void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  yield* [];
}
