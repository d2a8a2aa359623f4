import type { RouteStatus } from '../core/route-status.js';

/** A destination that confirms nothing for so long, although it has something to confirm, is not ready. */
const STALLED_MS = 60_000;

/**
 * Why a destination is not ready, a line for each reason: it neither delivers nor is idle, nothing can be read for it,
 * or its checkpoint cannot be saved. Empty for one that is. Being ready says nothing about the lag.
 */
export function reasonsNotReady(status: RouteStatus): string[] {
  const reasons = [reasonNotDelivering(status), status.sourceError && `nothing can be read: ${status.sourceError}`, status.checkpointError && `the checkpoint cannot be saved: ${status.checkpointError}`];
  return reasons.flatMap((reason) => (reason ? [`${status.name} (${status.label}): ${reason.replaceAll('\n', ' ')}`] : []));
}

function reasonNotDelivering({ state, lastError, runCounts, unconfirmedBatches, waitingMs }: RouteStatus): string | undefined {
  if (lastError !== undefined) return lastError;
  if (state === 'starting') return 'is starting';
  if (unconfirmedBatches === 0) return undefined;
  if (waitingMs > STALLED_MS) return `has confirmed nothing for ${Math.round(waitingMs / 1000)} s`;
  return runCounts.delivered + runCounts.rejected === 0 ? 'has confirmed nothing yet' : undefined;
}
