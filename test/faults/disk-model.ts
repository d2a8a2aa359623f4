import { dirname } from 'node:path';

/** A system call that changes what a disk holds, or is to make it durable. */
export type DiskCall =
  | { readonly call: 'mkdir' | 'unlink' | 'create' | 'fsync'; readonly path: string }
  | { readonly call: 'link' | 'rename'; readonly path: string; readonly to: string }
  | { readonly call: 'write'; readonly path: string; readonly bytes: Buffer };

interface Inode {
  /** As programs see it, and as it was at its last fsync. */
  content: Buffer;
  durable: Buffer;
}

/** Names that one call sets or removes together, in one folder: journalling file systems do that wholly or not at all. */
type Change = ReadonlyMap<string, Inode | undefined>;

/**
 * What POSIX lets a power failure leave of a disk: of a file, what was there at its last fsync, or anything between that
 * and what was written; of the names in a folder, those at its last fsync, and of the changes since then any.
 */
export class DiskModel {
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #pending: Change[] = [];

  do(call: DiskCall): void {
    switch (call.call) {
      case 'mkdir':
      case 'create':
        if (this.#names.has(call.path)) this.#names.get(call.path)!.content = Buffer.alloc(0);
        else this.#change(new Map([[call.path, { content: Buffer.alloc(0), durable: Buffer.alloc(0) }]]));
        break;
      case 'write': {
        const inode = this.#names.get(call.path)!;
        inode.content = Buffer.concat([inode.content, call.bytes]);
        break;
      }
      case 'unlink':
        this.#change(new Map([[call.path, undefined]]));
        break;
      case 'link':
        this.#change(new Map([[call.to, this.#names.get(call.path)]]));
        break;
      case 'rename':
        this.#change(new Map([[call.to, this.#names.get(call.path)], [call.path, undefined]]));
        break;
      case 'fsync':
        this.#flush(call.path);
    }
  }

  /** Every content of the files `paths` that may be found after a power failure now; undefined for a file that is not there. */
  *outcomes(paths: readonly string[]): Generator<readonly (Buffer | undefined)[]> {
    for (let subset = 0; subset < 1 << this.#pending.length; subset++) {
      const names = new Map(this.#durableNames);
      this.#pending.forEach((change, index) => {
        if ((subset & (1 << index)) !== 0) apply(change, names);
      });
      const found = paths.map((path) => (isReachable(path, names, this.#names) ? names.get(path) : undefined));
      yield* combinations(found.map((inode) => (inode === undefined ? [undefined] : contentsOf(inode))));
    }
  }

  #change(change: Change): void {
    apply(change, this.#names);
    this.#pending.push(change);
  }

  #flush(path: string): void {
    const inode = this.#names.get(path);
    if (inode !== undefined) inode.durable = inode.content;
    const isOf = (change: Change): boolean => [...change.keys()].some((name) => dirname(name) === path);
    for (const change of this.#pending.filter(isOf)) apply(change, this.#durableNames);
    this.#pending = this.#pending.filter((change) => !isOf(change));
  }
}

function apply(change: Change, names: Map<string, Inode>): void {
  for (const [name, inode] of change) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}

/** Whether the folders above a file are there, those that were made within the model. */
function isReachable(path: string, names: ReadonlyMap<string, Inode>, known: ReadonlyMap<string, Inode>): boolean {
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) if (known.has(folder) && !names.has(folder)) return false;
  return true;
}

/** Nothing, all, a part, or zeros of the length that was written. */
function contentsOf({ content, durable }: Inode): readonly Buffer[] {
  return content.equals(durable) ? [durable] : [durable, content, content.subarray(0, content.length / 2), Buffer.alloc(content.length)];
}

function* combinations<T>(choices: readonly (readonly T[])[]): Generator<readonly T[]> {
  const [first, ...rest] = choices;
  if (first === undefined) yield [];
  else for (const one of first) for (const others of combinations(rest)) yield [one, ...others];
}
