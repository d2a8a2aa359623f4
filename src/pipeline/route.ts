import type { Checkpoint, CheckpointStore } from '../core/checkpoint.js';
import type { DeadLetters } from '../core/dead-letters.js';
import type { Encoder } from '../core/encoder.js';
import type { Entry } from '../core/entry.js';
import type { Logger } from '../core/logger.js';
import type { RouteProgress } from '../core/route-progress.js';
import type { RouteStatus } from '../core/route-status.js';
import type { Sink } from '../core/sink.js';
import type { Source } from '../core/source.js';
import { AckTracker, type Advance } from './ack-tracker.js';
import { CheckpointSaver } from './checkpoint-saver.js';
import { Outage } from './outage.js';
import { Pass } from './pass.js';
import { pause } from './pause.js';
import { Tally } from './tally.js';

/** A source that owes a value for so long has nothing to give. */
const IDLE_AFTER_MS = 1000;
/** Of a sink that names none. */
const ATTEMPT_TIMEOUT_MS = 60_000;

export interface RouteOptions {
  readonly name: string;
  /** As logs name the destination: its URL without secrets. */
  readonly label: string;
  readonly source: Source;
  /** True for an entry that is to be forwarded; absent where all are. */
  readonly accepts?: ((entry: Entry) => boolean) | undefined;
  readonly encoder: Encoder;
  readonly sink: Sink;
  readonly checkpoints: CheckpointStore;
  readonly deadLetters: DeadLetters;
  readonly logger: Logger;
}

/**
 * One destination's way from the source to the sink, with a reader and a checkpoint of its own: no other route can
 * hold it up. Reads no more than the sink takes; what moves the checkpoint is only what is settled.
 */
export class Route {
  readonly #options: RouteOptions;
  readonly #outage: Outage;
  readonly #saver: CheckpointSaver;
  readonly #tally = new Tally();
  #tracker = new AckTracker(undefined, () => undefined);
  /** The one under way, or the last. */
  #pass: Pass | undefined;
  #state: RouteStatus['state'] = 'starting';
  #isReady = false;
  /** When `progress` last found the sink held up by its receiver, and when the route was told to end soon. */
  #heldUpMs = -Infinity;
  #abortedMs: number | undefined;

  constructor(options: RouteOptions) {
    this.#options = options;
    const { label, logger, checkpoints } = options;
    this.#outage = new Outage({ label, logger });
    this.#saver = new CheckpointSaver({ store: checkpoints, current: () => this.#checkpoint(), label, logger });
  }

  get label(): string {
    return this.#options.label;
  }

  /** After a run: whether everything that it took from the source is settled. */
  get isComplete(): boolean {
    return this.#pass?.isComplete ?? true;
  }

  status(): RouteStatus {
    const lastError = this.#outage.reason;
    const unconfirmedBatches = this.#pass?.unconfirmed ?? 0;
    return {
      name: this.#options.name,
      label: this.#options.label,
      state: this.#state === 'forwarding' && lastError !== undefined ? 'retrying' : this.#state,
      position: this.#tracker.watermark,
      ...this.#tally.status(),
      inFlight: this.#pass?.underWay ?? 0,
      unconfirmedBatches,
      waitingMs: unconfirmedBatches === 0 ? 0 : this.#tally.waitingMs,
      lastError,
      sourceError: this.#options.source.trouble,
      savedAtMs: this.#saver.savedAtMs,
      unsavedMs: this.#saver.unsavedMs,
      saveFailures: this.#saver.failures,
      checkpointError: this.#saver.failure,
    };
  }

  /** Asked regularly: what is found now says what the time since the last call was spent on. */
  progress(): RouteProgress {
    const nowMs = performance.now();
    const isQuiet = this.#pass?.underWay === 0 && this.#pass.sourceWaitedMs >= IDLE_AFTER_MS;
    const { isHeldUp = false } = this.#options.sink;
    if (isHeldUp) this.#heldUpMs = nowMs;
    // A receiver that takes our connection and then does not read has answered, too.
    this.#isReady ||= isQuiet || isHeldUp || this.#tally.hasAttempted || this.#state === 'stopped';
    return { label: this.#options.label, isReady: this.#isReady, isIdle: isQuiet && this.#tracker.openCount === 0, stuck: this.#stuck(nowMs) };
  }

  /**
   * Forwards until the source ends or `stop` aborts; then delivers what was read, confirms it, saves the checkpoint
   * and resolves. `abort` ends all that soon: what is unconfirmed then is sent again by the next run. Rejects with an
   * OperatorError for what only an operator can mend.
   */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const saved = await this.#options.checkpoints.load();
    if (saved !== undefined) this.#goOnFrom(saved);
    this.#tracker = new AckTracker(saved?.position, (advance) => this.#advanced(advance));
    this.#state = 'forwarding';
    const noteAbort = (): void => void (this.#abortedMs = performance.now());
    abort.addEventListener('abort', noteAbort, { once: true });
    try {
      while ((await this.#runPass(stop, abort)) === 'broken' && !stop.aborted) {
        const { lastBreak = 'the connection broke' } = this.#options.sink;
        if (!(await pause(this.#outage.failed(`${lastBreak} before all that was sent was confirmed`), stop))) break;
      }
    } finally {
      await this.#options.sink.close(AbortSignal.abort());
      await this.#saver.finish(abort);
      this.#state = 'stopped';
      abort.removeEventListener('abort', noteAbort);
    }
  }

  #goOnFrom({ position, counts }: Checkpoint): void {
    const { label, logger } = this.#options;
    this.#tally.goOnFrom(counts);
    const at = new Date(position.timestamp / 1000).toISOString();
    logger.info(`${label}: going on after the checkpoint at ${at}, whatever --start or --since say; --reset-checkpoint would forget it`);
  }

  #runPass(stop: AbortSignal, abort: AbortSignal): Promise<'done' | 'broken'> {
    const onStart = (): void => this.#saver.request();
    this.#pass = new Pass({ ...this.#options, outage: this.#outage, tracker: this.#tracker, tally: this.#tally, onStart }, stop, abort);
    return this.#pass.run();
  }

  #advanced(advance: Advance): void {
    this.#tally.noteSettled(advance);
    this.#options.source.settled?.(advance.position);
    this.#saver.request();
  }

  #checkpoint(): Checkpoint | undefined {
    const position = this.#tracker.watermark;
    return position === undefined ? undefined : { position, counts: this.#tally.counts };
  }

  /**
   * Waiting for the source, a pause, a receiver that does not read, a confirmation, or a disk for the dead letters
   * have no limit, and are progress. An attempt has one, and so has the end after an abort.
   */
  #stuck(nowMs: number): string | undefined {
    const { attemptTimeoutMs = ATTEMPT_TIMEOUT_MS } = this.#options.sink;
    const isOver = (sinceMs: number): boolean => nowMs - Math.max(sinceMs, this.#heldUpMs) > attemptTimeoutMs;
    const attemptedMs = this.#pass?.attemptedMs;
    if (attemptedMs !== undefined && isOver(attemptedMs)) return `an attempt to deliver has not ended within ${attemptTimeoutMs / 1000} s`;
    if (this.#abortedMs !== undefined && this.#state !== 'stopped' && isOver(this.#abortedMs)) return `it has not stopped within ${attemptTimeoutMs / 1000} s`;
    return undefined;
  }
}
