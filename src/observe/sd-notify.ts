import { execFile } from 'node:child_process';
import type { Logger } from '../core/logger.js';

/** systemd-notify waits for the manager to have read the message, itself no longer than 5 s. */
const SEND_TIMEOUT_MS = 6000;
const RETRY_MS = 1000;
/** At the end of the process: its manager will see to the rest. */
const CLOSE_TIMEOUT_MS = 1000;

export interface SdNotifyOptions {
  /** `NOTIFY_SOCKET` says where messages go, `PATH` where systemd-notify is. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The program that sends: systemd-notify, but for tests. */
  readonly program?: string;
}

/**
 * Messages to the service manager, as sd_notify(3) defines them, sent by systemd-notify(1): Node.js has no datagram
 * sockets of the Unix kind. So the unit needs `NotifyAccess=all`. systemd-notify (since 246) ends only when the
 * manager has read its message, without which that could not tell whose it was.
 *
 * One call of it runs at a time, and what comes meanwhile goes with the next: changes of state all, in order, each
 * in a message of its own; of status texts the last. Nothing here ever throws or waits.
 */
export class SdNotify {
  logger: Logger | undefined;
  readonly #options: SdNotifyOptions;
  readonly #states: (readonly string[])[] = [];
  #status: string | undefined;
  #isAlive = false;
  #sending: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isFailing = false;
  readonly #closed = new AbortController();

  constructor(options: SdNotifyOptions) {
    this.#options = options;
  }

  /** Sends a change of state: assignments such as `READY=1`. Is tried again until it is sent. */
  state(...assignments: readonly string[]): void {
    this.#states.push(assignments);
    this.#send();
  }

  /** Sends what `systemctl status` is to show. */
  status(text: string): void {
    this.#status = text;
    this.#send();
  }

  /** Tells the manager's watchdog that all goes on. Is not tried again, since later that need not be true any more. */
  alive(): void {
    this.#isAlive = true;
    this.#send();
  }

  /** Resolves when everything is sent, or after a second without that. */
  async close(): Promise<void> {
    const timeout = setTimeout(() => this.#closed.abort(), CLOSE_TIMEOUT_MS);
    while (this.#sending !== undefined) await this.#sending;
    clearTimeout(timeout);
    clearTimeout(this.#retry);
    this.#closed.abort();
  }

  #send(): void {
    if (this.#sending !== undefined || this.#closed.signal.aborted) return;
    const state = this.#states.shift();
    const status = this.#status;
    const assignments = [...(state ?? []), ...(status === undefined ? [] : [`STATUS=${status}`]), ...(this.#isAlive ? ['WATCHDOG=1'] : [])];
    if (assignments.length === 0) return;
    this.#status = undefined;
    this.#isAlive = false;
    clearTimeout(this.#retry);
    this.#sending = this.#run(assignments).then((error) => {
      this.#sending = undefined;
      if (error === undefined) {
        this.#isFailing = false;
        this.#send();
        return;
      }
      if (state !== undefined) this.#states.unshift(state);
      this.#status ??= status;
      this.#noteFailure(error);
      this.#retry = setTimeout(() => this.#send(), RETRY_MS).unref();
    });
  }

  #run(assignments: readonly string[]): Promise<Error | undefined> {
    const { environment, program = 'systemd-notify' } = this.#options;
    const { NOTIFY_SOCKET, PATH } = environment;
    return new Promise((resolve) => {
      const options = { env: { NOTIFY_SOCKET, PATH }, timeout: SEND_TIMEOUT_MS, killSignal: 'SIGKILL', signal: this.#closed.signal } as const;
      try {
        execFile(program, assignments, options, (error) => resolve(error ?? undefined));
      } catch (error) {
        resolve(error as Error);
      }
    });
  }

  #noteFailure(error: Error): void {
    if (this.#isFailing || this.#closed.signal.aborted) return;
    this.#isFailing = true;
    const { program = 'systemd-notify' } = this.#options;
    // Without the program a unit of Type=notify never becomes ready, and an operator has to know why.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.logger?.warn(`Cannot run ${program}, by which systemd is told of our state. Install it, or set Type=exec and WatchdogSec=0 in a drop-in.`);
    else this.logger?.debug('systemd was not told of our state', { why: error.message });
  }
}
