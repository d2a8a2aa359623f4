import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Logger } from '../core/logger.js';
import { receive } from './receive.js';
import type { ReceiverAddress } from './receive.js';
import { visible } from './visible.js';

export interface ListenOptions {
  /** Where messages are printed, one line each. */
  readonly output: Writable;
  readonly log: Logger;
  /** Ends the receiver. */
  readonly signal: AbortSignal;
}

/**
 * A receiver to try things with: prints what arrives at `address` until `signal` aborts or nobody reads its output any
 * more, then resolves to the number of messages. Reads its senders no faster than `output` is read.
 * Throws a SettingError where it cannot listen.
 */
export async function listen(address: ReceiverAddress, { output, log, signal }: ListenOptions): Promise<number> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const stopReading = () => stop.abort();
  output.on('error', stopReading).on('close', stopReading);
  let count = 0;

  const receiver = await receive(address, {
    async onMessages(messages) {
      let lines = '';
      for (const message of messages) lines += `${visible(message)}\n`;
      count += messages.length;
      if (ended.aborted || output.write(lines)) return;
      await once(output, 'drain', { signal: ended }).catch(() => undefined);
    },
    onProblem: (problem) => log.warn('a sender was not understood', { problem }),
  });
  log.info(`listening on ${receiver.url}`);
  try {
    if (!ended.aborted) await once(ended, 'abort');
    await receiver.close(ended);
  } finally {
    output.off('close', stopReading);
  }
  return count;
}
