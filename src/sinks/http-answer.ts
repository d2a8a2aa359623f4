import { STATUS_CODES } from 'node:http';
import type { Failure } from './failure.js';

/** What an HTTP server said to a request; nothing of its body, which could repeat a secret of ours. */
export interface Answer {
  readonly status: number;
  /** The headers of that name, as they came. */
  readonly retryAfter: string | undefined;
  readonly location: string | undefined;
}

/**
 * What an answer means. `too-large` and `refused` are about what the body holds: less of it may be taken. All that is
 * about the destination is a failure, or a wrong URL would empty the journal into the dead letters.
 */
export type Verdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'too-large' | 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly needsOperator: boolean; readonly retryAfterMs: number | undefined };

/** Judges by the status alone (RFC 9110 section 15). `path`: that of the request; `nowMs`: since the epoch. */
export function judge(answer: Answer, path: string, nowMs: number): Verdict {
  const { status } = answer;
  const said = `HTTP ${status}${STATUS_CODES[status] === undefined ? '' : ` (${STATUS_CODES[status]})`}`;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 413) return { kind: 'too-large', reason: said };
  if (status === 400 || status === 422) return { kind: 'refused', reason: said };
  const passes = status >= 500 || PASSING.includes(status);
  const advice = status >= 300 && status < 400 ? redirectAdvice(answer.location, path) : (ADVICE[status] ?? (passes ? '' : ': see that the URL is that of the receiver'));
  return {
    kind: 'failed',
    failure: { code: `HTTP_${status}`, reason: said + advice },
    needsOperator: !passes,
    retryAfterMs: retryAfterMs(answer.retryAfter, nowMs),
  };
}

/** What a proxy said that was asked for a tunnel. */
export function proxyFailure(status: number): Failure {
  return { code: `PROXY_${status}`, reason: `the proxy answers HTTP ${status} (${STATUS_CODES[status] ?? 'unknown'})${status === 407 ? ADVICE[407] : ''}` };
}

/** Request Timeout, Too Early, Too Many Requests: waiting helps. */
const PASSING = [408, 425, 429];

const ADVICE: Readonly<Record<number, string>> = {
  401: ': it wants other credentials; mend them',
  403: ': it forbids what these credentials ask for; mend them, or the URL',
  404: ': there is nothing at this path; mend the URL',
  405: ': it takes no POST there; mend the URL',
  407: ': the proxy wants credentials; give USER:PASSWORD@ in its variable',
  410: ': there is nothing at this path any more; mend the URL',
  415: ': it does not take such a body; try another format, or another Content-Type header',
};

/** An hour: what a server asks for by mistake must not stop the forwarding for a year. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** RFC 9110 section 10.2.3: seconds, or a date. */
function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,15}$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}

/** Says where it points, but nothing that could repeat a secret: its path only where that is our own. */
function redirectAdvice(location: string | undefined, path: string): string {
  const mend = 'redirects are not followed; set the URL to where the receiver is';
  if (location === undefined) return `: ${mend}`;
  if (!/^https?:\/\//i.test(location) || !URL.canParse(location)) return `: it points elsewhere on this host, and ${mend}`;
  const { protocol, host, pathname } = new URL(location);
  const shown = pathname.replace(/\/$/, '') === path.replace(/\/$/, '') ? pathname : '/…';
  return `: it points to ${protocol}//${host.slice(0, 256)}${shown}, and ${mend}`;
}
