import pRetry from 'p-retry';
import type { Delivery } from '../core/sink.js';
import type { Outage } from './outage.js';
import { pause } from './pause.js';

export type FinalDelivery = Exclude<Delivery, { outcome: 'retryable' }>;

/**
 * Repeats an attempt until its outcome is final, for ever, pausing as the outage says in between. The one place that
 * retries a delivery.
 *
 * Attempts at least once. When `giveUp` aborts, a pause ends at once and nothing is attempted any more: then it
 * resolves to undefined, and whether the receiver has the batch is unknown. Rejects only where the attempt does, which is a bug.
 */
export async function retryUntilFinal(
  attempt: () => Promise<Delivery>,
  options: {
    readonly outage: Outage;
    readonly giveUp: AbortSignal;
    readonly onRetry: () => void;
    /** True for one whose next attempt waits for another's all the same: it is no further failure, and pauses only where the receiver asks for it. */
    readonly isBehind?: () => boolean;
  },
): Promise<FinalDelivery | undefined> {
  const { outage, giveUp, onRetry, isBehind = () => false } = options;
  const first = await attempt();
  // Nearly all end here, and to begin with p-retry costs as much as the rest of a delivery.
  if (first.outcome !== 'retryable') return first;
  return pRetry(
    async (attemptNumber) => {
      if (attemptNumber === 1) throw new Retryable(first);
      if (giveUp.aborted) return undefined;
      onRetry();
      const delivery = await attempt();
      if (delivery.outcome === 'retryable') throw new Retryable(delivery);
      return delivery;
    },
    {
      // p-retry jitters only upwards and knows no Retry-After; and its own abort would throw away the outcome of an
      // attempt that ended in the same moment. So the pause is ours, and so is the abort.
      retries: Infinity,
      minTimeout: 0,
      factor: 1,
      shouldRetry: ({ error }) => error instanceof Retryable,
      onFailedAttempt: async ({ error }) => {
        // A failure that the stop itself brought about says nothing about the destination.
        if (!(error instanceof Retryable) || giveUp.aborted) return;
        const { reason, retryAfterMs, needsOperator } = error.delivery;
        await pause(isBehind() ? (retryAfterMs ?? 0) : outage.failed(reason, retryAfterMs, needsOperator), giveUp);
      },
    },
  );
}

class Retryable extends Error {
  constructor(readonly delivery: Extract<Delivery, { outcome: 'retryable' }>) {
    super(delivery.reason);
  }
}
