import type { From } from '../journalctl/arguments.js';

/** What a gateway is asked to leave out. It knows less than journalctl: what it cannot do is left to whoever reads. */
export interface GatewayConditions {
  readonly identifiers?: readonly string[];
  /** `P` for P and all that is more urgent, or `A..B`; numbers 0–7. */
  readonly priority?: string | undefined;
  /** Groups of `FIELD=VALUE`; the gateway has no OR between several, so that only a single one is asked for. */
  readonly matches?: readonly (readonly string[])[];
  readonly kernel?: boolean;
}

/**
 * The conditions as matches that a gateway joins: values of one field are alternatives, and different fields must all
 * hold. They let through all that the conditions do, and perhaps more.
 */
export function matchesFor({ identifiers = [], priority, matches = [], kernel = false }: GatewayConditions): string[] {
  const all = [
    ...identifiers.map((identifier) => `SYSLOG_IDENTIFIER=${identifier}`),
    ...(priority === undefined ? [] : severitiesOf(priority).map((severity) => `PRIORITY=${severity}`)),
    ...(matches.length === 1 ? matches[0]! : []),
    ...(kernel ? ['_TRANSPORT=kernel'] : []),
  ];
  return [...new Set(all)];
}

/** The query of a request for entries. */
export function queryFor(matches: readonly string[], options: { readonly follow: boolean }): string {
  const pairs = matches.map((match) => {
    const at = match.indexOf('=');
    return `${match.slice(0, at)}=${encodeURIComponent(match.slice(at + 1))}`;
  });
  const all = [...(options.follow ? ['follow'] : []), ...pairs];
  return all.length === 0 ? '' : `?${all.join('&')}`;
}

/**
 * Where to begin, as the value behind `entries=`: sd_journal_seek_cursor(3) takes a cursor that has nothing but a time,
 * too. Undefined for the head.
 */
export function rangeFor(from: From): string | undefined {
  if (from === undefined) return undefined;
  if ('cursor' in from) return from.cursor;
  if ('afterCursor' in from) return `${from.afterCursor}:1`;
  return `t=${microsecondsOf(from.since).toString(16)}`;
}

/**
 * The newest entry. gatewayd of 252 counts one too many backwards: asked for the last, it gives the one before it. So
 * it is asked for two, of which the last is the newest in either case.
 */
export const NEWEST_RANGE = ':-1:2';

/** `@SECONDS.FRACTION` of systemd.time(7) in microseconds. */
function microsecondsOf(since: string): number {
  const [seconds = '', fraction = ''] = since.slice(1).split('.');
  return Number(seconds) * 1_000_000 + Number(fraction.padEnd(6, '0'));
}

function severitiesOf(priority: string): number[] {
  const [first, last] = priority.split('..') as [string, string?];
  const from = last === undefined ? 0 : Number(first);
  const to = Number(last ?? first);
  const [low, high] = from <= to ? [from, to] : [to, from];
  // All of them is no condition to journalctl: then an entry without a priority counts too.
  if (low === 0 && high === 7) return [];
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}
