import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { createInterface } from 'node:readline';

/** The address of the receiving host. */
export const SERVER = '10.231.0.1';
export const PORT = 5514;

export interface Connection {
  /** The client's. */
  readonly port: number;
  /** What the client has sent again, or asked, without an answer. */
  readonly unanswered: number;
}

/**
 * Two hosts with a cable between them: network namespaces, in which nothing of this machine's network is to be seen.
 * Programs run on the client; the sockets of the server are this process's own. Needs root, or a kernel that lets users
 * have namespaces. Ends with this process, however that ends.
 */
export class TwoHosts {
  readonly #shell: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #children = new Set<ChildProcess>();
  #serverPid = '';

  private constructor(shell: ChildProcess) {
    this.#shell = shell;
    this.#answers = createInterface(shell.stdout!)[Symbol.asyncIterator]();
  }

  static async connect(): Promise<TwoHosts> {
    const user = isRoot ? [] : ['--user', '--map-root-user'];
    const hosts = new TwoHosts(spawn('unshare', [...user, '--mount', '--propagation', 'private', '--net', 'sh'], { stdio: ['pipe', 'pipe', 'inherit'] }));
    try {
      for (const [program, debianPackage] of [['ip', 'iproute2'], ['iptables', 'iptables']]) {
        await hosts.run(`command -v ${program}`).catch(() => { throw new Error(`${program} is missing: install the Debian package ${debianPackage}.`); });
      }
      hosts.#serverPid = await hosts.run(`setpriv --pdeathsig KILL unshare --net sleep infinity & ${UNTIL_UNSHARED}; echo $!`);
      await hosts.run(`ip link set lo up && ip link add cable type veth peer name cable netns ${hosts.#serverPid}`);
      await hosts.run('ip addr add 10.231.0.2/24 dev cable && ip link set cable up');
      await hosts.runOnServer(`ip link set lo up && ip addr add ${SERVER}/24 dev cable && ip link set cable up`);
    } catch (error) {
      await hosts.end();
      throw error;
    }
    return hosts;
  }

  /** Runs a shell command on the client, and resolves to the first line that it prints. Rejects where it fails. */
  async run(command: string): Promise<string> {
    this.#shell.stdin!.write(`${command}\necho "= $?"\n`);
    let first: string | undefined;
    for (;;) {
      const { value } = await this.#answers.next();
      if (value === '= 0') return first ?? '';
      if (value === undefined || value.startsWith('= ')) throw new Error(`Cannot ${command}: ${value ?? 'the shell has ended'}`);
      first ??= value;
    }
  }

  async runOnServer(command: string): Promise<string> {
    return this.run(`nsenter -t ${this.#serverPid} --net sh -c '${command}'`);
  }

  /** Drops all packets in both directions without a word, as a firewall or a dead line does; `only` says of what. Resolves to what ends that. */
  async cut(only = ''): Promise<() => Promise<void>> {
    const rules = [`OUTPUT -o cable ${only} -j DROP`, ...(only === '' ? ['INPUT -i cable -j DROP'] : [])];
    for (const rule of rules) await this.run(`iptables -w -A ${rule}`);
    return async () => {
      for (const rule of rules) await this.run(`iptables -w -D ${rule}`);
    };
  }

  /** Starts a program on the client; the pid is the program's own. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    return this.#enter(['-m', '-n', '-t', String(this.#shell.pid)], command, args, options);
  }

  spawnOnServer(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    return this.#enter(['-n', '-t', this.#serverPid], command, args, options);
  }

  /** The client's connection to the receiver, as its kernel sees it; undefined where there is none. */
  async connection(): Promise<Connection | undefined> {
    const server = `${hexOf(PORT)} 01`;
    for (const line of (await readFile(`/proc/${this.#shell.pid}/net/tcp`, 'utf8')).split('\n')) {
      const [, local = '', remote = '', state = '', , , retransmits = '', , probes = ''] = line.trim().split(/ +/);
      if (`${remote.split(':')[1]} ${state}` === server) return { port: parseInt(local.split(':')[1]!, 16), unanswered: parseInt(retransmits, 16) + Number(probes) };
    }
    return undefined;
  }

  /** Asks a program on the client over HTTP. */
  async ask(url: string): Promise<{ readonly code: number; readonly text: string }> {
    const child = this.spawn(process.execPath, ['-e', `fetch('${url}').then(async (answer) => console.log(JSON.stringify({ code: answer.status, text: await answer.text() })))`], { stdio: ['ignore', 'pipe', 'inherit'] });
    let json = '';
    for await (const text of child.stdout!) json += String(text);
    return JSON.parse(json) as { code: number; text: string };
  }

  /** A listening socket on the server that this process accepts from. */
  async listen(): Promise<Server> {
    const listener = `const server = require('node:net').createServer().listen(${PORT}, '${SERVER}', () => process.send('listening', server, () => process.disconnect()))`;
    const child = this.spawnOnServer(process.execPath, ['-e', `${listener}; process.once('disconnect', () => process.exit())`], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [, server] = (await once(child, 'message')) as [string, Server];
    await once(child, 'exit');
    return server;
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return;
    const ended = once(this.#shell, 'exit');
    this.#shell.kill('SIGKILL');
    await ended;
  }

  #enter(namespaces: readonly string[], command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const inUser = isRoot ? [] : ['-U', '--preserve-credentials'];
    const child = spawn('nsenter', [...inUser, ...namespaces, '--wdns=' + process.cwd(), '--', 'setpriv', '--pdeathsig', 'KILL', command, ...args], options);
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }
}

/** The last program in the background has a network namespace of its own. */
const UNTIL_UNSHARED = 'until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done';
const isRoot = process.getuid?.() === 0;

function hexOf(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
