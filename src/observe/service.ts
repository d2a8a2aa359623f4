import type { Logger } from '../core/logger.js';
import type { RouteProgress } from '../core/route-progress.js';
import type { RouteStatus } from '../core/route-status.js';
import { SdNotify } from './sd-notify.js';
import { StatusText } from './status-text.js';

const READY_INTERVAL_MS = 100;
const STATUS_INTERVAL_MS = 10_000;

/** What is reported on: a forwarder. Both lists are empty until it knows its routes. */
export interface Subject {
  status(): readonly RouteStatus[];
  progress(): readonly RouteProgress[];
}

export interface ServiceOptions {
  /** Of the process: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID` (sd_notify(3), sd_watchdog_enabled(3)) and `PATH`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** CLOCK_MONOTONIC in microseconds. */
  readonly monotonicUs: () => bigint;
  /** Sends the messages: systemd-notify, but for tests. */
  readonly program?: string;
}

/**
 * This process as the service manager sees it, `Type=notify`: ready or reloading, what it does, and whether it gets on.
 * Lives as long as the process; over a reload the subject changes. Its timers do not keep the process from ending.
 */
export class Service {
  readonly #options: ServiceOptions;
  readonly #notify: SdNotify;
  #logger: Logger | undefined;
  #subject: Subject = { status: () => [], progress: () => [] };
  #text = new StatusText();
  #lastText: string | undefined;
  #awaitingReady: NodeJS.Timeout | undefined;
  #timers: readonly NodeJS.Timeout[] = [];
  #isEnding = false;
  /** What is stuck, since the watchdog was last told that nothing is. */
  #stuck: string | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#notify = new SdNotify(options);
  }

  /** Begins to report on a subject, in place of the one before; ready once each of its routes is. */
  watch(subject: Subject, logger: Logger): void {
    this.#subject = subject;
    this.#logger = this.#notify.logger = logger;
    this.#text = new StatusText();
    if (this.#timers.length === 0) {
      const watchdogMs = watchdogIntervalMs(this.#options);
      const watchdog = watchdogMs === undefined ? [] : [setInterval(() => this.#tellWatchdog(), watchdogMs).unref()];
      this.#timers = [setInterval(() => this.#tellStatus(), STATUS_INTERVAL_MS).unref(), ...watchdog];
    }
    this.ready();
  }

  /** The settings are read again; `watch` or `ready` follows. */
  reloading(): void {
    // Type=notify-reload (systemd 253) takes it only with the time, by which it knows that it came after its signal.
    this.#notify.state('RELOADING=1', `MONOTONIC_USEC=${this.#options.monotonicUs()}`);
  }

  /** Says that the service is ready, as soon as it is. */
  ready(): void {
    clearInterval(this.#awaitingReady);
    this.#awaitingReady = setInterval(() => this.#tellReady(), READY_INTERVAL_MS).unref();
    this.#tellReady();
  }

  /** Nothing more is begun. */
  stopping(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearInterval(this.#awaitingReady);
    this.#notify.state('STOPPING=1');
  }

  /** Resolves when the manager knows everything, or after a second. */
  async close(): Promise<void> {
    for (const timer of [this.#awaitingReady, ...this.#timers]) clearInterval(timer);
    await this.#notify.close();
  }

  #tellReady(): void {
    const routes = this.#subject.progress();
    if (this.#isEnding || routes.length === 0 || !routes.every(({ isReady }) => isReady)) return;
    clearInterval(this.#awaitingReady);
    this.#tellStatus();
    this.#notify.state('READY=1');
  }

  #tellStatus(): void {
    const text = this.#text.of(this.#subject.status(), this.#subject.progress());
    if (text === this.#lastText) return;
    this.#lastText = text;
    this.#notify.status(text);
  }

  /** That this runs at all says that the event loop does. */
  #tellWatchdog(): void {
    const stuck = this.#subject.progress().find((route) => route.stuck !== undefined);
    if (stuck === undefined) {
      if (this.#stuck !== undefined) this.#logger?.info(`${this.#stuck}: goes on again`);
      this.#stuck = undefined;
      this.#notify.alive();
    } else if (this.#stuck === undefined) {
      this.#stuck = stuck.label;
      this.#logger?.error(`${stuck.label}: ${stuck.stuck}; systemd's watchdog is told nothing more, so that it starts this program anew`);
    }
  }
}

/** A third of the time within which the watchdog wants to hear of us, so that one message may fail; undefined where it does not listen to us. */
function watchdogIntervalMs({ environment, pid }: ServiceOptions): number | undefined {
  const { WATCHDOG_USEC, WATCHDOG_PID } = environment;
  const us = Number(WATCHDOG_USEC);
  // A process that was started by a watched one inherits the variables.
  const isMeant = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  return isMeant && us > 0 ? Math.max(1, Math.floor(us / 3000)) : undefined;
}
