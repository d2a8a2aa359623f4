import { invalid } from './written.js';
import type { Written } from './written.js';

/**
 * A point in time in words that the journalctl of every systemd since 247 takes (systemd.time(7), parsing
 * timestamps). RFC 3339, which only newer ones take, is rewritten.
 */
export function readTime(written: Written): string {
  const text = written.text.trim();
  const rewritten = fromRfc3339(text);
  if (rewritten !== undefined) return rewritten;
  if (isWord(text) || isRelative(text) || isDateOrTime(text)) return text;
  throw invalid(written, 'this is not a time; write for example "2026-11-20 08:00", "2026-11-20T08:00:00Z", "yesterday" or "-1h"');
}

/**
 * The same time in words that do not depend on when they are read: journalctl is started more than once, and `-1h`
 * would mean another hour each time. What names its day stays as it is.
 */
export function absoluteTime(text: string, now: Date): string {
  const midnight = (days: number): string => epochOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() + days).getTime());
  switch (text) {
    case 'now':
      return epochOf(now.getTime());
    case 'today':
      return midnight(0);
    case 'yesterday':
      return midnight(-1);
    case 'tomorrow':
      return midnight(1);
  }
  if (isRelative(text)) return epochOf(now.getTime() + relativeMs(text));
  const clock = clockPattern.exec(text);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return clock === null ? text : `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())} ${text}`;
}

/** The same as `@SECONDS.FRACTION`, read in local time where it names no zone; undefined where it names another than UTC. */
export function timestampOf(text: string, now: Date): string | undefined {
  const absolute = absoluteTime(text, now);
  if (absolute.startsWith('@')) return absolute;
  const [, year = '', month, day, hour = '0', minute = '0', second = '0', fraction = '', zoneName] =
    /^(?:[A-Za-z]+ )?(\d{2,4})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?(?: (\S+))?$/.exec(absolute) ?? [];
  if (year === '' || (zoneName !== undefined && zoneName !== 'UTC')) return undefined;
  const fullYear = Number(year) >= 100 ? Number(year) : Number(year) < 69 ? 2000 + Number(year) : 1900 + Number(year);
  const parts = [fullYear, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const;
  const ms = zoneName === undefined ? new Date(...parts).getTime() : Date.UTC(...parts);
  return `@${ms / 1000}.${fraction.padEnd(6, '0')}`;
}

function epochOf(ms: number): string {
  return `@${Math.floor(ms / 1000)}.${String(Math.floor(ms) % 1000).padStart(3, '0')}000`;
}

const zone = String.raw`(?: (?:UTC|[A-Z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)+))?`;
const wordPattern = /^(?:now|today|yesterday|tomorrow)$/;
const epochPattern = /^@\d{1,12}(?:\.\d{1,6})?$/;
const calendarPattern = new RegExp(
  String.raw`^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]* )?(\d{4}|\d{2})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,6})?)?)?${zone}$`,
  'i',
);
const clockPattern = new RegExp(String.raw`^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,6})?)?${zone}$`);

function isWord(text: string): boolean {
  return wordPattern.test(text) || epochPattern.test(text);
}

function isDateOrTime(text: string): boolean {
  const calendar = calendarPattern.exec(text);
  if (calendar) {
    const [, year, month, day, hour, minute, second] = calendar;
    return isDay(Number(year), Number(month), Number(day)) && isClock(hour, minute, second);
  }
  const clock = clockPattern.exec(text);
  return clock !== null && isClock(clock[1], clock[2], clock[3]);
}

function isDay(year: number, month: number, day: number): boolean {
  const fullYear = year >= 100 ? year : year < 69 ? 2000 + year : 1900 + year;
  return fullYear >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(fullYear, month, 0)).getUTCDate();
}

function isClock(hour = '0', minute = '0', second = '0'): boolean {
  return Number(hour) <= 23 && Number(minute) <= 59 && Number(second) <= 59;
}

/** Milliseconds, as systemd.time(7) has them: a month is a twelfth of a year, and a year 365.25 days. */
const units = new Map<string, number>([
  ...['us', 'usec', 'µs'].map((name) => [name, 0.001] as const),
  ...['ms', 'msec'].map((name) => [name, 1] as const),
  ...['', 's', 'sec', 'second', 'seconds'].map((name) => [name, 1000] as const),
  ...['m', 'min', 'minute', 'minutes'].map((name) => [name, 60_000] as const),
  ...['h', 'hr', 'hour', 'hours'].map((name) => [name, 3_600_000] as const),
  ...['d', 'day', 'days'].map((name) => [name, 86_400_000] as const),
  ...['w', 'week', 'weeks'].map((name) => [name, 604_800_000] as const),
  ...['M', 'month', 'months'].map((name) => [name, 2_629_800_000] as const),
  ...['y', 'year', 'years'].map((name) => [name, 31_557_600_000] as const),
]);

/** `-1h30min`, `+5min`, `2 days ago`, `5min left`. */
function isRelative(text: string): boolean {
  const [, sign = '', span = '', direction = ''] = /^([+-]?)(.*?)( ago| left)?$/.exec(text) ?? [];
  if ((sign === '') === (direction === '')) return false;
  const part = /\s*\d+(?:\.\d+)?\s*([A-Za-z\u00b5]*)/y;
  let end = 0;
  for (let match = part.exec(span); match !== null; match = part.exec(span)) {
    if (!units.has(match[1]!)) return false;
    end = part.lastIndex;
  }
  return end > 0 && end === span.length;
}

function relativeMs(text: string): number {
  const isPast = text.startsWith('-') || text.endsWith(' ago');
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*([A-Za-z\u00b5]*)/g)) {
    // The word of direction stands behind the last unit, and is none.
    ms += Number(count) * (units.get(unit!) ?? 1000);
  }
  return isPast ? -ms : ms;
}

/** journalctl before systemd 255 knows neither the `T` nor an offset. */
function fromRfc3339(text: string): string | undefined {
  const [, date, time, seconds = ':00', offset] = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})?$/.exec(text) ?? [];
  if (date === undefined || !isDateOrTime(`${date} ${time}${seconds}`)) return undefined;
  if (offset === undefined) return `${date} ${time}${seconds}`;
  const [whole = '', fraction] = seconds.split('.');
  const millis = Date.parse(`${date}T${time}${whole}${offset.toUpperCase()}`);
  if (Number.isNaN(millis)) return undefined;
  const utc = new Date(millis).toISOString();
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}${fraction === undefined ? '' : `.${fraction}`} UTC`;
}
