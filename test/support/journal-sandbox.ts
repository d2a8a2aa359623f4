import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Fields, NativeWriter, nativeWriterCommand } from './native-writer.js';

export interface SandboxOptions {
  /** Keep the journal in `/run/log/journal` until it is flushed, as before `/var` is mounted. */
  readonly volatile?: boolean;
  /** More lines for the `[Journal]` section of journald.conf. */
  readonly conf?: readonly string[];
  /** 32 hexadecimal digits; random by default. */
  readonly machineId?: string;
  /** More variables for journald itself. */
  readonly journaldEnv?: Readonly<Record<string, string>>;
}

export interface RunResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * A private, real systemd-journald in a mount namespace of its own: its `/run`, `/var/log`, machine id and boot id are
 * not the machine's. Needs root, or a kernel that lets users have namespaces. Rate limits are off. Everything in it
 * ends with this process, however that ends.
 */
export class JournalSandbox {
  /** What journald reads as the machine's id. */
  readonly machineId: string;
  /** Where the journal is kept, for `journalctl -D`: has a folder named after the machine id. Seen from outside too. */
  readonly directory: string;
  readonly #root: string;
  readonly #volatile: boolean;
  readonly #journaldEnv: Readonly<Record<string, string>>;
  readonly #children = new Set<ChildProcess>();
  readonly #writers = new Map<number | undefined, NativeWriter>();
  #holder: ChildProcess | undefined;
  #journald: ChildProcess | undefined;

