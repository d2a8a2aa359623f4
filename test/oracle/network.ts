import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { JournalSandbox } from '../support/journal-sandbox.js';

/**
 * A network namespace inside a sandbox, with nothing but a loopback device: down, it drops all packets without a word,
 * as a cut cable does. Ends with the sandbox.
 */
export class Network {
  readonly #sandbox: JournalSandbox;
  readonly #holder: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(sandbox: JournalSandbox, holder: ChildProcess) {
    this.#sandbox = sandbox;
    this.#holder = holder;
    this.#answers = createInterface(holder.stdout!)[Symbol.asyncIterator]();
  }

  static async create(sandbox: JournalSandbox): Promise<Network> {
    const holder = sandbox.spawn('unshare', ['--net', 'perl', '-e', HOLD], { stdio: ['pipe', 'pipe', 'inherit'] });
    const network = new Network(sandbox, holder);
    await network.setUp(true);
    return network;
  }

  /** The process that holds the namespace, and sees the sandbox's mounts. */
  get holderPid(): number {
    return this.#holder.pid!;
  }

  /** Starts a program in it; the pid is the program's own. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    return this.#sandbox.spawn('nsenter', ['-t', String(this.holderPid), '--net', '--', command, ...args], options);
  }

  async setUp(isUp: boolean): Promise<void> {
    this.#holder.stdin!.write(isUp ? 'up\n' : 'down\n');
    const { value } = await this.#answers.next();
    if (value !== 'done') throw new Error(`Cannot take the loopback device ${isUp ? 'up' : 'down'}: ${String(value ?? 'no network namespace')}`);
  }

  /** Of the connections to a port: what their senders' kernels hold unacknowledged, and what their receivers have not read. */
  queues(port: number): { readonly unsent: number; readonly unread: number } {
    const sum = { unsent: 0, unread: 0 };
    const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    for (const line of readFileSync(`/proc/${this.holderPid}/net/tcp`, 'utf8').split('\n').slice(1)) {
      const [, local, remote, state, queues] = line.trim().split(/ +/);
      if (state !== '01' || queues === undefined) continue;
      const [send, receive] = queues.split(':').map((text) => parseInt(text, 16));
      if (remote!.endsWith(hex)) sum.unsent += send!;
      if (local!.endsWith(hex)) sum.unread += receive!;
    }
    return sum;
  }
}

/** The receive buffers are given Linux's own maximum, which some machines raise: confirmBytes is chosen for it. */
const HOLD = `
use Socket;
$| = 1;
if (open my $file, '>', '/proc/sys/net/ipv4/tcp_rmem') { print $file "4096 131072 6291456\\n"; }
socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\\n";
while (<STDIN>) {
  my $request = pack 'a16 s x22', 'lo', /up/ ? 0x41 : 0x40;
  print ioctl($socket, 0x8914, $request) ? "done\\n" : "$!\\n";
}
`;
