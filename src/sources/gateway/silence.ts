import { Deadline } from '../../core/deadline.js';
import type { Entry } from '../../core/entry.js';
import type { Chunk } from '../../core/source.js';
import { ReadAgain } from '../journalctl/read-again.js';
import type { GatewayAnswer } from './client.js';

/** The entries of an answer that has an end. Throws a ReadAgain where it says nothing for so long before that end. */
export async function* unlessSilent(runs: AsyncIterable<readonly Entry[]>, answer: GatewayAnswer, silentMs: number): AsyncGenerator<Chunk, void> {
  let isSilent = false;
  const silence = new Deadline(() => {
    isSilent = true;
    answer.close();
  });
  try {
    silence.set(silentMs);
    for await (const entries of runs) {
      silence.drop();
      if (isSilent) break;
      yield { entries };
      silence.set(silentMs);
    }
  } catch (error) {
    if (!isSilent) throw error;
  } finally {
    silence.stop();
  }
  if (isSilent) throw new ReadAgain('silent', `it stopped in the middle, and was silent for ${silentMs / 1000} s`);
}
