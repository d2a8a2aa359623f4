import type { Connection, Ledger } from './ledger.js';
import type { Truth } from './journal-archive.js';

/** A destination's saved checkpoint, as it was seen at some time. */
export interface Saved {
  readonly seenMs: number;
  /** Up to which entry, in microseconds; undefined where there was none. */
  readonly upToUs: number | undefined;
}

export interface Evidence {
  readonly name: string;
  readonly isLossless: boolean;
  readonly isOrdered: boolean;
  readonly ledger: Ledger;
  readonly deadLetters: ReadonlySet<number>;
  readonly saved: readonly Saved[];
}

export interface Judgement {
  readonly name: string;
  readonly written: number;
  readonly received: number;
  readonly missing: readonly number[];
  readonly duplicates: number;
  /** How many duplicates its breaks account for; undefined where it has no connections to tell. */
  readonly mostDuplicates: number | undefined;
  readonly deadLetters: number;
  readonly connections: number;
  readonly misplaced: readonly string[];
  readonly malformed: readonly string[];
  /** What is wrong, in words; nothing where it kept its promise. */
  readonly faults: readonly string[];
}

/** Compares what the journal held with what a destination has. */
export function judge(truth: Truth, { name, isLossless, isOrdered, ledger, deadLetters, saved }: Evidence): Judgement {
  const missing = missingFrom(truth, ledger, deadLetters);
  const { duplicates, malformed } = ledger;
  const misplaced = isOrdered ? ledger.misplaced : [];
  const mostDuplicates = isOrdered ? mostDuplicatesOf(truth, ledger, saved) : undefined;
  const faults: string[] = [];
  if (isLossless && missing.length > 0) faults.push(`${name}: ${missing.length} entries are missing`);
  if (mostDuplicates !== undefined && duplicates > mostDuplicates) faults.push(`${name}: ${duplicates} duplicates, where its breaks account for ${mostDuplicates}`);
  if (misplaced.length > 0) faults.push(`${name}: ${misplaced.length} messages came out of order within a connection`);
  if (malformed.length > 0) faults.push(`${name}: ${malformed.length} connections had a malformed frame`);
  return {
    name, missing, duplicates, mostDuplicates, misplaced, malformed, faults,
    written: truth.size,
    received: ledger.times.size,
    deadLetters: deadLetters.size,
    connections: isOrdered ? ledger.connections.size : 0,
  };
}

export function missingFrom(truth: Truth, ledger: Ledger, deadLetters: ReadonlySet<number>): readonly number[] {
  return [...truth.keys()].filter((number) => !ledger.times.has(number) && !deadLetters.has(number));
}

/**
 * How many duplicates there can be at most: a new connection may repeat what was sent before it was made and lies after
 * the checkpoint that was saved then, and nothing else. So the bound is the sum, over the connections, of these windows.
 */
function mostDuplicatesOf(truth: Truth, ledger: Ledger, saved: readonly Saved[]): number {
  const times = [...truth.values()].sort((a, b) => a - b);
  let most = 0;
  let newestUs = -Infinity;
  for (const connection of [...ledger.connections.values()].sort((a, b) => a.openedMs - b.openedMs)) {
    const before = saved.findLast(({ seenMs }) => seenMs < connection.openedMs)?.upToUs ?? 0;
    most += Math.max(0, countUpTo(times, newestUs) - countUpTo(times, before));
    newestUs = Math.max(newestUs, newestOf(connection, truth));
  }
  return most;
}

function newestOf(connection: Connection, truth: Truth): number {
  return Math.max(-Infinity, ...[...connection.newest.values()].map((number) => truth.get(number) ?? -Infinity));
}

/** How many of the ascending values are at most `limit`. */
function countUpTo(values: readonly number[], limit: number): number {
  let low = 0;
  for (let high = values.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
