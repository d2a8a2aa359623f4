import { isUtf8 } from 'node:buffer';
import type { FieldValue } from '../core/entry.js';

const LARGE_BYTES = 64 * 1024;

/** Bytes as an entry gives them: text where they are valid UTF-8, else a copy of the bytes. */
export function textOrBytes(bytes: Buffer): string | Uint8Array {
  // Decoding what is not UTF-8 takes a second for 20 MB, asking first a hundredth of it; for a short value the question costs more.
  if (bytes.length > LARGE_BYTES) return isUtf8(bytes) ? bytes.toString('utf8') : Uint8Array.from(bytes);
  const text = bytes.toString('utf8');
  // Decoding puts U+FFFD where it fails; only then is it worth asking whether the input held that very character.
  return !text.includes('\ufffd') || isUtf8(bytes) ? text : Uint8Array.from(bytes);
}

/** The value of a field that was set more than once: different values only, in ascending order of their bytes. */
export function repeatedValue(values: readonly Buffer[]): FieldValue | undefined {
  const different: Buffer[] = [];
  for (const value of [...values].sort((a, b) => Buffer.compare(a, b))) {
    const last = different.at(-1);
    if (last === undefined || !last.equals(value)) different.push(value);
  }
  const [first] = different;
  return different.length === 1 && first !== undefined ? textOrBytes(first) : first && different.map(textOrBytes);
}
