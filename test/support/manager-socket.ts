import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * The notification socket of a service manager, as sd_notify(3) describes it, and what was sent there. Perl holds it,
 * since Node.js has no datagram sockets of the Unix kind; it drops the descriptors that come along, which is what
 * systemd-notify waits for.
 */
export class ManagerSocket {
  /** For `$NOTIFY_SOCKET`. */
  readonly path: string;
  /** Each message's assignments, but for those that only ask whether it was read (`BARRIER=1`). */
  readonly messages: string[][] = [];
  readonly #folder: string;
  readonly #events = new EventEmitter();
  #perl: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'notify');
  }

  /** `open`: whether it listens from the start. */
  static async create({ open = true } = {}): Promise<ManagerSocket> {
    const socket = new ManagerSocket(await mkdtemp(join(tmpdir(), 'manager-')));
    if (open) await socket.open();
    return socket;
  }

  async open(): Promise<void> {
    const perl = spawn('perl', ['-MSocket', '-e', RECEIVE, this.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#perl = perl;
    createInterface(perl.stdout).on('line', (line) => {
      const message = Buffer.from(line, 'hex').toString().split('\n').filter((assignment) => assignment !== '');
      if (!message.includes('BARRIER=1')) this.messages.push(message);
      this.#events.emit('message');
    });
    await once(this.#events, 'message'); // An empty one says that it listens.
    this.messages.length = 0;
  }

  /** Resolves to the first message, from number `from` on, that has the assignment, once there is one. */
  async message(assignment: string, from = 0): Promise<readonly string[]> {
    for (;;) {
      const found = this.messages.slice(from).find((message) => message.includes(assignment));
      if (found !== undefined) return found;
      await once(this.#events, 'message');
    }
  }

  async close(): Promise<void> {
    this.#perl?.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const RECEIVE = `
$| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($socket, pack_sockaddr_un($ARGV[0])) or die "bind: $!";
print "\\n";
my $message;
print unpack("H*", $message), "\\n" while defined recv($socket, $message, 65536, 0);
`;
