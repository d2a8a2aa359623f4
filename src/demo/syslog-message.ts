import { keyOf } from './compare.js';

/** The time and the text of an RFC 5424 message without structured data, joined by `keyOf`; what is none becomes a key that no entry has. */
export function contentOf(message: Buffer): string {
  const header = /^<\d{1,3}>1 (\S+) \S+ \S+ \S+ \S+ - /.exec(message.toString('latin1', 0, MAX_HEADER_LENGTH));
  const micros = header === null ? undefined : microsOf(header[1] as string);
  return header === null || micros === undefined ? `not understood: ${message.toString('latin1')}` : keyOf(micros, message.subarray(header[0].length));
}

/** RFC 3339 with up to six fraction digits: Date knows milliseconds only. */
function microsOf(timestamp: string): bigint | undefined {
  const [, seconds, fraction, zone] = /^(.{19})(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/.exec(timestamp) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n + BigInt((fraction ?? '').padEnd(6, '0'));
}

/** RFC 5424's limits for each of the fields, added up. */
const MAX_HEADER_LENGTH = 1_024;
