import { chmod, mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textOf, type Entry } from '../../../../src/core/entry.js';
import type { Position } from '../../../../src/core/position.js';
import type { Gap, ReaderEvents } from '../../../../src/core/reader-events.js';
import { parseCursor } from '../../../../src/formats/cursor.js';
import { JournalSource, type JournalSelection, type JournalSourceOptions, type Poison } from '../../../../src/sources/journalctl/index.js';
import type { JournalSandbox, SandboxOptions } from '../../../support/journal-sandbox.js';
import { ownSystemd, type Systemd } from '../../../support/other-systemd.js';
import { RecordedLogger } from '../../../support/recorded-logger.js';
import { archived } from '../../../support/archived.js';
import { Follower } from '../follower.js';

export type ReaderOptions = Partial<Omit<JournalSourceOptions, 'selection' | 'events'>> & { readonly selection?: JournalSelection };

/** What a source reports. */
export class RecordedEvents implements ReaderEvents {
  readonly restarts: string[] = [];
  readonly gaps: Gap[] = [];

  restarted(why: string): void {
    this.restarts.push(why);
  }

  gap(gap: Gap): void {
    this.gaps.push(gap);
  }
}

/** A journald of its own, sources that read its journal, and what they report. */
export class ReaderFixture {
  readonly sandbox: JournalSandbox;
  readonly logger = new RecordedLogger();
  readonly events = new RecordedEvents();
  readonly poisons: Poison[] = [];
  readonly #followers: Follower[] = [];
  readonly #folders: string[] = [];

  readonly #systemd: Systemd;

  private constructor(systemd: Systemd, sandbox: JournalSandbox) {
    this.#systemd = systemd;
    this.sandbox = sandbox;
  }

  static async start(options?: SandboxOptions, release = ownSystemd): Promise<ReaderFixture> {
    const systemd = await release.load();
    return new ReaderFixture(systemd, await systemd.startSandbox(options));
  }

  async stop(): Promise<void> {
    for (const follower of this.#followers) await follower.stop();
    await this.sandbox.stop();
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }

  /** Where the machine's own files lie. */
  get files(): string {
    return join(this.sandbox.directory, this.sandbox.machineId);
  }

  source({ selection, timing, ...options }: ReaderOptions = {}): JournalSource {
    return new JournalSource({
      start: 'head',
      follow: true,
      logger: this.logger,
      events: this.events,
      onPoison: async (poison) => {
        this.poisons.push(poison);
      },
      program: { path: this.#systemd.journalctl, environment: process.env },
      timing: { longestPauseMs: 50, graceMs: 300, pollMs: 100, ...timing },
      ...options,
      selection: { directory: this.sandbox.directory, machineId: this.sandbox.machineId, ...selection },
    });
  }

  follow(options: ReaderOptions = {}, after?: Position): Follower {
    const follower = new Follower(this.source(options), after, this.logger);
    this.#followers.push(follower);
    return follower;
  }

  /** All that there is to read now. */
  async read(options: ReaderOptions = {}, after?: Position): Promise<Entry[]> {
    const entries: Entry[] = [];
    for await (const chunk of this.source({ follow: false, ...options }).read(after, new AbortController().signal)) {
      entries.push(...chunk.entries.filter((entry) => textOf(entry, '_TRANSPORT') !== 'driver'));
    }
    return entries;
  }

  async messages(options: ReaderOptions = {}, after?: Position): Promise<(string | undefined)[]> {
    return (await this.read(options, after)).map((entry) => textOf(entry, 'MESSAGE'));
  }

  async log(...messages: readonly string[]): Promise<void> {
    await this.sandbox.send(messages.map((MESSAGE) => ({ MESSAGE })));
  }

  /** The position of an entry, read by a source of its own. */
  async positionOf(message: string): Promise<Position> {
    const source = new JournalSource({
      start: 'head',
      follow: false,
      logger: new RecordedLogger(),
      program: { path: this.#systemd.journalctl, environment: process.env },
      selection: { directory: this.sandbox.directory },
    });
    for await (const { entries } of source.read(undefined, new AbortController().signal)) {
      const found = entries.find((entry) => textOf(entry, 'MESSAGE') === message);
      if (found !== undefined) return { cursor: found.cursor, timestamp: found.timestamp };
    }
    throw new Error(`No entry has the message ${message}`);
  }

  /** A program in place of journalctl: the lines of a shell script, in which `exec "$JOURNALCTL" "$@"` is the real one. */
  async program(...lines: readonly string[]): Promise<JournalSourceOptions['program']> {
    const path = join(await this.folder(), 'journalctl');
    await writeFile(path, `#!/bin/sh\nexport JOURNALCTL=${this.#systemd.journalctl}\n${lines.join('\n')}\n`);
    await chmod(path, 0o755);
    return { path, environment: process.env };
  }

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'reader-'));
    this.#folders.push(folder);
    return folder;
  }

  /** Changes the bytes of the archived file that holds this text; returns its path. */
  async damage(needle: string, change: (bytes: Buffer, at: number) => Buffer | void): Promise<string> {
    for (const name of (await readdir(this.files)).filter((name) => name.includes('@'))) {
      const path = join(this.files, name);
      const bytes = await archived(path, this.#systemd);
      const at = bytes.indexOf(needle);
      if (at < 0) continue;
      // A new file in its place: journald and journalctl may have the old one mapped.
      const changed = change(bytes, at) ?? bytes;
      await unlink(path);
      await writeFile(path, changed);
      return path;
    }
    throw new Error(`No archived journal file holds ${needle}`);
  }
}

export function positionOf({ cursor, timestamp }: Entry): Position {
  return { cursor, timestamp };
}

export function seqnumOf({ cursor }: Position): number {
  return parseCursor(cursor)!.seqnum;
}

/** `m0`, `m1`, … from `from` to below `to`. */
export function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `m${from + i}`);
}
