import { setTimeout as pause } from 'node:timers/promises';

/** Asks until the answer is right, and returns it; rejects after `timeoutMs`, saying what it was at last. */
export async function eventually<T>(ask: () => T | Promise<T>, isRight: (answer: T) => boolean, timeoutMs = 30_000): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > deadlineMs) throw new Error(`After ${timeoutMs} ms it is still ${JSON.stringify(answer)}`);
    await pause(20);
  }
}
