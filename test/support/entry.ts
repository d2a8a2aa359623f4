import { isUtf8 } from 'node:buffer';
import type { Cursor, Entry, FieldValue } from '../../src/core/entry.js';
import type { FixtureValue } from './make-journal.js';

export interface EntryOptions {
  readonly cursor?: string;
  /** Microseconds since the epoch. */
  readonly timestamp?: number;
}

/**
 * An entry in memory, as a reader would yield it: repeated values without repetition and in the order of their bytes,
 * bytes that are valid UTF-8 as text, the address fields of `options` among the others.
 */
export function entryOf(fields: Readonly<Record<string, FixtureValue>>, options: EntryOptions = {}): Entry {
  const cursor = options.cursor ?? 's=5e55;i=1;b=b007;m=1;t=1;x=1';
  const timestamp = options.timestamp ?? 1604430000000000;
  const all = new Map<string, readonly Buffer[]>([
    ['__CURSOR', [Buffer.from(cursor)]],
    ['__REALTIME_TIMESTAMP', [Buffer.from(String(timestamp))]],
  ]);
  for (const [name, value] of Object.entries(fields)) all.set(name, distinct(value));
  return {
    cursor: cursor as Cursor,
    timestamp,
    get: (name) => {
      const values = all.get(name);
      if (values === undefined || values.length === 0) return undefined;
      return values.length === 1 ? decode(values[0] as Buffer) : values.map(decode);
    },
    bytes: (name) => all.get(name)?.[0],
    names: () => all.keys(),
  };
}

function distinct(value: FixtureValue): readonly Buffer[] {
  const values = typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
  const sorted = values.map((one) => Buffer.from(one)).sort((a, b) => Buffer.compare(a, b));
  return sorted.filter((one, index) => index === 0 || !one.equals(sorted[index - 1] as Buffer));
}

function decode(bytes: Buffer): Exclude<FieldValue, readonly unknown[]> {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}
