import type { Socket } from 'node:net';
import { ByteWriter } from '../../core/byte-writer.js';
import type { Logger } from '../../core/logger.js';
import { RELP_FRAME_OVERHEAD, RelpFrameError, RelpFrameReader, txnrAfter, writeRelpFrame } from '../../core/relp-frame.js';
import type { RelpFrame } from '../../core/relp-frame.js';
import type { Batch, Delivery } from '../../core/sink.js';
import { CLOSED, retryable, STOPPED } from '../failure.js';
import type { Failure } from '../failure.js';
import { faultOfOpen, isOk, OUR_OFFERS, readAnswer, said } from './answer.js';
import { Silence } from './silence.js';
import { Transmission } from './transmission.js';

export interface RelpSessionOptions {
  /** How long the answer to `open` may take. */
  readonly openTimeoutMs: number;
  /** How long the answer to `close` may take, which decides nothing. */
  readonly closeTimeoutMs: number;
  /** How long nothing may be answered, with something to answer, before the log says so. */
  readonly stallAfterMs: number;
  /** How long nothing may be answered before the receiver is asked over another connection whether it is there. */
  readonly patienceMs: number;
  /** 1, as the specification has it; another number brings the last one near. */
  readonly firstTxnr: number;
  readonly logger: Logger;
  /** What an error of the socket's stands for, or its end where there is none. `isOpen`: whether the receiver has ever answered. */
  readonly failureOf: (error: Error | undefined, isOpen: boolean) => Failure;
  /** Whether the receiver answers over another connection. */
  readonly answersElsewhere: (signal: AbortSignal) => Promise<boolean>;
  /** Called once, when the session is of no more use. */
  readonly onBroken: (failure: Failure) => void;
}

/**
 * One RELP session, from `open` to its end: which message got which answer, and why it broke.
 *
 * It waits for answers without a limit as long as the receiver may be there and busy (see `Silence`). It breaks at a
 * refusal, at what is not RELP, at `serverclose`, FIN or RST, also while idle, and at an abort; then every delivery
 * under way ends as retryable, and says how many messages at its head were acknowledged.
 */
export class RelpSession {
  readonly #socket: Socket;
  readonly #options: RelpSessionOptions;
  readonly #reader = new RelpFrameReader(MAX_ANSWER_BYTES);
  readonly #silence: Silence;
  readonly #ending = new AbortController();
  /** In the order of their sending. */
  readonly #underWay: UnderWay[] = [];
  readonly #idle: (() => void)[] = [];
  #nextTxnr: number;
  /** The transactions of the two commands that are about the session itself. */
  #open: { readonly txnr: number; readonly settle: (fault: Failure | undefined) => void } | undefined;
  #close: { readonly txnr: number; readonly settle: () => void } | undefined;
  #ended: Promise<void> | undefined;
  #failure: Failure | undefined;
  #isOpen = false;
  #finished = false;

