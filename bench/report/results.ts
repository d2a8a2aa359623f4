import { type Large } from '../measurements/large.js';
import { type Live } from '../measurements/live.js';
import { type StartUp } from '../measurements/start-up.js';
import { type Summary } from './summary.js';

/** All that one run of the benchmark has found. */
export interface Results {
  /** What it ran on, and when, in words. */
  readonly machine: string;
  readonly versions: readonly string[];
  readonly date: string;
  readonly entries: number;
  readonly rounds: number;
  readonly contest: readonly Summary[];
  /** Who did not run, and why. */
  readonly absent: readonly { readonly name: string; readonly why: string }[];
  readonly large: readonly Large[];
  readonly live: Live;
  readonly startUp: readonly StartUp[];
  readonly executableBytes?: number;
}
