import { formatDuration } from '../core/duration.js';
import type { RouteProgress } from '../core/route-progress.js';
import type { RouteStatus } from '../core/route-status.js';

/** systemd reads no message of more than 4,096 bytes (NOTIFY_BUFFER_MAX), and other assignments go with this one. */
const MAX_LENGTH = 1000;

/** One line on what the routes do, for `systemctl status`: rate, lag, what is unconfirmed, what is down. Rates are those since the last call. */
export class StatusText {
  readonly #delivered = new Map<string, { readonly count: number; readonly atMs: number }>();

  /** `monotonicMs`: by a clock that nobody sets, since rates are measured by it. */
  of(routes: readonly RouteStatus[], progress: readonly RouteProgress[], nowMs = Date.now(), monotonicMs = performance.now()): string {
    const text = routes.map((route, index) => `${route.label}: ${this.#describe(route, progress[index]?.isIdle ?? false, nowMs, monotonicMs)}`).join('; ');
    // An error's text is whatever a library made it.
    const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
    return line.length <= MAX_LENGTH ? line : `${line.slice(0, MAX_LENGTH)}...`;
  }

  #describe(route: RouteStatus, isIdle: boolean, nowMs: number, monotonicMs: number): string {
    const { state, lastError, sourceError, checkpointError, unconfirmedBatches, position, firstRead } = route;
    const settledUs = position?.timestamp ?? firstRead;
    if (state === 'starting' && lastError !== undefined) return `WAITING (${lastError})`;
    if (state === 'starting' || state === 'stopped') return state;
    const rate = this.#rate(route, monotonicMs);
    const parts = [
      ...(lastError === undefined ? [`${rate} entries/s`] : [`DOWN (${lastError})`]),
      ...(sourceError !== undefined ? [`CANNOT READ (${sourceError})`] : isIdle ? ['up to date'] : settledUs === undefined ? [] : [`${formatDuration(wholeSeconds(nowMs - settledUs / 1000))} behind`]),
      ...(unconfirmedBatches === 0 ? [] : [`${unconfirmedBatches} ${unconfirmedBatches === 1 ? 'batch' : 'batches'} unconfirmed`]),
      ...(checkpointError === undefined ? [] : [`CANNOT SAVE ITS PLACE (${checkpointError})`]),
    ];
    return parts.join(', ');
  }

  /** Entries settled per second. */
  #rate({ name, counts }: RouteStatus, nowMs: number): number {
    const count = counts.delivered + counts.rejected + counts.filtered;
    const last = this.#delivered.get(name);
    this.#delivered.set(name, { count, atMs: nowMs });
    return last === undefined || nowMs <= last.atMs ? 0 : Math.round(((count - last.count) * 1000) / (nowMs - last.atMs));
  }
}

/** So that a text that only tells of waiting seldom changes. */
function wholeSeconds(ms: number): number {
  return Math.round(ms / 1000) * 1000;
}
