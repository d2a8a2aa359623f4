import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readContainerfile, settingsOf, type Stage } from './containerfile.js';

/** Something of the host that a container sees; read-only unless it is said to be writable. */
export interface Mount {
  readonly host: string;
  readonly inside: string;
  readonly writable?: boolean;
}

export interface ContainerOptions {
  readonly mounts: readonly Mount[];
  /** The groups beside the user's own, by number. */
  readonly groups?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
  /** Runs another program in its place, as root with one capability of root's, such as `chown`. (And sys_chroot, without which there is no way in.) */
  readonly asRoot?: { readonly program: string; readonly capability: string };
  /** Starts a process on the host: the machine's own spawn, or that of a sandbox. */
  readonly spawn?: typeof spawnOnHost;
}

/**
 * The image that a Containerfile makes, without a container engine: its instructions are carried out in namespaces of
 * our own, on a base that is an overlay of this machine's root, or of the Debian that $CONTAINER_BASE names (a folder, as
 * debootstrap makes it). Nothing is changed outside a temporary folder. Needs root.
 */
export class ContainerImage {
  /** What the image holds. */
  readonly root: string;
  readonly #settings: ReturnType<typeof settingsOf>;

  private constructor(root: string, stage: Stage) {
    this.root = root;
    this.#settings = settingsOf(stage);
  }

  static async build(containerfile: string, context: string): Promise<ContainerImage> {
    if (process.getuid?.() !== 0) throw new Error('To build an image takes root: run this test as root.');
    const [parts, final, ...more] = readContainerfile(await readFile(containerfile, 'utf8'), { BASE: 'base' });
    if (parts?.base !== 'base' || final?.base !== 'scratch' || more.length > 0) throw new Error('One stage FROM ${BASE} was expected, and one FROM scratch.');
    const root = await mkdtemp(join(tmpdir(), 'image-'));
    const script = ['set -e', BASE, ...parts.instructions.map(partsStep), ...final.instructions.flatMap((step) => finalStep(step, parts.name))].join('\n');
    try {
      await promisify(execFile)('setpriv', ['--pdeathsig', 'KILL', ...ISOLATED, 'sh', '-c', script, 'sh', process.env['CONTAINER_BASE'] ?? '/', root, context], { env: { PATH }, maxBuffer: 1 << 26 });
    } catch (error) {
      await rm(root, { recursive: true });
      throw new Error(`Cannot build ${containerfile}: ${(error as { stderr?: string }).stderr ?? ''}`, { cause: error });
    }
    return new ContainerImage(root, final);
  }

  /** Whom it runs as, unless told otherwise: `UID:GID`. */
  get user(): string {
    return this.#settings.user;
  }

  get env(): Readonly<Record<string, string>> {
    return this.#settings.env;
  }

