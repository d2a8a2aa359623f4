import type { Questions } from '../journalctl/start.js';
import { GatewayFault } from './client.js';
import type { Inquiry } from './inquiry.js';
import type { Outage } from './outage.js';

/** What a reading asks of a gateway before it begins: each question is asked until it is answered, or `signal` aborts. Of boots a gateway cannot be asked. */
export function questionsTo(inquiry: Inquiry, outage: Outage, signal: AbortSignal): Questions {
  const ask = async <T>(question: () => Promise<T>): Promise<T | undefined> => {
    while (!signal.aborted) {
      try {
        const answer = await question();
        outage.answered();
        outage.moved();
        return answer;
      } catch (error) {
        if (!(error instanceof GatewayFault)) throw error;
        if (signal.aborted) break;
        await outage.again(error, signal);
      }
    }
    return undefined;
  };
  return {
    newest: (matches = []) => ask(() => inquiry.newest(matches, signal)),
    newestUntilNow: () => Promise.resolve(undefined),
    entryAt: async (cursor) => ({ entry: await ask(() => inquiry.entryAt(cursor, signal)), isSure: !signal.aborted }),
    oldestOfBoot: () => Promise.resolve(undefined),
    boots: () => Promise.resolve([]),
    bootId: () => ask(() => inquiry.bootId(signal)),
  };
}
