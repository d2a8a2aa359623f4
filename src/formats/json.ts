import type { Cursor, Entry, FieldValue } from '../core/entry.js';
import { repeatedValue, textOrBytes } from './field-value.js';

/**
 * One line of `journalctl -o json` as an entry; undefined where it is not a JSON object (`jsonFault` says why).
 *
 * A value that journalctl gave as an array of byte values is text where it is valid UTF-8, so that an entry is the
 * same whichever format it was read from. `null`, which journalctl prints for large values without `-a`, is a field
 * that the entry has not. From other producers: numbers and booleans are their text, objects their JSON; an array
 * is one binary value if it holds only numbers from 0 to 255, as with journalctl, else a field set more than once.
 */
export function parseJsonEntry(line: string): Entry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isObject(value) ? new JsonEntry(value) : undefined;
}

/** Why `parseJsonEntry` refuses a line, as one clause. */
export function jsonFault(line: string): string {
  try {
    const value: unknown = JSON.parse(line);
    const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    return `JSON, but ${kind} in place of an object`;
  } catch (error) {
    // V8's message quotes the input, which is nobody's to read in a log.
    const position = /\bat position (\d+)/.exec((error as Error).message)?.[1];
    return position === undefined ? 'not JSON' : `not JSON from character ${Number(position) + 1} on`;
  }
}

class JsonEntry implements Entry {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  get cursor(): Cursor {
    const value = this.get('__CURSOR');
    return (typeof value === 'string' ? value : '') as Cursor;
  }

  get timestamp(): number {
    const value = this.get('__REALTIME_TIMESTAMP');
    return typeof value === 'string' && /^[0-9]{1,20}$/.test(value) ? Number(value) : 0;
  }

  get(name: string): FieldValue | undefined {
    const value = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
    if (typeof value === 'string') return value;
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) return jsonText(value);
    if (value.length === 0) return undefined;
    if (isBytes(value)) return textOrBytes(Buffer.from(value));
    return repeatedValue(value.filter((item) => item !== null).map(bytesOf));
  }

  bytes(name: string): Uint8Array | undefined {
    const value = this.get(name);
    if (value === undefined || value instanceof Uint8Array) return value;
    const first = typeof value === 'string' ? value : value[0];
    return typeof first === 'string' ? Buffer.from(first) : first;
  }

  names(): Iterable<string> {
    return Object.keys(this.#fields).filter((name) => this.#isPresent(this.#fields[name]));
  }

  #isPresent(value: unknown): boolean {
    return Array.isArray(value) ? value.some((item) => item !== null) : value !== null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBytes(value: unknown[]): value is number[] {
  for (const item of value) {
    if (typeof item !== 'number' || item < 0 || item > 255 || !Number.isInteger(item)) return false;
  }
  return true;
}

function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function bytesOf(value: unknown): Buffer {
  return Array.isArray(value) && isBytes(value) ? Buffer.from(value) : Buffer.from(jsonText(value));
}
