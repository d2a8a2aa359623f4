// A receiver that can be told to misbehave, as a process of its own so that it can be killed for good.
//   node receiver.mjs '{"address": {"port": 514} | {"path": "/…"} | {"udpPort": 514}, "framing": "octet-counting" | "lf" | "relp" | "http", "ledger": "/…", "tls": {"cert": "/…", "key": "/…"}}'
// Keeps in the ledger, in the moment of reading: `open CONNECTION MS`, `got CONNECTION NUMBER…`, `bad CONNECTION WHY`.
// With "relp" and "http" it acknowledges what stands in the ledger. Commands on stdin and answers on stdout are lines of JSON. Needs no loader, so that it is back soon.
import { createSocket } from 'node:dgram';
import { openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { createServer as createTlsServer } from 'node:tls';

const { address, framing, ledger, tls } = JSON.parse(process.argv[2]);
const file = openSync(ledger, 'a');
const sockets = new Map();
/** The TCP connections below those of TLS; elsewhere the same. */
const wires = new Set();
let connections = 0;
let bytesRead = 0;
let bytesPerSecond = Infinity;
let isDeaf = false;
/** Over HTTP: what requests are answered with, and whether the answers arrive. */
let status = 204;
let losesAnswers = false;

if (address.udpPort === undefined) listenToStreams();
else listenToDatagrams();
createInterface(process.stdin).on('line', (line) => obey(JSON.parse(line)));

function listenToStreams() {
  if (address.path !== undefined) rmSync(address.path, { force: true });
  const server = tls === undefined ? createServer({ allowHalfOpen: true }, take) : createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key), allowHalfOpen: true }, take);
  function take(socket) {
    const id = `${process.pid}-${++connections}`;
    write(`open ${id} ${Date.now()}\n`);
    sockets.set(socket, id);
    if (isDeaf) socket.pause();
    const deframe = framing === 'lf' ? new Lines() : framing === 'relp' ? new Relp() : framing === 'http' ? new Http() : new Counted();
    socket.on('data', (chunk) => {
      bytesRead += chunk.length;
      store(id, () => deframe.push(chunk));
      if (deframe.answers?.length > 0) losesAnswers ? socket.resetAndDestroy() : socket.write(deframe.answers);
      if (bytesPerSecond === Infinity) return;
      socket.pause();
      setTimeout(() => isDeaf || socket.resume(), (chunk.length / bytesPerSecond) * 1000);
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  }
  server.on('connection', (wire) => {
    wires.add(wire);
    wire.on('error', () => wire.destroy());
    wire.on('close', () => wires.delete(wire));
  });
  server.on('error', fail);
  server.listen(address.path === undefined ? { port: address.port, host: '127.0.0.1' } : { path: address.path }, () => say({ listening: true }));
}

function listenToDatagrams() {
  const socket = createSocket('udp4');
  write('open udp 0\n');
  socket.on('message', (message) => store('udp', () => [message]));
  socket.on('error', fail);
  socket.bind(address.udpPort, '127.0.0.1', () => {
    socket.setRecvBufferSize(1 << 22);
    say({ listening: true });
  });
}

function obey({ id, ...command }) {
  switch (command.do) {
    case 'count':
      return say({ id, bytesRead });
    case 'drain':
      return drained(100, () => say({ id, bytesRead }));
    case 'be-deaf':
      isDeaf = true;
      for (const socket of sockets.keys()) socket.pause();
      break;
    case 'read':
      isDeaf = false;
      bytesPerSecond = command.bytesPerSecond ?? Infinity;
      for (const socket of sockets.keys()) socket.resume();
      break;
    case 'answer':
      ({ status = 204, losesAnswers = false } = command);
      break;
    case 'reset':
      for (const wire of wires) address.path === undefined ? wire.resetAndDestroy() : wire.destroy();
      break;
    case 'finish':
      // Its side is closed, and it goes on reading.
      for (const socket of sockets.keys()) socket.end();
      break;
  }
  say({ id });
}

/** Calls back when a turn of the event loop brought nothing more to read. */
function drained(turns, done) {
  const before = bytesRead;
  setImmediate(() => setImmediate(() => (bytesRead === before || turns === 0 ? done() : drained(turns - 1, done))));
}

function store(id, messagesOf) {
  try {
    const numbers = messagesOf().map(numberOf).filter((number) => number !== undefined);
    if (numbers.length > 0) write(`got ${id} ${numbers.join(' ')}\n`);
  } catch (error) {
    write(`bad ${id} ${error.message}\n`);
  }
}

function numberOf(message) {
  const at = message.indexOf('~Q');
  const text = at < 0 ? '' : message.toString('latin1', at + 2, at + 12);
  return /^\d{9}~$/.test(text) ? Number(text.slice(0, 9)) : undefined;
}

function write(text) {
  writeSync(file, text);
}

function say(answer) {
  writeSync(1, JSON.stringify(answer) + '\n');
}

function fail(error) {
  say({ error: error.message });
  process.exit(1);
}

/** Takes messages from a stream that is framed by RFC 6587 section 3.4.1. */
class Counted {
  #rest = Buffer.alloc(0);

  push(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages = [];
    for (;;) {
      const space = bytes.subarray(0, 12).indexOf(0x20);
      const head = bytes.toString('latin1', 0, space < 0 ? Math.min(bytes.length, 12) : space);
      if (!/^([1-9]\d{0,9})?$/.test(head) || (space < 0 && head.length > 10) || space === 0) throw new Error(`no length at the head of a frame: ${JSON.stringify(head)}`);
      const end = space + 1 + Number(head);
      if (space < 0 || end > bytes.length) break;
      messages.push(bytes.subarray(space + 1, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return messages;
  }
}

/** Takes messages from RELP's frames; `answers` are those to the last ones, for when these are stored. */
class Relp {
  answers = '';
  #rest = Buffer.alloc(0);
  #next = 1;

  push(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages = [];
    this.answers = '';
    for (;;) {
      const head = /^(\d{1,9}) ([A-Za-z]{1,32}) (\d{1,9})([ \n])/.exec(bytes.toString('latin1', 0, 56));
      if (head === null) {
        if (bytes.length >= 56) throw new Error(`no head of a frame: ${JSON.stringify(bytes.toString('latin1', 0, 56))}`);
        break;
      }
      const [start, txnr, command, length, separator] = head;
      const end = start.length + (separator === ' ' ? Number(length) + 1 : 0);
      if (end > bytes.length) break;
      if (Number(txnr) !== this.#next++) throw new Error(`transaction ${txnr} in place of ${this.#next - 1}`);
      if (bytes[end - 1] !== 0x0a) throw new Error('no line feed at the end of a frame');
      if (command === 'syslog') messages.push(bytes.subarray(start.length, end - 1));
      this.answers += command === 'open' ? `${txnr} rsp 37 200 OK\nrelp_version=0\ncommands=syslog\n` : command === 'close' ? `${txnr} rsp 0\n0 serverclose 0\n` : `${txnr} rsp 6 200 OK\n`;
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return messages;
  }
}

/** Takes the lines of POST requests, those that it answers with 204. */
class Http {
  answers = '';
  #rest = Buffer.alloc(0);

  push(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages = [];
    this.answers = '';
    for (;;) {
      const headEnd = bytes.indexOf('\r\n\r\n');
      if (headEnd < 0) break;
      const head = bytes.toString('latin1', 0, headEnd);
      const length = /\r\ncontent-length: (\d+)(\r\n|$)/i.exec(head)?.[1];
      if (!head.startsWith('POST /in HTTP/1.1\r\n') || length === undefined) throw new Error(`no request: ${JSON.stringify(head.slice(0, 100))}`);
      const end = headEnd + 4 + Number(length);
      if (end > bytes.length) break;
      if (status === 204) messages.push(...new Lines().push(bytes.subarray(headEnd + 4, end)));
      this.answers += `HTTP/1.1 ${status} Some Words\r\nContent-Length: 0\r\n\r\n`;
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return messages;
  }
}

/** Takes messages from a stream in which each ends with LF. */
class Lines {
  #rest = Buffer.alloc(0);

  push(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages = [];
    let from = 0;
    for (let end; (end = bytes.indexOf(0x0a, from)) >= 0; from = end + 1) messages.push(bytes.subarray(from, end));
    this.#rest = bytes.subarray(from);
    return messages;
  }
}
