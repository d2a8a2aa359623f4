import { SettingError } from '../core/errors.js';
import type { Secret } from '../core/secret.js';
import type { Batch, Delivery, Sink } from '../core/sink.js';

export interface LogentriesSinkOptions {
  /** Carries lines that end with LF: TCP, or TLS. */
  readonly stream: Sink;
  /** The token of a log, which tells Logentries whose line it is. Read again for every batch. */
  readonly token: Secret;
}

/**
 * Logentries' token-based input (Rapid7 InsightOps): `TOKEN SP line LF`, without any acknowledgement; so what counts
 * as delivered is what the stream confirms. The token is put before the lines here, on their way out: a batch and the
 * dead letters never hold it.
 */
export function createLogentriesSink(options: LogentriesSinkOptions): Sink {
  return new LogentriesSink(options);
}

class LogentriesSink implements Sink {
  readonly framing = 'lf';
  readonly limits;
  readonly #stream: Sink;
  readonly #token: Secret;
  /** Settles when the token of the last delivery was read: those behind it must not overtake it. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor({ stream, token }: LogentriesSinkOptions) {
    this.#stream = stream;
    this.#token = token;
    this.limits = stream.limits;
  }

  get lastBreak(): string | undefined {
    return this.#stream.lastBreak;
  }

  get attemptTimeoutMs(): number {
    return this.#stream.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS;
  }

  get isHeldUp(): boolean {
    return this.#stream.isHeldUp ?? false;
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    const reading = this.#reading.then(() => this.#readToken());
    this.#reading = reading;
    const token = await reading;
    return 'reason' in token ? { outcome: 'retryable', ...token } : this.#stream.deliver(withToken(batch, token.bytes), signal);
  }

  async close(signal: AbortSignal): Promise<void> {
    await this.#reading;
    await this.#stream.close(signal);
  }

  async probe(signal: AbortSignal): Promise<string | undefined> {
    const token = await this.#readToken();
    return 'reason' in token ? token.reason : this.#stream.probe(signal);
  }

  /** Never rejects: a file that cannot be read now may be there again later. */
  async #readToken(): Promise<{ readonly bytes: Buffer } | { readonly reason: string; readonly code: string }> {
    try {
      return { bytes: Buffer.from(`${checkedToken(await this.#token.read())} `, 'latin1') };
    } catch (error) {
      if (error instanceof SettingError) return { reason: error.message.replace(/\.$/, ''), code: error.code };
      throw error;
    }
  }
}

/** A token is a UUID at Rapid7's. What matters here: with a space or a line feed in it, a line would be another one's. */
export function checkedToken(text: string): string {
  const token = text.trim();
  if (!/^[!-~]{1,256}$/.test(token)) throw new SettingError('token', 'The token of Logentries cannot be used: it has at most 256 printable ASCII characters and no space; copy it anew from the settings of the log.');
  return token;
}

/** The batch as it is to be sent: `prefix` before each line. */
function withToken(batch: Batch, prefix: Buffer): Batch {
  const { count } = batch;
  const bytes = Buffer.allocUnsafe(batch.bytes.length + count * prefix.length);
  let length = 0;
  for (let index = 0; index < count; index++) {
    const message = batch.message(index);
    bytes.set(prefix, length);
    bytes.set(message, length + prefix.length);
    length += prefix.length + message.length;
    bytes[length++] = LF;
  }
  return { lane: batch.lane, count, bytes: bytes.subarray(0, length), message: (index) => batch.message(index), timestamp: (index) => batch.timestamp(index), cursor: (index) => batch.cursor(index) };
}

const LF = 0x0a;
/** Where the stream says none: what a route takes then. */
const ATTEMPT_TIMEOUT_MS = 60_000;