  /** Opens a session on a connected socket whose 'error' event has a listener. Resolves to why there is none, where there is none; never rejects. */
  static async open(socket: Socket, options: RelpSessionOptions, signal: AbortSignal): Promise<RelpSession | Failure> {
    const session = new RelpSession(socket, options);
    const stop = (): void => session.#break(STOPPED);
    const timer = setTimeout(() => session.#break({ code: 'ETIMEDOUT', reason: `no answer to "open" within ${options.openTimeoutMs / 1000} s` }), options.openTimeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const fault = await session.#negotiate();
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    return fault ?? session;
  }

  private constructor(socket: Socket, options: RelpSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#nextTxnr = options.firstTxnr;
    this.#silence = new Silence({
      ...options,
      oldest: () => this.#oldest(),
      isOvertaken: () => this.#isOvertaken(),
      answersElsewhere: () => options.answersElsewhere(this.#ending.signal),
      onDead: (failure) => this.#break(failure),
    });
    socket.on('error', (error) => this.#break(options.failureOf(error, this.#isOpen)));
    socket.on('end', () => this.#onPeerEnd());
    socket.on('close', () => this.#onPeerEnd());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
  }

  /** Messages are sent, and their answers are not all there: a receiver may take its time. */
  get isHeldUp(): boolean {
    return this.#underWay.length > 0;
  }

  /** Sends a message a transaction, in the order of the calls. Resolves when all are answered, or the session breaks; an abort breaks it. */
  send(batch: Batch, signal: AbortSignal): Promise<Delivery> {
    if (this.#failure !== undefined) return Promise.resolve(retryable(this.#failure));
    if (this.#ended !== undefined) return Promise.resolve(retryable(CLOSED));
    if (signal.aborted) return Promise.resolve(retryable(STOPPED));
    return new Promise((resolve) => {
      const transmission = new Transmission(this.#nextTxnr, batch.count);
      const stop = (): void => this.#break(STOPPED);
      const settle = (delivery: Delivery): void => {
        signal.removeEventListener('abort', stop);
        resolve(delivery);
      };
      signal.addEventListener('abort', stop, { once: true });
      if (this.#underWay.push({ transmission, settle }) === 1) this.#silence.begin();
      this.#nextTxnr = txnrAfter(this.#nextTxnr, batch.count);
      this.#socket.write(framesOf(batch, transmission.first));
    });
  }

  /** Waits for the answers that are due, closes the session with `close`, and resolves when all is over. An abort gives up. */
  async finish(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#break(STOPPED);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    await (this.#ended ??= this.#end());
    signal.removeEventListener('abort', stop);
  }

  async #negotiate(): Promise<Failure | undefined> {
    if (this.#failure !== undefined) return this.#failure;
    const fault = await new Promise<Failure | undefined>((settle) => {
      this.#open = { txnr: this.#command('open', OUR_OFFERS), settle };
    });
    this.#open = undefined;
    this.#isOpen = fault === undefined;
    if (fault !== undefined) this.#break(fault);
    return this.#failure;
  }

  async #end(): Promise<void> {
    if (this.#failure === undefined && this.#underWay.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    if (this.#failure !== undefined) return;
    const isAnswered = await new Promise<boolean>((settle) => {
      const timer = setTimeout(() => settle(false), this.#options.closeTimeoutMs);
      this.#close = { txnr: this.#command('close', NOTHING), settle: () => (clearTimeout(timer), settle(true)) };
    });
    this.#finished = true;
    this.#ending.abort();
    this.#silence.end();
    if (isAnswered) this.#socket.destroySoon();
    else this.#socket.destroy();
  }

  #command(name: string, data: Uint8Array): number {
    const txnr = this.#nextTxnr;
    this.#nextTxnr = txnrAfter(txnr);
    const out = new ByteWriter(data.length + RELP_FRAME_OVERHEAD);
    writeRelpFrame(out, txnr, name, data);
    this.#socket.write(out.view());
    return txnr;
  }

  #onData(chunk: Buffer): void {
    if (this.#failure !== undefined || this.#finished) return;
    this.#silence.heard();
    try {
      for (const frame of this.#reader.push(chunk)) {
        this.#take(frame);
        if (this.#failure !== undefined) return;
      }
    } catch (error) {
      if (!(error instanceof RelpFrameError)) throw error;
      this.#break({ code: 'RELP_PROTOCOL', reason: `the receiver does not speak RELP: ${error.message}` });
    }
  }

  #take({ txnr, command, data }: RelpFrame): void {
    if (txnr === 0) {
      // A hint that we do not know asks nothing of us.
      if (command === 'serverclose') this.#onPeerEnd();
    } else if (command !== 'rsp') {
      this.#break({ code: 'RELP_PROTOCOL', reason: `the receiver does not speak RELP: it sent the command "${command}"` });
    } else if (txnr === this.#open?.txnr) {
      this.#open.settle(faultOfOpen(data));
    } else if (txnr === this.#close?.txnr) {
      this.#close.settle();
    } else {
      this.#onAnswer(txnr, data);
    }
  }

  #onAnswer(txnr: number, data: Buffer): void {
    const at = this.#underWay.findIndex(({ transmission }) => transmission.awaits(txnr));
    const answered = this.#underWay[at];
    if (answered === undefined) {
      this.#break({ code: 'RELP_PROTOCOL', reason: `the receiver answered transaction ${txnr}, which is not open` });
      return;
    }
    if (!isOk(data)) {
      const { status, text } = readAnswer(data);
      // The one error that RELP knows may mean a full disk as well as a message that is disliked: so nothing is given up.
      this.#break({ code: 'RELP_REFUSED', reason: `the receiver refused a message${Number.isNaN(status) ? '' : ` with ${status}`}${said(text)}` });
      return;
    }
    answered.transmission.acknowledge(txnr);
    if (!answered.transmission.isComplete) return;
    this.#underWay.splice(at, 1);
    answered.settle({ outcome: 'delivered' });
    if (this.#underWay.length === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  #onPeerEnd(): void {
    if (this.#close !== undefined) this.#close.settle();
    else this.#break(this.#options.failureOf(undefined, this.#isOpen));
  }

  #break(failure: Failure): void {
    if (this.#failure !== undefined || this.#finished) return;
    this.#failure = failure;
    this.#ending.abort();
    this.#silence.end();
    this.#socket.destroy();
    this.#open?.settle(failure);
    this.#close?.settle();
    this.#options.onBroken(failure);
    for (const { transmission, settle } of this.#underWay.splice(0)) settle(retryable(failure, transmission.head));
    for (const wake of this.#idle.splice(0)) wake();
  }

  /** The first transaction that waits for an answer. */
  #oldest(): number | undefined {
    const transmission = this.#underWay[0]?.transmission;
    return transmission && txnrAfter(transmission.first, transmission.head);
  }

  #isOvertaken(): boolean {
    return this.#underWay.some(({ transmission }, index) => transmission.hasGap || (index > 0 && transmission.head > 0));
  }
}

interface UnderWay {
  readonly transmission: Transmission;
  readonly settle: (delivery: Delivery) => void;
}

/** What librelp takes at most (relp_version 1: "it is always 128K"). */
const MAX_ANSWER_BYTES = 128 * 1024;
const NOTHING = new Uint8Array(0);

/** A batch's messages as one piece, since the batch's own memory is used again before the kernel may have taken all of it. */
function framesOf(batch: Batch, first: number): Uint8Array {
  const out = new ByteWriter(batch.bytes.length + batch.count * SYSLOG_OVERHEAD);
  for (let index = 0; index < batch.count; index++) writeRelpFrame(out, txnrAfter(first, index), 'syslog', batch.message(index));
  return out.view();
}

/** `123456789 syslog 123456789 ` and the line feed. */
const SYSLOG_OVERHEAD = 28;
