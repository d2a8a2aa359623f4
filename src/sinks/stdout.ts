import type { Writable } from 'node:stream';
import type { Batch, Delivery, Sink, SinkLimits } from '../core/sink.js';
import { unlessAborted } from './abortable.js';
import { failureOf, retryable, STOPPED } from './failure.js';

export interface StdoutSinkOptions {
  readonly output: Writable;
  /** Called once, when whoever read the output has closed it: nothing can ever be delivered any more. */
  readonly onClosed: () => void;
  /** Called once, when the output has failed in another way, as on a full disk: Node never writes to it again. */
  readonly onFailed: (error: Error) => void;
}

/**
 * Lines on an output that somebody else owns: it is never ended. A delivery resolves as `delivered` when the output
 * has passed all of it on, which on a pipe means to the kernel. After the reader has closed it, every delivery is
 * retryable with the code EPIPE.
 */
export function createStdoutSink(options: StdoutSinkOptions): Sink {
  return new StdoutSink(options);
}

class StdoutSink implements Sink {
  readonly framing = 'lf';
  readonly limits: SinkLimits = { maxMessages: 8192, maxBytes: 768 * 1024, maxInFlight: 1, maxAgeMs: 0 };
  readonly #options: StdoutSinkOptions;
  /** The last write, which a delivery that was aborted may have left behind. The next waits for it, so no more than one batch is buffered. */
  #written: Promise<Delivery> = Promise.resolve({ outcome: 'delivered' });
  #readerGone = false;
  #failed = false;

  constructor(options: StdoutSinkOptions) {
    this.#options = options;
    options.output.on('error', (error) => this.#noteError(error)); // Kept for good: EPIPE may come late, and would end the process.
  }

  get isHeldUp(): boolean {
    return this.#options.output.writableLength > 0;
  }

  deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return Promise.resolve(retryable(STOPPED));
    this.#written = this.#written.then(() => (signal.aborted ? retryable(STOPPED) : this.#write(batch.bytes)));
    return unlessAborted(this.#written, signal, retryable(STOPPED));
  }

  async close(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#written, signal, retryable(STOPPED));
  }

  probe(): Promise<string | undefined> {
    return Promise.resolve(this.#options.output.destroyed ? 'stdout is closed' : undefined);
  }

  #write(bytes: Uint8Array): Promise<Delivery> {
    return new Promise((resolve) => {
      // A copy, since after an abort the batch's own memory may change while the output still holds on to it.
      this.#options.output.write(Buffer.from(bytes), (error) => {
        if (error) this.#noteError(error);
        if (!error) resolve({ outcome: 'delivered' });
        else resolve(retryable(this.#readerGone ? { code: 'EPIPE', reason: 'its reader has closed it' } : failureOf(error)));
      });
    });
  }

  #noteError(error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    if (this.#readerGone || this.#failed) return;
    // Nobody reads any more: the other end is closed, or our own was.
    if (code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_DESTROYED' || code === 'ECANCELED') {
      this.#readerGone = true;
      this.#options.onClosed();
    } else {
      this.#failed = true;
      this.#options.onFailed(error);
    }
  }
}
