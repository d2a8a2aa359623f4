import assert from 'node:assert/strict';
import { type Entry, FieldSlice } from '../../src/core/entry.js';

/** All that an entry says, in a form that `deepEqual` compares and prints well. */
export function snapshot(entry: Entry): Record<string, unknown> {
  const names = [...entry.names()].sort();
  const slice = new FieldSlice();
  const fields = names.map((name) => {
    const value = entry.get(name);
    assert.ok(slice.find(entry, name));
    assert.equal(printed(slice.bytes.subarray(slice.from, slice.to)), printed(entry.bytes(name)));
    return [name, Array.isArray(value) ? value.map(printed) : printed(value as string | Uint8Array), printed(entry.bytes(name))];
  });
  return { cursor: entry.cursor, timestamp: entry.timestamp, fields };
}

function printed(value: string | Uint8Array | undefined): string {
  if (value === undefined) return 'absent';
  return typeof value === 'string' ? `text ${value}` : `bytes ${Buffer.from(value).toString('hex')}`;
}
