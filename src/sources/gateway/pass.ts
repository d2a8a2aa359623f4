import { Deadline } from '../../core/deadline.js';
import type { Entry } from '../../core/entry.js';
import type { Chunk } from '../../core/source.js';
import type { Place } from '../journalctl/place.js';
import { ReadAgain } from '../journalctl/read-again.js';
import type { Sift } from '../journalctl/sift.js';
import { GatewayFault, type GatewayAnswer } from './client.js';
import type { Outage } from './outage.js';

export interface PassOptions {
  /** Asks the gateway. Rejects with a GatewayFault or a ReadAgain. */
  readonly open: () => Promise<GatewayAnswer>;
  /** The answer's entries; throws as `open` does. */
  readonly decode: (answer: GatewayAnswer) => AsyncIterable<Chunk>;
  /** Whether the answer has an end; otherwise it follows. */
  readonly isBulk: boolean;
  /** Looks at entries before they are taken; throws a ReadAgain where they must not be. */
  readonly look: (entries: readonly Entry[]) => void;
  /** Moves on with what is yielded. */
  readonly place: Place;
  readonly sift: Sift;
  readonly outage: Outage;
  /** An answer that nobody pulled for so long is closed. */
  readonly stalledMs: number;
  readonly signal: AbortSignal;
}

/** How an answer ended, and so what comes next. */
export type End =
  /** It gave all that there was. */
  | { readonly kind: 'complete' }
  /** There is more; nothing is wrong. */
  | { readonly kind: 'more' }
  | Again;

export interface Again {
  readonly kind: 'again';
  readonly why: ReadAgain | GatewayFault;
}

/** One answer from its beginning to its end: yields what is new, reads no further than it is pulled. It is closed when the pass has ended. */
export async function* passOf({ open, decode, isBulk, look, place, sift, outage, stalledMs, signal }: PassOptions): AsyncGenerator<Chunk, End> {
  let answer: GatewayAnswer | undefined;
  let isStalled = false;
  const stall = new Deadline(() => {
    isStalled = true;
    answer?.close();
  });
  place.begin();
  try {
    answer = await open();
    for await (const chunk of decode(answer)) {
      outage.answered();
      look(chunk.entries);
      const { chunk: fresh, again } = sift.take(chunk, isBulk);
      if (fresh !== undefined) {
        stall.set(stalledMs);
        yield fresh;
        stall.drop();
      }
      if (isStalled || signal.aborted) break;
      if (again !== undefined) throw again;
    }
    outage.answered();
  } catch (error) {
    if (!isStalled && !signal.aborted) return againAfter(error);
  } finally {
    stall.stop();
    answer?.close();
  }
  // What ended because of us was not complete, however it looks.
  if (isStalled || signal.aborted) return { kind: 'again', why: new ReadAgain('stalled', 'nobody pulled for long', true) };
  if (!isBulk) return { kind: 'again', why: new ReadAgain('disconnected', 'it stopped following') };
  return { kind: 'complete' };
}

/** What an error that reading again puts right comes to; throws any other. */
export function againAfter(error: unknown): Again {
  if (error instanceof ReadAgain || error instanceof GatewayFault) return { kind: 'again', why: error };
  throw error;
}
