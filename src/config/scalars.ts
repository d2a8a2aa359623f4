import { anyOf, invalid } from './written.js';
import type { Written } from './written.js';

/** One of the words, or the sentence that lists them after `lead`. */
export function readChoice<T extends string>(written: Written, lead: string, choices: readonly T[]): T {
  const choice = choices.find((word) => word === written.text);
  if (choice === undefined) throw invalid(written, `${lead} ${anyOf(choices)}`);
  return choice;
}

/** The words that documentation and completion tell of; `readBoolean` takes others, too. */
export const booleans = ['true', 'false'] as const;

/** `true` or `false`, with the other words that systemd takes for them. */
export function readBoolean(written: Written, what: string): boolean {
  const word = written.text.toLowerCase();
  if (['true', 'yes', 'on', '1'].includes(word)) return true;
  if (['false', 'no', 'off', '0'].includes(word)) return false;
  throw invalid(written, `${what} is true or false`);
}

/** A whole number in decimal digits. */
export function readInteger(written: Written, what: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(written.text) ? Number(written.text) : NaN;
  if (!(value >= least && value <= most)) throw invalid(written, `${what} is a whole number from ${least} to ${most}`);
  return value;
}

/** A length of time with its unit, in milliseconds. At most a day, which no timer of Node's is too short for. */
export function readDurationMs(written: Written, what: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(written.text) ?? [];
  const value = digits === '' ? NaN : Number(digits) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as 'ms' | 's' | 'm' | 'h'];
  if (!(value <= 86_400_000)) throw invalid(written, `${what} is a number with a unit, at most 24h, for example 500ms, 10s or 2m`);
  return value;
}