  private constructor(options: SandboxOptions) {
    this.#root = mkdtempSync(join(tmpdir(), 'journal-'));
    this.#volatile = options.volatile ?? false;
    this.#journaldEnv = options.journaldEnv ?? {};
    this.machineId = options.machineId ?? hexId();
    this.directory = join(this.#root, this.#volatile ? 'run/log/journal' : 'log/journal');
    // As a system has them: other users reach the sockets, group systemd-journal reads the files.
    chmodSync(this.#root, 0o755);
    mkdirSync(join(this.#root, 'log/journal'), { recursive: true });
    if (isRoot) chownSync(join(this.#root, 'log/journal'), 0, journalGroup());
    chmodSync(join(this.#root, 'log/journal'), 0o2755);
    mkdirSync(join(this.#root, 'run/systemd/journald.conf.d'), { recursive: true });
    const storage = this.#volatile ? 'volatile' : 'persistent';
    const conf = ['[Journal]', `Storage=${storage}`, 'RateLimitIntervalSec=0', 'ReadKMsg=no', 'Audit=', 'ForwardToWall=no', ...(options.conf ?? [])];
    writeFileSync(join(this.#root, 'run/systemd/journald.conf.d/zz-sandbox.conf'), `${conf.join('\n')}\n`);
    writeFileSync(join(this.#root, 'machine-id'), `${this.machineId}\n`);
    writeFileSync(join(this.#root, 'boot-id'), `${randomUUID()}\n`);
  }

  /** Resolves when journald takes entries, after about 50 ms. */
  static async start(options: SandboxOptions = {}): Promise<JournalSandbox> {
    const missing = ['/etc/machine-id', '/var/log', journaldPath].find((path) => !existsSync(path));
    if (missing !== undefined) throw new Error(`${missing} is missing: install the Debian package systemd.`);
    const sandbox = new JournalSandbox(options);
    open.add(sandbox);
    try {
      await sandbox.#unshare();
      await sandbox.#up();
    } catch (error) {
      await sandbox.stop();
      throw error;
    }
    return sandbox;
  }

  /** The current boot as journald writes it: 32 hexadecimal digits. */
  get bootId(): string {
    return readFileSync(join(this.#root, 'boot-id'), 'utf8').trim().replaceAll('-', '');
  }

  /** journald's process id. */
  get pid(): number {
    const pid = this.#journald?.pid;
    if (pid === undefined) throw new Error('journald does not run: it was halted.');
    return pid;
  }

  /** Starts a program inside. Its pid is the program's own, so signals reach it; it is killed with the sandbox. */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    const enter = ['-t', String(this.#holder?.pid), ...(isRoot ? [] : ['-U', '--preserve-credentials']), '-m', '--'];
    // Entering a namespace changes the working directory, and may clear the signal that setpriv asks for.
    const chain = ['setpriv', '--pdeathsig', 'KILL', 'sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', String(options.cwd ?? process.cwd()), command, ...args];
    const child = spawn('nsenter', [...enter, ...chain], options);
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  /** Runs a program inside to its end, whatever its exit code. */
  async run(command: string, args: readonly string[] = [], options: SpawnOptions & { readonly stdin?: string | Uint8Array } = {}): Promise<RunResult> {
    const child = this.spawn(command, args, { ...options, stdio: 'pipe' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin?.on('error', () => {}).end(options.stdin ?? '');
    const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { exitCode, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
  }

  /**
   * Writes entries over the native protocol, in order; resolves when the kernel has queued them for journald (`sync`
   * waits for journald itself). Waits up to 5 s where journald does not run. `uid` is the user to write as: from 1000
   * on they have journal files of their own. Needs root, or subordinate users (subuid(5)).
   */
  async send(entries: Fields | readonly Fields[], uid?: number): Promise<void> {
    if (uid !== undefined && !isRoot && !hasSubordinateUsers) {
      throw new Error(`Cannot write to the journal as user ${uid}: be root, or install the Debian package uidmap and have a line in /etc/subuid and /etc/subgid.`);
    }
    let writer = this.#writers.get(uid);
    if (writer === undefined) {
      writer = new NativeWriter(this.spawn(...split(nativeWriterCommand(uid)), { stdio: ['pipe', 'pipe', 'inherit'] }));
      this.#writers.set(uid, writer);
    }
    await writer.send(Array.isArray(entries) ? (entries as readonly Fields[]) : [entries as Fields]);
  }

  /** Resolves when everything that was sent before is in the journal's files. */
  async sync(): Promise<void> {
    await this.#call('io.systemd.Journal.Synchronize');
  }

  /** Archives the current files, with everything in them that was sent before, and begins new ones. */
  async rotate(): Promise<void> {
    // journald hears a call before it reads what has queued up at its socket.
    await this.sync();
    await this.#call('io.systemd.Journal.Rotate');
  }

  /** Stops journald in good order and starts it again: what was sent meanwhile is lost, unless the sender waits. */
  async restart(): Promise<void> {
    await this.halt();
    await this.#up();
  }

  /** Kills journald with SIGKILL and starts it again. */
  async crash(): Promise<void> {
    await this.halt('SIGKILL');
    await this.#up();
  }

  /** Stops journald, empties `/run`, takes a new boot id and starts journald. Processes inside stay. */
  async reboot(): Promise<void> {
    await this.halt();
    for (const folder of ['run/log', 'run/systemd/journal']) rmSync(join(this.#root, folder), { recursive: true, force: true });
    writeFileSync(join(this.#root, 'boot-id'), `${randomUUID()}\n`);
    await this.#up();
  }

  /** Stops journald only. `restart`, `crash` and `reboot` bring it back. */
  async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const journald = this.#journald;
    this.#journald = undefined;
    if (journald !== undefined) await end(journald, signal);
  }

  /** Ends everything inside and removes its files. */
  async stop(): Promise<void> {
    await Promise.all([...this.#children].map((child) => end(child, 'SIGKILL')));
    if (this.#holder !== undefined) await end(this.#holder, 'SIGKILL');
    this.#abandon();
  }

  static {
    process.once('exit', () => {
      for (const sandbox of open) sandbox.#abandon();
    });
  }

  #abandon(): void {
    open.delete(this);
    for (const child of this.#children) child.kill('SIGKILL');
    this.#holder?.kill('SIGKILL');
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Starts the process that holds the namespace. It reads our end of a pipe, so it ends when we do. */
  async #unshare(): Promise<void> {
    // systemd-nspawn has put a file of its own over the boot id and removed it: over that nothing can be mounted.
    const mounts =
      'boot=/proc/sys/kernel/random/boot_id; umount $boot 2>/dev/null; ' +
      'mount --bind "$1/run" /run && mount --bind "$1/log" /var/log && mount --bind "$1/machine-id" /etc/machine-id && ' +
      'mount --bind "$1/boot-id" $boot && echo ready && exec cat';
    const user = isRoot ? [] : ['--user', '--map-root-user', ...(hasSubordinateUsers ? ['--map-auto'] : [])];
    const holder = spawn('unshare', [...user, '--mount', '--propagation', 'private', 'sh', '-c', mounts, 'sh', this.#root], { detached: true });
    this.#holder = holder;
    let words = '';
    holder.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
    const ready = await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]);
    if (!Buffer.isBuffer(ready[0])) throw new Error(`Cannot make a mount namespace (root, or unprivileged user namespaces, are needed): ${words.trim()}`);
    for (const stream of [holder.stdin, holder.stdout, holder.stderr]) (stream as unknown as { unref(): void }).unref();
    holder.unref();
  }

  async #up(): Promise<void> {
    mkdirSync(join(this.#root, 'run/systemd/journal'), { recursive: true });
    rmSync(this.#varlinkSocket, { force: true });
    // Without this mark journald keeps even a persistent journal in /run, until someone asks it to flush.
    if (!this.#volatile) writeFileSync(join(this.#root, 'run/systemd/journal/flushed'), '');
    const said = openSync(join(this.#root, 'journald.log'), 'a');
    const journald = this.spawn(journaldPath, [], { cwd: '/', detached: true, env: { ...process.env, ...this.#journaldEnv }, stdio: ['ignore', said, said] });
    closeSync(said);
    journald.unref();
    this.#journald = journald;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.sync();
        return;
      } catch (cause) {
        const gone = journald.exitCode !== null || journald.signalCode !== null;
        if (gone || attempt > 2000) throw new Error(`journald did not start: ${readFileSync(join(this.#root, 'journald.log'), 'utf8')}`, { cause });
        await pause(5);
      }
    }
  }

  get #varlinkSocket(): string {
    return join(this.#root, 'run/systemd/journal/io.systemd.journal');
  }

  /** One varlink call, as `journalctl --sync` and `--rotate` make it: JSON that ends with NUL, both ways. */
  async #call(method: string): Promise<void> {
    const socket = connect(this.#varlinkSocket);
    try {
      socket.write(`${JSON.stringify({ method })}\0`);
      let reply = '';
      for await (const chunk of socket) {
        reply += String(chunk);
        if (reply.endsWith('\0')) break;
      }
      const { error } = JSON.parse(reply.slice(0, -1) || '{"error":"connection closed"}') as { readonly error?: string };
      if (error !== undefined) throw new Error(`${method}: ${error}`);
    } finally {
      socket.destroy();
    }
  }
}

/** Sandboxes that have not been stopped. */
const open = new Set<JournalSandbox>();
const isRoot = process.getuid?.() === 0;
/** Whether a user who is not root can be others in a namespace, for which unshare of util-linux 2.38 and later is needed. */
const hasSubordinateUsers = !isRoot && existsSync('/usr/bin/newuidmap') && spawnSync('unshare', ['--user', '--map-root-user', '--map-auto', 'true']).status === 0;
const journaldPath = '/lib/systemd/systemd-journald';

function hexId(): string {
  return randomUUID().replaceAll('-', '');
}

function journalGroup(): number {
  return Number(/^systemd-journal:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1] ?? 0);
}

function split([command, ...args]: readonly [string, ...string[]]): [string, string[]] {
  return [command, args];
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.ref();
  child.kill(signal);
  await ended;
}
