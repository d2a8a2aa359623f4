import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Deadline } from '../../core/deadline.js';

/** What one piece holds at most: four times what a buffered journalctl writes at once. Larger ones save nothing more, and take memory. */
const PIECE_BYTES = 768 * 1024;
/** With less room than this behind a piece, new memory is taken for the next one. */
const LEAST_ROOM_BYTES = 32 * 1024;
/** What the first read takes: the first entries go on their way while those behind them are read. */
const FIRST_READ_BYTES = 4 * 1024;
/** What is read so soon after a piece was given waits for more to go with it: much is done for each piece, however little it holds. */
const GATHER_MS = 30;

/** An intake that is connected, and what a child gets as its stdout: to be destroyed once the child is started, or there is no end. */
export interface OpenIntake {
  readonly intake: Intake;
  readonly inlet: Socket;
}

/**
 * What a child prints, piece by piece, in memory that is not written again. A piece is what one read took, or, within 30 ms
 * after the piece before, what a few took. Reads no further ahead than 768 KiB, and what the read takes that comes to it.
 * Ends when nobody is left who could write, or it is destroyed.
 *
 * In place of the pipe that node:child_process makes, whose stream takes as long for a read as for the entries in it.
 */
export class Intake implements AsyncIterableIterator<Buffer, undefined> {
  readonly #outlet: Socket;
  /** What is read goes behind the first `#gathered` bytes. */
  #memory = Buffer.allocUnsafeSlow(FIRST_READ_BYTES);
  #gathered = 0;
  readonly #gathering = new Deadline(() => this.#give());
  /** When a piece was given last, as performance.now() tells it. */
  #gaveMs = -Infinity;
  readonly #read: Buffer[] = [];
  #ahead = 0;
  #isPaused = false;
  #isOver = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(path: string) {
    this.#outlet = connect({ path, onread: { buffer: () => this.#memory.subarray(this.#gathered), callback: (bytes) => this.#take(bytes) } });
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
    this.#gathered = 0;
    this.#failure = undefined;
    this.#outlet.destroy();
    this.#end();
  }

  /** Returns whether to read on. */
  #take(bytes: number): boolean {
    this.#gathered += bytes;
    this.#ahead += bytes;
    if (this.#memory.length - this.#gathered < LEAST_ROOM_BYTES) this.#give();
    else if (this.#gathered === bytes) this.#gather();
    this.#isPaused = this.#ahead >= PIECE_BYTES;
    return !this.#isPaused;
  }

  /** Waits for more, but where a while has passed since the piece before. */
  #gather(): void {
    const waitMs = this.#gaveMs + GATHER_MS - performance.now();
    if (waitMs <= 0) this.#give();
    else this.#gathering.set(waitMs);
  }

  /** Makes a piece of what was gathered. */
  #give(): void {
    this.#gathering.drop();
    if (this.#gathered === 0) return;
    this.#gaveMs = performance.now();
    this.#read.push(this.#memory.subarray(0, this.#gathered));
    // Where little comes at a time, memory for each piece would be held for the little that lies in it.
    const room = this.#memory.subarray(this.#gathered);
    this.#memory = room.length < LEAST_ROOM_BYTES ? Buffer.allocUnsafeSlow(PIECE_BYTES) : room;
    this.#gathered = 0;
    this.#wake?.();
  }

  #end(): void {
    this.#give();
    this.#gathering.stop();
    this.#isOver = true;
    this.#wake?.();
  }
}
