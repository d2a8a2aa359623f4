import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { peekCheckpoint } from './checkpoint/checkpoint-file.js';
import { askLockHolder } from './checkpoint/lock.js';
import { formatDuration } from './core/duration.js';
import { OperatorError } from './core/errors.js';
import type { Counts } from './core/checkpoint.js';
import type { DestinationReport } from './observe/destination-report.js';

export interface StatusOptions {
  /** The state folder. */
  readonly directory: string;
  /** The names of the destinations in the settings at hand. */
  readonly configured: ReadonlySet<string>;
  /** The time of the newest entry that they would forward, for destinations that nobody serves; undefined where it cannot be known. */
  readonly newestUs: () => Promise<number | undefined>;
  readonly output: Writable;
}

/** Prints what each destination of a state folder has, asking the process that runs, or else its last state. */
export async function printStatus({ directory, configured, newestUs, output }: StatusOptions): Promise<void> {
  const names = await namesIn(directory);
  if (names.length === 0) {
    output.write(`No destination has a state in ${directory} yet.\n`);
    return;
  }
  const running = await Promise.all(names.map((name) => askLockHolder(directory, name) as Promise<Running | undefined>));
  const isAnyStopped = names.some((name, index) => running[index] === undefined && configured.has(name));
  const newest = isAnyStopped ? await newestUs() : undefined;
  const rows = names.map(async (name, index) => {
    const report = running[index]?.route;
    return report === undefined ? stoppedRow(directory, name, configured.has(name), newest) : runningRow(report);
  });
  output.write(table([HEAD, ...(await Promise.all(rows))]));
}

const HEAD = ['DESTINATION', 'STATE', 'LAG', 'RATE', 'UP TO', 'DELIVERED', 'FILTERED', 'DEAD LETTERS', 'UNCONFIRMED', 'LAST ERROR'];

interface Running {
  readonly route: DestinationReport;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    const files = await readdir(directory);
    const names = files.flatMap((file) => /^(.+?)(?<!\.previous)\.(?:json|sock)$/.exec(file)?.[1] ?? []);
    return [...new Set(names)].filter((name) => !name.endsWith('.tmp')).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new OperatorError('ERR_STATE_DIR', `Cannot read the state folder ${directory}: ${(error as Error).message}. Run as the user that forwards, or name another folder with --state-dir.`, { cause: error });
  }
}

function runningRow(report: DestinationReport): string[] {
  const { label, state, lagSeconds, perSecond, position, counts, unconfirmedBatches, lastError, sourceError, checkpointError } = report;
  const errors = [lastError, sourceError && `nothing can be read: ${sourceError}`, checkpointError && `the checkpoint cannot be saved: ${checkpointError}`].filter((error) => error !== undefined);
  return [label, state, formatDuration(lagSeconds * 1000), rate(perSecond), timeOf(position?.timestamp), ...countsOf(counts), String(unconfirmedBatches), errors.join('; ') || '-'];
}

/** What the checkpoint tells of a destination that nobody serves. */
async function stoppedRow(directory: string, name: string, isConfigured: boolean, newestUs: number | undefined): Promise<string[]> {
  const saved = await peekCheckpoint(join(directory, `${name}.json`));
  const state = isConfigured ? 'not running' : 'not running, not in these settings';
  if (saved === undefined) return [name, state, '-', '-', '-', '-', '-', '-', '-', 'its checkpoint cannot be read'];
  const { position, counts, destination } = saved;
  const lag = isConfigured && newestUs !== undefined ? formatDuration((newestUs - position.timestamp) / 1000) : '-';
  return [destination, state, lag, '-', timeOf(position.timestamp), ...countsOf(counts), '-', '-'];
}

function countsOf({ delivered, filtered, rejected }: Counts): string[] {
  return [delivered, filtered, rejected].map(String);
}

function timeOf(timestampUs: number | undefined): string {
  return timestampUs === undefined ? '-' : new Date(timestampUs / 1000).toISOString();
}

function rate(perSecond: number): string {
  return `${perSecond === 0 || perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd() + '\n').join('');
}
