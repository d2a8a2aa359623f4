import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { endianness } from 'node:os';

/** What the kernel says about one TCP connection: a row of `/proc/self/net/tcp` or `tcp6` (proc(5)). */
export interface TcpRow {
  /** A `TcpState`, or another number of the kernel's `tcp_states.h`. */
  readonly state: number;
  /** Bytes that the peer's kernel has not acknowledged, sent or not; a FIN of ours counts as one. */
  readonly queuedBytes: number;
  /** A `TcpTimer`, or another number. */
  readonly timer: number;
  /** Time-outs since the peer last acknowledged anything new. */
  readonly retransmits: number;
  /** Probes of a zero window that the peer has not answered. */
  readonly unansweredProbes: number;
}

export const TcpState = { established: 0x01, finWait1: 0x04, finWait2: 0x05, timeWait: 0x06, close: 0x07 } as const;
export const TcpTimer = { retransmission: 1, zeroWindowProbe: 4 } as const;

/** The two ends of a connection, as `net.Socket` names them. */
export interface Endpoints {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Reads a table of sockets whole; rejects where it cannot be read. */
export type ReadTable = (path: string) => Promise<Uint8Array>;

export const readProcTable: ReadTable = (path) => readFile(path);

/** A function that looks a connection up: resolves to its row, to undefined where it has none; rejects where the table cannot be read. */
export function tcpRowReader(endpoints: Endpoints, readTable: ReadTable): () => Promise<TcpRow | undefined> {
  const path = tcpTablePath(endpoints);
  const key = rowKey(endpoints);
  return async () => parseRow(await readTable(path), key);
}

/** The table that lists the connection: that of its socket's family, so `tcp6` for an IPv4-mapped address. */
export function tcpTablePath({ localAddress }: Pick<Endpoints, 'localAddress'>): string {
  return isIPv4(localAddress) ? '/proc/self/net/tcp' : '/proc/self/net/tcp6';
}

function rowKey(ends: Endpoints): string {
  return ` ${hexEndpoint(ends.localAddress, ends.localPort)} ${hexEndpoint(ends.remoteAddress, ends.remotePort)} `;
}

/** `sl local remote st tx_queue:rx_queue tr:when retrnsmt uid probes inode …`, all but uid, probes and inode in hexadecimal. */
function parseRow(table: Uint8Array, key: string): TcpRow | undefined {
  const bytes = Buffer.from(table.buffer, table.byteOffset, table.byteLength);
  const at = bytes.indexOf(key, 0, 'latin1');
  if (at < 0) return undefined;
  const [state, queues, timer, retransmits, , probes] = bytes.toString('latin1', at + key.length, at + key.length + 100).trimStart().split(/ +/);
  if (state === undefined || queues === undefined || timer === undefined || retransmits === undefined) return undefined;
  return {
    state: parseInt(state, 16),
    queuedBytes: parseInt(queues, 16),
    timer: parseInt(timer, 16),
    retransmits: parseInt(retransmits, 16),
    unansweredProbes: Number(probes ?? 0),
  };
}

/** The address as the kernel prints it: 32-bit words in the machine's byte order. */
function hexEndpoint(address: string, port: number): string {
  const bytes = isIPv4(address) ? ipv4Bytes(address) : ipv6Bytes(address);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) text += hex(endianness() === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at), 8);
  return `${text}:${hex(port, 4)}`;
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

function ipv6Bytes(address: string): Buffer {
  const zone = address.indexOf('%');
  let text = zone < 0 ? address : address.slice(0, zone);
  const lastColon = text.lastIndexOf(':');
  if (isIPv4(text.slice(lastColon + 1))) {
    const v4 = ipv4Bytes(text.slice(lastColon + 1));
    text = `${text.slice(0, lastColon + 1)}${hex(v4.readUInt16BE(0), 4)}:${hex(v4.readUInt16BE(2), 4)}`;
  }
  const [head = '', tail] = text.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const bytes = Buffer.alloc(16);
  before.forEach((group, i) => bytes.writeUInt16BE(parseInt(group, 16), i * 2));
  after.forEach((group, i) => bytes.writeUInt16BE(parseInt(group, 16), 16 - (after.length - i) * 2));
  return bytes;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
