import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A journal entry as its writer gives it; a field with several values is set several times. */
export type Fields = Readonly<Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>>;

/** The program and arguments of the process behind a writer; `uid` is the user to write as. */
export function nativeWriterCommand(uid?: number): [string, ...string[]] {
  const script = fileURLToPath(new URL('native-writer.pl', import.meta.url));
  return ['perl', script, ...(uid === undefined ? [] : [String(uid)])];
}

/** A process that sends entries to journald over its native protocol, in order, about 50,000 a second. */
export class NativeWriter {
  readonly #child: Piped;
  readonly #waiting: { readonly resolve: () => void; readonly reject: (reason: Error) => void }[] = [];
  #lines = '';

  /** `child` was started as `nativeWriterCommand` says, with pipes for stdin and stdout. */
  constructor(child: ChildProcess) {
    if (child.stdin === null || child.stdout === null) throw new TypeError('the writer needs pipes');
    this.#child = child as Piped;
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#answered(text));
    // What the writer said last tells more than a broken pipe.
    this.#child.stdin.on('error', () => {});
    child.once('close', () => {
      for (const entry of this.#waiting.splice(0)) entry.reject(new Error('The native writer ended. See its standard error.'));
    });
    // A forgotten writer does not keep a test's process alive; one that owes an answer does.
    child.unref();
    this.#child.stdin.unref();
    this.#child.stdout.unref();
  }

  /** Resolves once the kernel has queued all these entries for journald; they are sent in this order. */
  async send(entries: readonly Fields[]): Promise<void> {
    if (entries.length === 0) return;
    this.#child.ref();
    this.#child.stdout.ref();
    const sent = entries.map(() => new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject })));
    const all = Promise.all(sent);
    let batch: Uint8Array[] = [];
    let bytes = 0;
    for (const fields of entries) {
      const payload = encode(fields);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(payload.length);
      batch.push(length, payload);
      bytes += payload.length;
      if (bytes < 1 << 20) continue;
      if (!this.#child.stdin.write(Buffer.concat(batch))) await Promise.race([once(this.#child.stdin, 'drain'), all]);
      batch = [];
      bytes = 0;
    }
    if (batch.length > 0) this.#child.stdin.write(Buffer.concat(batch));
    await all;
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  #answered(text: string): void {
    const lines = (this.#lines + text).split('\n');
    this.#lines = lines.pop() ?? '';
    const answered = this.#waiting.splice(0, lines.length);
    lines.forEach((line, index) => (line === '' ? answered[index]?.resolve() : answered[index]?.reject(new Error(line))));
    if (this.#waiting.length > 0) return;
    this.#child.unref();
    this.#child.stdout.unref();
  }
}

/** A child's pipes are sockets to Node.js, which can be left out of what keeps the process alive. */
type Piped = ChildProcess & { readonly stdin: Socket; readonly stdout: Socket };

/** One entry in journald's native protocol: `NAME=text`, or name, 64-bit length and bytes where a line would not do. */
export function encode(fields: Fields): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, values] of Object.entries(fields)) {
    for (const value of Array.isArray(values) ? (values as readonly (string | Uint8Array)[]) : [values as string | Uint8Array]) {
      const bytes = Buffer.from(value);
      if (bytes.includes(0x0a)) {
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(bytes.length));
        parts.push(Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n'));
      } else {
        parts.push(Buffer.from(`${name}=`), bytes, Buffer.from('\n'));
      }
    }
  }
  return Buffer.concat(parts);
}
