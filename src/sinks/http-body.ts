import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Batch } from '../core/sink.js';

const compressed = promisify(gzip);

/** It leaves a fifth of journal entries as JSON; each level above it costs a larger share of time than it saves bytes. */
const GZIP = { level: 2 };

/** Some of a batch's messages, from `from` up to and not including `to`. */
export interface Part {
  readonly from: number;
  readonly to: number;
  /** The messages, each with its LF. */
  readonly lines: Uint8Array;
}

/** Cuts a batch into parts. Only where it is cut are its messages looked at one by one. */
export class Parts {
  readonly #batch: Batch;
  #offsets: number[] | undefined;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  part(from: number, to: number): Part {
    const { bytes, count } = this.#batch;
    const lines = from === 0 && to === count ? bytes : bytes.subarray(this.#offset(from), this.#offset(to));
    return { from, to, lines };
  }

  /** Where to cut a part that is to have at most so many bytes, or one message. */
  cut(from: number, to: number, mostBytes: number): number {
    if (from === 0 && to === this.#batch.count && this.#batch.bytes.length <= mostBytes) return to;
    const start = this.#offset(from);
    let low = from + 1;
    let high = to;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#offset(middle) - start <= mostBytes) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #offset(index: number): number {
    this.#offsets ??= this.#measure();
    return this.#offsets[index]!;
  }

  #measure(): number[] {
    const offsets = [0];
    for (let i = 0; i < this.#batch.count; i++) offsets.push(offsets[i]! + this.#batch.message(i).length + 1);
    return offsets;
  }
}

/** The body for lines of JSON: the lines themselves, where that is what it is made of. */
export async function bodyOf(lines: Uint8Array, kind: 'ndjson' | 'array', compress: 'gzip' | 'none'): Promise<Uint8Array> {
  const body = kind === 'array' ? arrayOf(lines) : lines;
  return compress === 'gzip' ? compressed(body, GZIP) : body;
}

/** `a LF b LF` as `[a,b]`: JSON holds no LF of its own. */
function arrayOf(lines: Uint8Array): Uint8Array {
  const array = Buffer.allocUnsafe(lines.length + 1);
  array[0] = 0x5b;
  array.set(lines, 1);
  for (let at = array.indexOf(LF, 1); at >= 0; at = array.indexOf(LF, at + 1)) array[at] = COMMA;
  array[lines.length] = 0x5d;
  return array;
}

const LF = 0x0a;
const COMMA = 0x2c;

/**
 * What names a part's entries and no others: the same where the same entries are sent again, after a restart too.
 * `origin` tells apart what has the same cursors without being the same.
 */
export function idempotencyKey(origin: string, batch: Batch, { from, to, lines }: Part): string {
  const identity = [origin, batch.cursor(from), batch.cursor(to - 1), to - from, lines.length];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
}
