import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Codename, debianRelease } from './debian-release.js';
import { JournalSandbox, type SandboxOptions } from './journal-sandbox.js';
import { type FixtureEntry, exportFormat, makeJournal } from './make-journal.js';

/** A release of systemd that tests run against. */
export interface Release {
  /** For titles. */
  readonly name: string;
  /** Gets it where it is not there yet; rejects with one sentence that says what is missing. */
  load(): Promise<Systemd>;
}

/** The journal's programs, as one release of systemd has them. */
export interface Systemd {
  /** 252, for example. */
  readonly version: number;
  /** A program that takes journalctl's arguments. */
  readonly journalctl: string;
  /** A real journal file, written by this release's systemd-journal-remote. */
  makeJournal(file: string, entries: readonly FixtureEntry[]): Promise<void>;
  /** A sandbox with this release's journald, and in which `journalctl` is this release's. */
  startSandbox(options?: SandboxOptions): Promise<JournalSandbox>;
}

/** What this machine has installed: 252 on Debian 12. */
export const ownSystemd: Release = {
  name: "the machine's own systemd",
  load: async () => ({
    version: await versionOf('journalctl'),
    journalctl: 'journalctl',
    makeJournal,
    startSandbox: (options) => JournalSandbox.start(options),
  }),
};

/** The oldest release that we support, from Debian 11. */
export const systemd247 = release(247, 'bullseye');
/** The newest one, from Debian 13. */
export const systemd257 = release(257, 'trixie');

/** systemd as another release of Debian ships it: run in place, by its own loader and with its own C library. */
function release(version: number, codename: Codename): Release {
  let loaded: Promise<Systemd> | undefined;
  return { name: `systemd ${version}`, load: () => (loaded ??= load(version, codename)) };
}

const run = promisify(execFile);

async function load(version: number, codename: Codename): Promise<Systemd> {
  const root = await debianRelease(codename);
  const journalctl = await wrapper(root, 'bin/journalctl');
  // journald of 247 turns the kernel's auditing off, for the whole machine, unless it may not.
  const journald = await wrapper(root, 'lib/systemd/systemd-journald', 'setpriv --bounding-set=-audit_control,-audit_read ');
  const journalRemote = await wrapper(root, 'lib/systemd/systemd-journal-remote');
  const held = await versionOf(journalctl);
  if (held !== version) throw new Error(`${root} holds systemd ${held}, not ${version}: remove this folder.`);
  return {
    version,
    journalctl,
    makeJournal: (file, entries) => write(journalRemote, file, entries),
    async startSandbox(options) {
      const sandbox = await JournalSandbox.start(options);
      try {
        // The machine's own journald has made files already, which an older one may not be able to read.
        await sandbox.halt();
        for (const name of await readdir(sandbox.directory)) await rm(join(sandbox.directory, name), { recursive: true });
        await mountOver(sandbox, journald, '/lib/systemd/systemd-journald');
        await mountOver(sandbox, journalctl, (await run('which', ['journalctl'])).stdout.trim());
        await sandbox.reboot();
      } catch (error) {
        await sandbox.stop();
        throw error;
      }
      return sandbox;
    },
  };
}

async function versionOf(journalctl: string): Promise<number> {
  const { stdout } = await run(journalctl, ['--version']).catch((cause: unknown) => {
    throw new Error(`Cannot run ${journalctl}: install the Debian package systemd.`, { cause });
  });
  return Number(/^systemd (\d+)/.exec(stdout)?.[1]);
}

async function mountOver(sandbox: JournalSandbox, program: string, path: string): Promise<void> {
  const { exitCode, stderr } = await sandbox.run('mount', ['--bind', program, path]);
  if (exitCode !== 0) throw new Error(`Cannot mount ${program} over ${path}: ${stderr.trim()}`);
}

/** Writes a program that runs another one with the loader and the libraries of its own root; `prefix` goes before it. */
async function wrapper(root: string, program: string, prefix = ''): Promise<string> {
  const within = (folders: readonly string[]): string[] => folders.map((folder) => join(root, folder)).filter(existsSync);
  const libraries = within(['lib', 'usr/lib']).flatMap((folder) => [
    ...readdirSync(folder).filter((name) => name.endsWith('-linux-gnu')).flatMap((name) => [join(folder, name), join(folder, name, 'systemd')]),
    join(folder, 'systemd'),
  ]).filter(existsSync);
  const loader = libraries.flatMap((folder) => readdirSync(folder).filter((name) => name.startsWith('ld-linux')).map((name) => join(folder, name)))[0];
  const [binary] = within([program, `usr/${program}`]);
  if (loader === undefined || binary === undefined) throw new Error(`${join(root, program)}, or its loader, is missing. Remove the folder ${root}.`);
  const path = join(`${root}.wrappers`, program.split('/').at(-1)!);
  const text = `#!/bin/sh\nexec ${prefix}'${loader}' --library-path '${libraries.join(':')}' '${binary}' "$@"\n`;
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return path;
  await mkdir(dirname(path), { recursive: true });
  // Another test process may be at it, too: whoever renames last has written the same.
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text);
  await chmod(draft, 0o755);
  await rename(draft, path);
  return path;
}

async function write(journalRemote: string, file: string, entries: readonly FixtureEntry[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const child = spawn(journalRemote, ['-o', file, '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(exportFormat(entries));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${journalRemote} ended with ${code} while it made ${file}: ${said.trim()}`);
}
