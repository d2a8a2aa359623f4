import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes of buffers are still referred to. */
export function heldBufferBytes(): Promise<number> {
  return held('arrayBuffers');
}

/** How many bytes of JavaScript's heap are still referred to. */
export function heldHeapBytes(): Promise<number> {
  return held('heapUsed');
}

async function held(kind: 'arrayBuffers' | 'heapUsed'): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let least = Infinity;
  // V8 frees the memory of what is dead some time after it found them.
  for (let turn = 0; turn < 10; turn++) {
    collect();
    await new Promise(setImmediate);
    least = Math.min(least, process.memoryUsage()[kind]);
  }
  return least;
}
