import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one read takes at most: as much as a buffered journalctl writes. */
const READ_BYTES = 192 * 1024;
/** With less room than this behind what was read, new memory is taken for the next read. */
const LEAST_ROOM_BYTES = 32 * 1024;
/** What the first read takes: the first entries go on their way while those behind them are read. */
const FIRST_READ_BYTES = 4 * 1024;
/** When so much is read ahead of the consumer, reading waits. */
const AHEAD_BYTES = 256 * 1024;

/** An intake that is connected, and what a child gets as its stdout: to be destroyed once the child is started, or there is no end. */
export interface OpenIntake {
  readonly intake: Intake;
  readonly inlet: Socket;
}

/**
 * What a child prints, read by read, each into memory that is not written again. Reads no further ahead than 256 KiB, and
 * what the read takes that comes to it. Ends when nobody is left who could write, or it is destroyed.
 *
 * In place of the pipe that node:child_process makes, whose stream takes as long for a read as for the entries in it.
 */
export class Intake implements AsyncIterableIterator<Buffer, undefined> {
  readonly #outlet: Socket;
  #reading = Buffer.allocUnsafeSlow(FIRST_READ_BYTES);
  readonly #read: Buffer[] = [];
  #ahead = 0;
  #isPaused = false;
  #isOver = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(path: string) {
    this.#outlet = connect({ path, onread: { buffer: () => this.#reading, callback: (bytes) => this.#take(bytes) } });
    for (const event of ['end', 'close']) this.#outlet.on(event, () => this.#end());
    this.#outlet.on('error', (error) => (this.#failure = error));
  }

  /** Undefined where it cannot be had, for want of a folder for temporary files, say: a pipe does as well. */
  static async open(): Promise<OpenIntake | undefined> {
    let folder: string | undefined;
    const server = createServer({ pauseOnConnect: true });
    try {
      // Nobody else comes into a folder of mode 0700.
      folder = await mkdtemp(join(tmpdir(), 'journald-forwarder-'));
      const path = join(folder, 'journalctl');
      await once(server.listen(path), 'listening');
      const accepted = once(server, 'connection');
      const intake = new Intake(path);
      const inlet = await Promise.race([accepted.then(([socket]) => socket as Socket), once(intake.#outlet, 'close').then(() => undefined)]);
      return inlet && { intake, inlet };
    } catch {
      return undefined;
    } finally {
      server.close();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    while (this.#read.length === 0 && !this.#isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
    const bytes = this.#read.shift();
    if (bytes === undefined) {
      // Nobody knows of such a thing on a socket like this; but what is not read must not pass for an end.
      if (this.#failure !== undefined) throw this.#failure;
      return { done: true, value: undefined };
    }
    this.#ahead -= bytes.length;
    if (this.#isPaused) this.#outlet.resume();
    this.#isPaused = false;
    return { done: false, value: bytes };
  }

  /** Where a loop over it is left. */
  return(): Promise<IteratorResult<Buffer, undefined>> {
    this.destroy();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Closes it, also to who writes, and forgets what was read. */
  destroy(): void {
    this.#read.length = 0;
    this.#failure = undefined;
    this.#outlet.destroy();
    this.#end();
  }

  /** Returns whether to read on. */
  #take(bytes: number): boolean {
    this.#read.push(this.#reading.subarray(0, bytes));
    // Where little comes at a time, memory for each read would be held for the little that lies in it.
    const room = this.#reading.subarray(bytes);
    this.#reading = room.length < LEAST_ROOM_BYTES ? Buffer.allocUnsafeSlow(READ_BYTES) : room;
    this.#ahead += bytes;
    this.#isPaused = this.#ahead >= AHEAD_BYTES;
    this.#wake?.();
    return !this.#isPaused;
  }

  #end(): void {
    this.#isOver = true;
    this.#wake?.();
  }
}
