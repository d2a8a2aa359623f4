import type { Gap, ReaderEvents } from '../core/reader-events.js';

/** What a reader has reported since it was made: how often it began again, and what is missing from what it gave. */
export interface ReaderReport {
  /** How often, by reason; every known reason is there. */
  readonly restarts: Readonly<Record<string, number>>;
  readonly gaps: Readonly<Record<Gap['kind'], GapCount>>;
}

export interface GapCount {
  readonly gaps: number;
  /** The missing entries of those gaps of which the number is known. */
  readonly missing: number;
}

/** The reasons for which readers begin again. Any other is counted as `other`, so that nothing can make labels without end. */
const REASONS = ['exited', 'killed', 'silent', 'jump', 'rotated', 'stalled', 'malformed', 'incomplete', 'disconnected', 'refused', 'other'];
const KINDS: readonly Gap['kind'][] = ['sequence', 'vacuum', 'rate-limit', 'poison', 'file'];

/** Counts what one reader reports. */
export class ReaderCounts implements ReaderEvents {
  readonly #restarts = new Map(REASONS.map((reason) => [reason, 0]));
  readonly #gaps = new Map(KINDS.map((kind) => [kind, { gaps: 0, missing: 0 }]));

  restarted(why: string): void {
    const reason = this.#restarts.has(why) ? why : 'other';
    this.#restarts.set(reason, this.#restarts.get(reason)! + 1);
  }

  gap({ kind, count }: Gap): void {
    const counted = this.#gaps.get(kind)!;
    counted.gaps += 1;
    counted.missing += count ?? 0;
  }

  report(): ReaderReport {
    return {
      restarts: Object.fromEntries(this.#restarts),
      gaps: Object.fromEntries([...this.#gaps].map(([kind, counted]) => [kind, { ...counted }])) as unknown as ReaderReport['gaps'],
    };
  }
}
