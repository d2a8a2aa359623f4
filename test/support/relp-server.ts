import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A frame as the server understood it, with a parser of its own. */
export interface ReceivedFrame {
  readonly txnr: number;
  readonly command: string;
  readonly data: Buffer;
}

export interface RelpServerOptions {
  /** What a new session's `open` is answered with; undefined for nothing at all. */
  readonly openAnswer?: string | undefined;
  /** What happens to a message: acknowledged, if absent. */
  readonly onSyslog?: (peer: RelpPeer, frame: ReceivedFrame) => void;
  /** What happens to `close`: answered as librelp does it, if absent. */
  readonly onClose?: (peer: RelpPeer, frame: ReceivedFrame) => void;
  /** The number that a session begins with: 1, by the specification. */
  readonly firstTxnr?: number;
  /** Opens the socket, where that is not a plain one of 127.0.0.1. */
  readonly listen?: (onConnection: (socket: Socket) => void) => Promise<Server>;
}

/** As librelp answers `open`. */
export const ACCEPTED = '200 OK\nrelp_version=0\nrelp_software=strict\ncommands=syslog';

/**
 * A RELP server under a test's command, for what rsyslog cannot be made to do. Strict: what the specification does not allow a
 * client is a problem, of which `stop` tells.
 */
export class RelpServer {
  /** The messages that were accepted with 200, in the order of their arrival. */
  readonly stored: string[] = [];
  /** All messages, in the order of their arrival. */
  readonly received: string[] = [];
  readonly peers: RelpPeer[] = [];
  readonly problems: string[] = [];
  options: RelpServerOptions;
  #server: Server | undefined;
  #isStalled = false;
  readonly events = new EventEmitter().setMaxListeners(0);

  static async start(options: RelpServerOptions = {}, port = 0): Promise<RelpServer> {
    const relp = new RelpServer(options);
    const accept = (socket: Socket): void => {
      const peer = new RelpPeer(relp, socket);
      if (relp.#isStalled) socket.pause();
      relp.peers.push(peer);
      relp.events.emit('change');
    };
    if (options.listen !== undefined) {
      relp.#server = await options.listen(accept);
      return relp;
    }
    relp.#server = createServer({ allowHalfOpen: true }, accept).listen(port, '127.0.0.1');
    await once(relp.#server, 'listening');
    return relp;
  }

  private constructor(options: RelpServerOptions) {
    this.options = options;
  }

  get port(): number {
    return (this.#server!.address() as AddressInfo).port;
  }

  /** Resolves as soon as `condition` holds. The test's own time-out is its limit. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.events, 'change');
  }

  /** The session with this number, as soon as there is one. */
  async peer(index: number): Promise<RelpPeer> {
    await this.until(() => this.peers.length > index);
    return this.peers[index]!;
  }

  /** Reads nothing more, on any connection, until `resume`. */
  stall(): void {
    this.#isStalled = true;
    for (const { socket } of this.peers) socket.pause();
  }

  resume(): void {
    this.#isStalled = false;
    for (const { socket } of this.peers) socket.resume();
  }

  /** Ends all, and throws what any client did wrong. */
  async stop(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    const server = this.#server!;
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
    if (this.problems.length > 0) throw new Error(`The client broke the protocol: ${this.problems.join('; ')}`);
  }
}

/** One session at the server. */
export class RelpPeer {
  readonly socket: Socket;
  /** The commands that came, in order. */
  readonly commands: string[] = [];
  readonly #server: RelpServer;
  #expected: number;
  #rest = Buffer.alloc(0);
  #isClosed = false;

  constructor(server: RelpServer, socket: Socket) {
    this.#server = server;
    this.socket = socket;
    this.#expected = server.options.firstTxnr ?? 1;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#push(chunk));
    socket.on('end', () => socket.end());
    socket.on('close', () => server.events.emit('change'));
  }

  /** Answers a transaction; `text` begins with the status. */
  answer(txnr: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.socket.write(length === 0 ? `${txnr} rsp 0\n` : `${txnr} rsp ${length} ${text}\n`);
  }

  accept({ txnr, data }: ReceivedFrame): void {
    this.#server.stored.push(data.toString());
    this.answer(txnr, '200 OK');
  }

  /** Writes whatever it is given, RELP or not. */
  say(bytes: string): void {
    this.socket.write(bytes);
  }

  #push(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = /^([0-9]{1,9}) ([A-Za-z]{1,32}) ([0-9]{1,9})([ \n])/.exec(bytes.toString('latin1', 0, 64));
      if (head === null) {
        if (bytes.length >= 64 || !/^([0-9]{1,9}( ([A-Za-z]{1,32}( ([0-9]{0,9})?)?)?)?)?$/.test(bytes.toString('latin1'))) this.#blame(`no frame: ${JSON.stringify(bytes.toString('latin1', 0, 64))}`);
        break;
      }
      const [all, txnr, command, length, separator] = head as unknown as [string, string, string, string, string];
      const end = all.length + Number(length) + (separator === ' ' ? 1 : 0);
      if ((separator === '\n') !== (Number(length) === 0)) return this.#blame(`a length of ${length} and ${JSON.stringify(separator)} behind it`);
      if (bytes.length < end) break;
      if (bytes[end - 1] !== 0x0a) return this.#blame('no line feed at the end of a frame');
      const data = Buffer.from(bytes.subarray(all.length, separator === ' ' ? end - 1 : end));
      bytes = bytes.subarray(end);
      this.#take({ txnr: Number(txnr), command: command!, data });
    }
    this.#rest = Buffer.from(bytes);
    this.#server.events.emit('change');
  }

  #take(frame: ReceivedFrame): void {
    const { txnr, command, data } = frame;
    if (this.socket.destroyed) return;
    if (txnr !== this.#expected) this.#blame(`transaction ${txnr} where ${this.#expected} was next`);
    this.#expected = (txnr % 999_999_999) + 1;
    if (this.#isClosed) this.#blame(`${command} after close`);
    if ((command === 'open') !== (this.commands.length === 0)) this.#blame(`${command} as command ${this.commands.length + 1}`);
    this.commands.push(command);
    const { openAnswer = ACCEPTED, onSyslog, onClose } = this.#server.options;
    switch (command) {
      case 'open':
        if (!/^relp_version=0\nrelp_software=[^\n]+\ncommands=syslog$/.test(data.toString())) this.#blame(`the offers ${JSON.stringify(data.toString())}`);
        if (!('openAnswer' in this.#server.options) || this.#server.options.openAnswer !== undefined) this.answer(txnr, openAnswer);
        break;
      case 'syslog':
        this.#server.received.push(data.toString());
        if (onSyslog !== undefined) onSyslog(this, frame);
        else this.accept(frame);
        break;
      case 'close':
        this.#isClosed = true;
        if (onClose !== undefined) return onClose(this, frame);
        this.answer(txnr, '');
        this.say('0 serverclose 0\n');
        this.socket.end();
        break;
      default:
        this.#blame(`the command ${command}`);
    }
  }

  #blame(problem: string): void {
    this.#server.problems.push(problem);
    this.socket.destroy();
  }
}
