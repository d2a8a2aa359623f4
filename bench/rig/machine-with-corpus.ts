import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntryGenerator } from '../corpus-entries.js';
import { type Corpus } from '../corpus.js';

/**
 * A mount namespace in which the corpus is the machine's own journal, so that every contestant reads what it reads on a
 * real machine, without an option that says where. Needs root, or a kernel that lets users have namespaces. Ends with this
 * process.
 */
export class MachineWithCorpus {
  readonly #holder: ChildProcess;
  readonly #folder: string;

  private constructor(holder: ChildProcess, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
  }

  static async start({ journal, seed }: Corpus): Promise<MachineWithCorpus> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-'));
    const machineId = new EntryGenerator(seed).machineId;
    await writeFile(join(folder, 'machine-id'), `${machineId}\n`);
    const mounts =
      'set -e; mount --bind "$1" /etc/machine-id; mount -t tmpfs tmpfs /var/log; mkdir -p "/var/log/journal/$2"; mount --bind "$3" "/var/log/journal/$2"; ' +
      'if [ -d /run/log ]; then mount -t tmpfs tmpfs /run/log; fi; cat "$3"/* >/dev/null; echo ready; exec cat';
    // It reads our end of a pipe, and so ends when we do.
    const holder = spawn('unshare', [...(isRoot ? [] : ['--user', '--map-root-user']), '--mount', '--propagation', 'private', 'sh', '-c', mounts, 'sh', join(folder, 'machine-id'), machineId, journal], { stdio: ['pipe', 'pipe', 'pipe'] });
    let words = '';
    holder.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
    const ready = await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]);
    if (!Buffer.isBuffer(ready[0])) throw new Error(`Cannot make a mount namespace (root, or unprivileged user namespaces, are needed): ${words.trim()}`);
    return new MachineWithCorpus(holder, folder);
  }

  /** How a program is started there. It gets the process id that the command gets, and is killed when this process ends. */
  command(program: string, args: readonly string[]): readonly [string, string[]] {
    return ['nsenter', ['-t', String(this.#holder.pid), ...(isRoot ? [] : ['-U', '--preserve-credentials']), '-m', '--', 'setpriv', '--pdeathsig', 'KILL', program, ...args]];
  }

  async stop(): Promise<void> {
    const closed = once(this.#holder, 'close');
    this.#holder.stdin?.end();
    await closed;
    await rm(this.#folder, { recursive: true });
  }
}

const isRoot = process.getuid?.() === 0;
