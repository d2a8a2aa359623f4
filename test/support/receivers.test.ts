import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Deframer } from './deframer.js';
import { type SyslogDaemon, type SyslogInput, startCountingReceiver, startRsyslog, startSyslogNg } from './receivers.js';

const marked = (number: number) => `<13>1 - - - - - - m ~Q${String(number).padStart(9, '0')}~`;
const counted = (message: string) => `${Buffer.byteLength(message)} ${message}`;

async function sendTo(daemon: SyslogDaemon, input: SyslogInput, message: string): Promise<void> {
  if (input === 'udp') {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.send(message, daemon.port('udp'), '127.0.0.1', resolve));
    socket.close();
    return;
  }
  const socket = connect(daemon.port(input), '127.0.0.1').end(input === 'lf' ? `${message}\n` : counted(message));
  await once(socket, 'close');
}

for (const [name, start] of [['rsyslog', startRsyslog], ['syslog-ng', startSyslogNg]] as const) {
  describe(`a real ${name}`, () => {
    it('tells what it understood of a message, whichever way it came', async () => {
      const daemon = await start();
      try {
        for (const input of ['udp', 'octet-counting', 'lf'] as const) {
          await sendTo(daemon, input, `<27>1 2020-11-03T19:00:00.123456Z h1 app 42 ID7 [o@1 k="v"] way ${input} ü`);
        }
        const messages = await daemon.waitFor(3);
        assert.deepEqual(messages.map((message) => message.text).sort(), ['way lf ü', 'way octet-counting ü', 'way udp ü']);
        for (const { facility, severity, timestamp, host, app, pid, messageId, structuredData } of messages) {
          assert.deepEqual(
            { facility, severity, timestamp, host, app, pid, messageId, structuredData },
            { facility: 3, severity: 3, timestamp: 1604430000123456, host: 'h1', app: 'app', pid: '42', messageId: 'ID7', structuredData: '[o@1 k="v"]' },
          );
        }
      } finally {
        await daemon.stop();
      }
    });

    it('listens on the same ports after it was killed, and keeps what it had written', async () => {
      const daemon = await start();
      try {
        await sendTo(daemon, 'octet-counting', '<13>1 - - - - - - before');
        await daemon.waitFor(1);
        const port = daemon.port('octet-counting');
        await daemon.kill();
        await assert.rejects(sendTo(daemon, 'octet-counting', marked(0)), { code: 'ECONNREFUSED' });
        await daemon.restart();
        assert.equal(daemon.port('octet-counting'), port);
        await sendTo(daemon, 'octet-counting', '<13>1 - - - - - - after');
        assert.deepEqual((await daemon.waitFor(2)).map((message) => message.text), ['before', 'after']);
      } finally {
        await daemon.stop();
      }
    });
  });
}

describe('a deframer', () => {
  const messages = ['a', 'two words', 'x\ny', '', 'z'.repeat(3000), '12 '];

  it('gives the same messages however the stream is split', () => {
    const stream = Buffer.from(messages.filter((message) => message !== '').map(counted).join(''));
    for (const size of [1, 2, 3, 7, 1000, stream.length]) {
      const got: string[] = [];
      const deframer = new Deframer('octet-counting', (message) => got.push(message.toString()));
      for (let at = 0; at < stream.length; at += size) deframer.push(stream.subarray(at, at + size));
      assert.deepEqual(got, messages.filter((message) => message !== ''), `in pieces of ${size}`);
    }
  });

  it('cuts at line feeds', () => {
    const got: string[] = [];
    const deframer = new Deframer('lf', (message) => got.push(message.toString()));
    for (const piece of ['a\nb', 'c', '\n\nd']) deframer.push(Buffer.from(piece));
    assert.deepEqual(got, ['a', 'bc', '']);
  });

  for (const wrong of ['x1 a', ' a', '05 hello', '-1 a', '12345678901 a']) {
    it(`refuses "${wrong}"`, () => {
      assert.throws(() => new Deframer('octet-counting', () => {}).push(Buffer.from(wrong)), /must begin with its length/);
    });
  }
});

describe('a counting receiver', () => {
  it('tells missing, repeated and late markers apart', async () => {
    const receiver = await startCountingReceiver();
    try {
      connect(receiver.port, '127.0.0.1').end([0, 1, 3, 2, 3, 200_000].map((number) => counted(marked(number))).join('') + counted('no marker ~Q'));
      await receiver.waitForFrames(7);
      assert.deepEqual(receiver.tally, { frames: 7, unique: 5, duplicates: 1, outOfOrder: 1, unmarked: 1 });
      assert.deepEqual(receiver.missing(6), [4, 5]);
    } finally {
      await receiver.close();
    }
  });

  it('resets a connection after the bytes that were agreed, and takes the next whole', async () => {
    const receiver = await startCountingReceiver({ framing: 'lf', resetAfterBytes: [10] });
    try {
      const first = connect(receiver.port, '127.0.0.1').on('error', () => {});
      const closed = new Promise((resolve) => first.once('close', resolve));
      first.write('one ~Q000000000~\ntwo ~Q000000001~\n');
      await closed;
      assert.equal(receiver.tally.frames, 0);
      connect(receiver.port, '127.0.0.1').end('one ~Q000000000~\ntwo ~Q000000001~\n');
      await receiver.waitForCount(2);
      assert.equal(receiver.connections, 2);
    } finally {
      await receiver.close();
    }
  });

  it('reads nothing while it stalls, and everything afterwards', async () => {
    const receiver = await startCountingReceiver({ keepFrames: true });
    try {
      receiver.stall();
      const socket = connect(receiver.port, '127.0.0.1');
      await receiver.waitForConnections(1);
      const big = 'b'.repeat(20_000_000);
      const writing = new Promise<void>((resolve) => socket.end(counted(big), resolve));
      await assert.rejects(receiver.waitForFrames(1, 100), /has 0 messages/);
      receiver.resume();
      await Promise.all([writing, receiver.waitForFrames(1)]);
      assert.ok(receiver.frames[0]?.equals(Buffer.from(big)));
    } finally {
      await receiver.close();
    }
  });

  it('comes back on the same port, over TCP, UDP and a Unix socket', async () => {
    const path = join(tmpdir(), `counting-${process.pid}.sock`);
    for (const transport of ['tcp', 'udp', { path }] as const) {
      const receiver = await startCountingReceiver({ transport });
      const { port } = receiver;
      await receiver.close('reset');
      await receiver.restart();
      assert.equal(receiver.port, port);
      if (transport === 'udp') {
        const socket = createSocket('udp4');
        socket.send(marked(7), port, '127.0.0.1', () => socket.close());
      } else {
        (transport === 'tcp' ? connect(port, '127.0.0.1') : connect(path)).end(counted(marked(7)));
      }
      await receiver.waitForCount(1);
      await receiver.close();
    }
  });

  it('says what it has when it waited in vain, and what was wrong with a frame', async () => {
    const receiver = await startCountingReceiver();
    try {
      await assert.rejects(receiver.waitForCount(1, 20), /has 0 messages, 0 markers/);
      connect(receiver.port, '127.0.0.1').on('error', () => {}).end('not counted\n');
      await assert.rejects(receiver.waitForCount(1), (error: Error) => /must begin with its length/.test(String(error.cause)));
    } finally {
      await receiver.close();
    }
  });
});
