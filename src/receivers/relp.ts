import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { ByteWriter } from '../core/byte-writer.js';
import { RELP_FRAME_OVERHEAD, RelpFrameError, RelpFrameReader, txnrAfter, writeRelpFrame } from '../core/relp-frame.js';
import type { RelpFrame } from '../core/relp-frame.js';
import type { ReceiveHandlers, Receiver } from './receiver.js';
import { urlOf } from './url.js';

/**
 * A receiver for RELP (librelp, doc/relp.md), strict about transaction numbers as rsyslog is. Acknowledges messages
 * once its handler has taken them; any number of senders at a time.
 */
export async function receiveRelp({ host, port }: { readonly host: string; readonly port: number }, maxMessageBytes: number, handlers: ReceiveHandlers): Promise<Receiver> {
  const sessions = new Map<Socket, Promise<void>>();
  const server = createServer((socket) => {
    const session = serve(socket, maxMessageBytes, handlers).finally(() => sessions.delete(socket));
    sessions.set(socket, session);
  });
  server.listen({ host, port });
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  return {
    url: urlOf('relp', bound.address, bound.port),
    async close(signal) {
      server.close();
      const hangUp = () => {
        for (const socket of sessions.keys()) socket.destroy();
      };
      if (signal.aborted) hangUp();
      signal.addEventListener('abort', hangUp, { once: true });
      await Promise.all(sessions.values());
      signal.removeEventListener('abort', hangUp);
    },
  };
}

async function serve(socket: Socket, maxMessageBytes: number, handlers: ReceiveHandlers): Promise<void> {
  const reader = new RelpFrameReader(maxMessageBytes);
  const session = new Session();
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const { messages, answers } = session.take(reader.push(chunk));
      if (messages.length > 0) await handlers.onMessages(messages);
      if (answers.length > 0) socket.write(answers);
      // To leave the loop would cut off what is not sent yet.
      if (session.isClosed) socket.end();
    }
    if (reader.isInside) throw new RelpFrameError('the stream ended inside a frame');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A connection that we hung up on is no problem of its sender's.
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE') handlers.onProblem(error instanceof RelpFrameError ? error.message : `the connection broke: ${code ?? String(error)}`);
    socket.destroy();
  }
}

/** What one sender has done so far. */
class Session {
  #nextTxnr = 1;
  #isOpen = false;
  isClosed = false;

  /** The messages among some frames, and the answers to all of them. Throws a RelpFrameError at what RELP does not allow. */
  take(frames: readonly RelpFrame[]): { readonly messages: Buffer[]; readonly answers: Uint8Array } {
    const messages: Buffer[] = [];
    const answers = new ByteWriter((frames.length + 1) * (RELP_FRAME_OVERHEAD + OFFERS.length));
    for (const { txnr, command, data } of frames) {
      if (txnr === 0) continue; // A hint asks nothing of us.
      if (txnr !== this.#nextTxnr) throw new RelpFrameError(`transaction ${this.#nextTxnr} was expected and ${txnr} came`);
      if (this.isClosed) throw new RelpFrameError(`the command "${command}" came after "close"`);
      this.#nextTxnr = txnrAfter(txnr);
      if (command === 'open' && !this.#isOpen) {
        this.#isOpen = true;
        writeRelpFrame(answers, txnr, 'rsp', OFFERS);
      } else if (command === 'syslog' && this.#isOpen) {
        messages.push(data);
        writeRelpFrame(answers, txnr, 'rsp', OK);
      } else if (command === 'close' && this.#isOpen) {
        this.isClosed = true;
        writeRelpFrame(answers, txnr, 'rsp', NOTHING);
        writeRelpFrame(answers, 0, 'serverclose', NOTHING);
      } else {
        throw new RelpFrameError(`the command "${command}" is not one for a session that is ${this.#isOpen ? 'open' : 'not open'}`);
      }
    }
    return { messages, answers: answers.view() };
  }
}

const OK = Buffer.from('200 OK');
/** librelp itself speaks version 0 of what its specification calls 1. */
const OFFERS = Buffer.from('200 OK\nrelp_version=0\nrelp_software=journald-forwarder\ncommands=syslog');
const NOTHING = new Uint8Array(0);
