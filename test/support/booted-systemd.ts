import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from './eventually.js';

export interface BootOptions {
  /** The root to boot, which stays as it is: this machine's, of which no services run, or a folder, whose multi-user.target is reached. */
  readonly root?: string;
  /** Files and folders of this machine that the system sees, read-only: what it calls them, and where they are. */
  readonly binds: Readonly<Record<string, string>>;
  /** Files that are there when it boots. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface CommandEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A real systemd as process 1, with a journald of its own: a container whose root is this machine's or a folder, under
 * an overlay in memory, which lasts over reboots. Its loopback is this machine's, but it has no rights over the
 * network. Needs root. Ends with this process, however that ends; nothing of it stays.
 */
export class BootedSystemd {
  readonly #shell: ChildProcess;
  readonly #folder: string;
  readonly #controlGroups: readonly string[];
  #console = '';
  #leader = 0;
  #starts = 0;

  private constructor(folder: string, options: BootOptions) {
    this.#folder = folder;
    this.#controlGroups = controlGroups(basename(folder));
    this.#shell = spawnContainer(folder, this.#controlGroups, options);
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) stream?.on('data', (bytes: Buffer) => (this.#console += bytes.toString()));
  }

  /** Resolves when it has booted, after about half a second. */
  static async boot(options: BootOptions): Promise<BootedSystemd> {
    if (process.getuid?.() !== 0) throw new Error('To boot a systemd takes root: run this test as root.');
    const missing = Object.entries(PROGRAMS).find(([path]) => !existsSync(path));
    if (missing !== undefined) throw new Error(`${missing[0]} is missing: install the Debian package ${missing[1]}.`);
    const folder = await mkdtemp(join(tmpdir(), 'booted-'));
    const system = new BootedSystemd(folder, options);
    try {
      await system.#prepare(options.files ?? {});
      system.#start();
      await system.#booted();
      return system;
    } catch (error) {
      await system.stop();
      throw new Error(`Cannot boot a systemd: ${(error as Error).message}\n${system.#console}`, { cause: error });
    }
  }

  /** Runs a command as root, to its end. */
  run(...[program, ...args]: readonly [string, ...string[]]): Promise<CommandEnd> {
    const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd'];
    const command = ['--target', String(this.#leader), ...namespaces, '--', 'env', '-i', `PATH=${PATH}`, 'LC_ALL=C.UTF-8', program, ...args];
    return new Promise((resolve, reject) => {
      execFile('nsenter', command, { timeout: COMMAND_TIMEOUT_MS, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : error.code;
        if (typeof exitCode === 'number') resolve({ exitCode, stdout, stderr });
        else reject(new Error(`${program} ${args.join(' ')} did not end well: ${stderr}`, { cause: error }));
      });
    });
  }

  /** What a command prints, without the last line's end; rejects where it fails. */
  async output(...command: readonly [string, ...string[]]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(...command);
    if (exitCode !== 0) throw new Error(`${command.join(' ')} exited with ${exitCode}: ${stderr}${stdout}`);
    return stdout.trimEnd();
  }

  /** A property of a unit, as `systemctl show` has it. */
  property(unit: string, name: string): Promise<string> {
    return this.output('systemctl', 'show', '--value', `--property=${name}`, unit);
  }

  /** Where a path of the system's lies, seen from here. */
  path(path: string): string {
    return join(`/proc/${this.#leader}/root`, path);
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await writeFile(this.path(path), text);
  }

  /** Shuts down in order and boots again, with what was on its disk, and with another boot id. */
  async reboot(): Promise<void> {
    // Killed with the rest, it need not end well.
    await this.run('systemctl', 'poweroff').catch(() => undefined);
    await this.#startAgain();
  }

  /** Pulls the plug: every process is gone at once. Then boots again, as `reboot` does. */
  async crash(): Promise<void> {
    process.kill(this.#leader, 'SIGKILL');
    await this.#startAgain();
  }

  /** Pulls the plug, for good. */
  async stop(): Promise<void> {
    if (this.#shell.exitCode === null && this.#shell.signalCode === null) {
      const exit = once(this.#shell, 'exit');
      this.#shell.kill('SIGKILL');
      await exit;
    }
    for (const group of this.#controlGroups) await eventually(async () => removed(group), (isRemoved) => isRemoved, 10_000);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What the container is to find, into a folder that it copies over its root. */
  async #prepare(files: Readonly<Record<string, string>>): Promise<void> {
    const all = { '/etc/machine-id': `${randomUUID().replaceAll('-', '')}\n`, '/etc/systemd/system/booted.target': BOOTED_TARGET, ...files };
    for (const [path, text] of Object.entries(all)) {
      const place = join(this.#folder, 'seed', path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, text);
    }
    await chmod(join(this.#folder, 'seed'), 0o755);
  }

  #start(): void {
    this.#starts++;
    this.#shell.stdin?.write('start\n');
  }

  async #startAgain(): Promise<void> {
    await eventually(() => this.#ends(), (ends) => ends === this.#starts);
    this.#start();
    await this.#booted();
  }

  /** How often the container has ended. */
  #ends(): number {
    return this.#console.split(ENDED).length - 1;
  }

  async #booted(): Promise<void> {
    const deadlineMs = performance.now() + BOOT_TIMEOUT_MS;
    while ((this.#leader = this.#findLeader()) === 0) {
      if (this.#shell.exitCode !== null || this.#ends() === this.#starts) throw new Error('systemd-nspawn has ended');
      if (performance.now() > deadlineMs) throw new Error(`nothing after ${BOOT_TIMEOUT_MS / 1000} s`);
      await pause(20);
    }
    const { stdout } = await this.run('systemctl', 'is-system-running', '--wait');
    if (stdout.trim() !== 'running') throw new Error(`it is ${stdout.trim()}: ${(await this.run('systemctl', '--failed', '--no-legend')).stdout}`);
  }

  /** The container's process 1, once systemd there takes commands; 0 before. */
  #findLeader(): number {
    const depth = namespacePids('self').length + 2;
    const isLeader = (pid: number): boolean => {
      const pids = namespacePids(pid);
      return pids.length === depth && pids.at(-1) === 1 && existsSync(`/proc/${pid}/root/run/systemd/private`);
    };
    return descendants(this.#shell.pid ?? 0).find(isLeader) ?? 0;
  }
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const PROGRAMS = { '/usr/bin/systemd-nspawn': 'systemd-container', '/lib/systemd/systemd': 'systemd', '/usr/bin/nsenter': 'util-linux' };
const BOOT_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 60_000;
const ENDED = 'The container has ended.';

/** What this machine's root boots to: journald and what it needs, none of the services that this machine happens to have. */
const BOOTED_TARGET = `[Unit]
Description=A system to test in
Requires=sysinit.target
After=sysinit.target
AllowIsolate=yes
`;

/**
 * Mounts and processes are in namespaces of their own, so that they end with the shell, which ends with us: nspawn
 * alone, when it is killed, leaves its container running. $1 is the folder, $2 the root, $3 lists control groups to
 * make (two systems in one would take each other's for theirs), the rest are nspawn's arguments. Each line that it
 * reads starts the container.
 */
const CONTAINER = `set -e
read -r start
folder=$1; root=$2; groups=$3; shift 3
for group in $groups; do mkdir "$group"; echo $$ >"$group/cgroup.procs"; done
mkdir "$folder/layers" "$folder/root"
mount -t tmpfs -o size=1G,mode=755 tmpfs "$folder/layers"
mkdir "$folder/layers/upper" "$folder/layers/work"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$folder/layers/upper,workdir=$folder/layers/work" "$folder/root"
rm -rf "$folder/root/var/log/journal" "$folder/root/etc/fstab"
cp -r "$folder/seed/." "$folder/root"
mkdir -p "$folder/root/var/log/journal"
while [ -n "$start" ]; do
  systemd-nspawn --quiet --directory="$folder/root" "$@" </dev/null || true
  echo '${ENDED}'
  read -r start
done
`;

function spawnContainer(folder: string, groups: readonly string[], { root = '/', binds }: BootOptions): ChildProcess {
  const mounts = Object.entries(binds).map(([inside, here]) => `--bind-ro=${here}:${inside}`);
  const options = ['--register=no', '--keep-unit', '--console=pipe', '--link-journal=no', `--machine=${basename(folder).toLowerCase()}`, ...mounts, '--boot', '--', `--unit=${root === '/' ? 'booted' : 'multi-user'}.target`];
  const isolated = ['--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', 'sh', '-c', CONTAINER, 'sh', folder, root, groups.join(' '), ...options];
  return spawn('setpriv', isolated, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1', SYSTEMD_COLORS: '0' } });
}

/** The pids of a process, one for each namespace that it is in, from ours to its own. */
function namespacePids(pid: number | 'self'): number[] {
  try {
    return (/^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '').trim().split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((word) => word !== '').map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

/** A new control group below our own in each hierarchy that systemd uses: version 2, and where there still is one, version 1's `name=systemd`. */
function controlGroups(name: string): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' '));
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n').map((line) => line.split(':'));
  return own.flatMap(([id, controllers, path]) => {
    const isOurs = (type: string | undefined, options: string | undefined): boolean => (id === '0' ? type === 'cgroup2' : type === 'cgroup' && controllers === 'name=systemd' && /\bname=systemd\b/.test(options ?? ''));
    const mount = mounts.find((fields) => isOurs(fields[fields.indexOf('-') + 1], fields.at(-1)));
    if (mount?.[3] === undefined || mount[4] === undefined || path === undefined) return [];
    return [join(mount[4], path.startsWith(mount[3]) ? path.slice(mount[3].length) : path, name)];
  });
}

/** Removes a control group with those below it; false while it still has processes. */
function removed(group: string): boolean {
  if (!existsSync(group)) return true;
  try {
    for (const item of readdirSync(group, { withFileTypes: true })) if (item.isDirectory()) removed(join(group, item.name));
    rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}
