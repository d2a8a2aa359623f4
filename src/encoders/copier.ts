import type { ByteWriter } from '../core/byte-writer.js';
import type { Frames, Room } from '../core/encoder.js';
import { runOf, type Entry, type EntryRun } from '../core/entry.js';
import type { Framing } from '../core/sink.js';

/** Makes the messages of what nearly every entry is from the bytes of its fields, byte for byte as its encoder makes them of their values. */
export interface Copier {
  /** The frames of the run's first entries, as many as are such entries and have room; undefined where there are none. */
  frames(run: EntryRun, framing: Framing, room: Room): Frames | undefined;
}

const one: Room = { from: 0, messages: 1, bytes: Infinity };

/** Appends the entry's message and returns true; or appends nothing and returns false, where it is another entry. */
export function appendCopy(copier: Copier, entry: Entry, out: ByteWriter): boolean {
  const run = runOf([entry], 0, 1);
  const frames = run && copier.frames(run, 'none', one);
  if (frames === undefined) return false;
  out.bytes(frames.bytes);
  return true;
}
