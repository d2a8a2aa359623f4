import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import { tcpRowReader, tcpTablePath } from '../../src/sinks/tcp-table.js';
import type { Endpoints, TcpRow } from '../../src/sinks/tcp-table.js';

// Lines of the kernel's, from a little-endian machine.
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 19234 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0202 0100007F:D2F0 01 00000000:0003D090 00:00000000 00000000     0        0 77002 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:D2F0 0100007F:0202 01 0026259F:00000000 04:000000D7 0000000C     0        7 77001 2 0000000000000000 20 4 30 10 -1
   3: 0100007F:D2F2 0100007F:0202 06 00000000:00000000 03:00000F3C 00000000     0        0 0 3 0000000000000000
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:9C40 00000000000000000000000001000000:0202 01 00000100:00000000 01:00000014 00000003     0        0 5001 2 0000000000000000 20 4 1 10 -1
   1: B80D0120000000000000000002000000:9C42 B80D012034120000000000000DF0ADDE:0202 04 00000001:00000000 01:00000014 00000000     0        0 5002 2 0000000000000000 20 4 1 10 -1
   2: 0000000000000000FFFF00000100007F:9C44 0000000000000000FFFF00000200007F:0202 01 00000002:00000000 01:00000014 00000000     0        0 5003 2 0000000000000000 20 4 1 10 -1
   3: 000080FE00000000FF005450B6AD0DFE:9C46 000080FE000000000000000001000000:0202 05 00000000:00000000 00:00000000 00000000     0        0 5004 2 0000000000000000 20 4 1 10 -1
`;

const row = (text: string, endpoints: Endpoints): Promise<TcpRow | undefined> => tcpRowReader(endpoints, () => Promise.resolve(Buffer.from(text)))();
const ends = (localAddress: string, localPort: number, remoteAddress: string, remotePort = 514): Endpoints => ({ localAddress, localPort, remoteAddress, remotePort });

test('the tables in these tests were printed by a little-endian machine, as this one is', () => assert.equal(endianness(), 'LE'));

test('finds the row of our end, not that of the peer on the same machine', async () => {
  assert.deepEqual(await row(TCP, ends('127.0.0.1', 54_000, '127.0.0.1')), { state: 1, queuedBytes: 0x26259f, timer: 4, retransmits: 12, unansweredProbes: 7 });
  assert.deepEqual(await row(TCP, ends('127.0.0.1', 514, '127.0.0.1', 54_000)), { state: 1, queuedBytes: 0, timer: 0, retransmits: 0, unansweredProbes: 0 });
});

test('reads the row of a connection in TIME_WAIT', async () => {
  assert.equal((await row(TCP, ends('127.0.0.1', 54_002, '127.0.0.1')))?.state, 6);
});

test('answers undefined for a connection that is not listed', async () => {
  assert.equal(await row(TCP, ends('127.0.0.1', 54_004, '127.0.0.1')), undefined);
  assert.equal(await row('', ends('127.0.0.1', 54_000, '127.0.0.1')), undefined);
});

test('finds IPv6 rows, whatever way the address is written', async () => {
  assert.deepEqual(await row(TCP6, ends('::1', 40_000, '::1')), { state: 1, queuedBytes: 256, timer: 1, retransmits: 3, unansweredProbes: 0 });
  assert.equal((await row(TCP6, ends('2001:db8::2', 40_002, '2001:db8:0:1234::dead:f00d')))?.state, 4);
  assert.equal((await row(TCP6, ends('2001:db8:0:0:0:0:0:2', 40_002, '2001:DB8::1234:0:0:DEAD:F00D')))?.state, 4);
});

test('finds an IPv4-mapped address in the IPv6 table', async () => {
  const mapped = ends('::ffff:127.0.0.1', 40_004, '::ffff:127.0.0.2');
  assert.equal(tcpTablePath(mapped), '/proc/self/net/tcp6');
  assert.equal((await row(TCP6, mapped))?.queuedBytes, 2);
});

test('leaves the zone of a link-local address out', async () => {
  assert.equal((await row(TCP6, ends('fe80::5054:ff:fe0d:adb6%eth0', 40_006, 'fe80::1%eth0')))?.state, 5);
});
