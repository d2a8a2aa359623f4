import fc from 'fast-check';

/** Bytes and the places at which they are cut into chunks. */
export function cutInto(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<{ whole: Buffer; chunks: Buffer[] }> {
  return fc.tuple(bytes, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })).map(([value, sizes]) => {
    const whole = Buffer.from(value);
    const chunks: Buffer[] = [];
    for (let at = 0, turn = 0; at < whole.length; turn++) {
      const size = sizes[turn % sizes.length] as number;
      chunks.push(whole.subarray(at, at + size));
      at += size;
    }
    return { whole, chunks };
  });
}

export async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** For a line that is too long where none is. */
export async function unexpected(): Promise<void> {
  throw new Error('A line is too long.');
}
