import { setTimeout as pause } from 'node:timers/promises';

/** Waits; ends early when the signal aborts. */
export async function waitOut(ms: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await pause(Math.max(ms, 0), undefined, { signal }).catch(() => undefined);
}