  /**
   * Starts its program as process 1, as an engine does with a read-only root, all capabilities dropped and
   * no-new-privileges; only the network is the host's. To end it, send a signal to `processOne`.
   */
  run(args: readonly string[], { mounts, groups = [], env = {}, asRoot, spawn: start = spawnOnHost }: ContainerOptions, stdio: SpawnOptions['stdio'] = 'pipe'): ChildProcess {
    const [program, ...first] = asRoot === undefined ? this.#settings.entrypoint : [asRoot.program];
    const steps = mounts.map(({ host, inside, writable = false }) => `attach ${quote(host)} ${quote(inside)} ${writable ? 'rw' : 'ro'}`);
    // Whoever is not root has no capability left when chroot is done, whatever it needed.
    const bounds = asRoot === undefined ? '+sys_chroot,+setuid,+setgid' : `+sys_chroot,+${asRoot.capability}`;
    const user = asRoot === undefined ? [`--userspec=${this.user}`, `--groups=${[this.user.split(':')[1], ...groups].join(',')}`] : [];
    const script = ['set -e', ROOT, ...steps, 'mount -o remount,bind,ro "$root"', 'shift', `exec setpriv --no-new-privs --bounding-set=-all,${bounds} chroot ${user.join(' ')} "$root" "$@"`].join('\n');
    return start('setpriv', ['--pdeathsig', 'KILL', ...ISOLATED, 'sh', '-c', script, 'sh', this.root, program!, ...first, ...args], { stdio, env: { ...this.env, ...env, PATH } });
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** The number that a container's process 1 has outside, for signals: they do not pass from whoever started it. */
export function processOne(container: ChildProcess): number {
  const depth = namespacePids('self').length + 2;
  let pid = container.pid!;
  while (namespacePids(pid).length < depth) {
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    if (child === '') throw new Error('The container has no process 1.');
    pid = Number(child.split(' ')[0]);
  }
  return pid;
}

/** The numbers of a process, one for each namespace that it is in (proc(5)). */
function namespacePids(pid: number | 'self'): string[] {
  return (/^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '').trim().split(/\s+/);
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/**
 * Namespaces within others: a program that changes its user is no longer killed with its parent (PR_SET_PDEATHSIG of
 * prctl(2)), but with the outer namespace, whose first process stays root's.
 */
const ISOLATED = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', 'unshare', '--pid', '--fork'];

function spawnOnHost(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(command, args, options);
}

/** $1 is the base, $2 where the image goes, $3 the context. What the base has already is taken as it is: to bring it up to date takes most of a minute. */
const BASE = `layers=$(mktemp -d)
mount -t tmpfs -o size=2G,mode=755 tmpfs "$layers"
mkdir "$layers/upper" "$layers/work" "$layers/base"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work" "$layers/base"
base=$layers/base image=$2 context=$3
mount -t proc proc "$base/proc"
mount --rbind /dev "$base/dev"
chmod 755 "$image"
cat /etc/resolv.conf >"$base/etc/resolv.conf"
echo 'APT::Get::Upgrade "false";' >"$base/etc/apt/apt.conf.d/zz-as-it-is"
exec >&2`;

/** What an engine puts into every container, and `attach`, which binds something of the host. $1 is the image's root. */
const ROOT = `mount --bind "$1" "$1"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
for device in null zero full random urandom; do : >"$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
boot=/proc/sys/kernel/random/boot_id
mount -t proc proc "$1/proc"
mount --bind "$boot" "$1$boot"
attach() { mount --bind "$1" "$root$2"; [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"; }
root=$1`;

function partsStep({ name, flags, text }: { readonly name: string; readonly flags: ReadonlyMap<string, string>; readonly text: string }): string {
  if (name === 'RUN' && flags.size === 0) return `env -i PATH=${PATH} chroot "$base" /bin/sh -c ${quote(text)} </dev/null`;
  const [from, to, ...more] = text.split(/\s+/);
  if (name !== 'COPY' || flags.size > 0 || !to?.endsWith('/') || more.length > 0) throw new Error(`Unknown form in the first stage: ${name} ${text}`);
  return `mkdir -p "$base${to}" && cp -r "$context"/${from} "$base${to}"`;
}

/** COPY of a folder copies what it holds, and gives it to root or to whom --chown= names. */
function finalStep({ name, flags, text }: { readonly name: string; readonly flags: ReadonlyMap<string, string>; readonly text: string }, parts: string | undefined): string[] {
  if (name !== 'COPY') return [];
  const [from, to, ...more] = text.split(/\s+/);
  if (flags.get('from') !== parts || to === undefined || more.length > 0) throw new Error(`Unknown form in the last stage: ${name} ${text}`);
  return [`mkdir -p "$image${to}" && cp -a "$base${from}/." "$image${to}"`, ...(flags.has('chown') ? [`chown -R ${flags.get('chown')} "$image${to}"`] : [])];
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What of a host the recipe of docs/container.md mounts. */
export function hostMounts(stateFolder: string): Mount[] {
  const ofHost = ['/var/log/journal', '/run/log/journal', '/etc/machine-id'];
  return [...ofHost.map((path) => ({ host: path, inside: path })), { host: stateFolder, inside: '/var/lib/journald-forwarder', writable: true }];
}
