import { setTimeout as pause } from 'node:timers/promises';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 200;

/** Asks until the answer is right, ever less often, and returns it; rejects after `timeoutMs`, saying what it was at last. */
export async function eventually<T>(ask: () => T | Promise<T>, isRight: (answer: T) => boolean, timeoutMs = 30_000): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.25)) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > deadlineMs) throw new Error(`After ${timeoutMs} ms it is still ${JSON.stringify(answer)}`);
    await pause(pauseMs);
  }
}
