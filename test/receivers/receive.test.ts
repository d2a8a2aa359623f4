import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { spawn } from 'node:child_process';
import { SettingError } from '../../src/core/errors.js';
import { receive } from '../../src/receivers/receive.js';
import type { ReceiveOptions, Receiver, ReceiverAddress } from '../../src/receivers/receive.js';

describe('receive', () => {
  let inbox: Inbox;
  beforeEach(() => (inbox = new Inbox()));
  afterEach(() => inbox.close());

  it('gives the messages of a TCP sender in order, in either framing', async () => {
    const socket = await inbox.tcp();
    socket.end('4 one\n<13>two\n<13>three');
    assert.deepEqual(await inbox.take(3), ['one\n', '<13>two', '<13>three']);
  });

  it('keeps several senders apart', async () => {
    const first = await inbox.tcp();
    const second = connect(inbox.port, '127.0.0.1');
    first.write('<1>fir');
    second.end('<2>second\n');
    assert.deepEqual(await inbox.take(1), ['<2>second']);
    first.end('st\n');
    assert.deepEqual(await inbox.take(1), ['<1>first']);
  });

  it('hangs up on a sender that it does not understand, and says why', async () => {
    const socket = await inbox.tcp({ framing: 'octet-counting' });
    socket.write('5 <1>ok<13>no length\n');
    await once(socket, 'close');
    assert.deepEqual(inbox.messages, []);
    assert.deepEqual(inbox.problems, ['a message length was expected and byte 60 came']);
  });

  it('tells of a connection that was reset', async () => {
    const socket = await inbox.tcp();
    socket.write('<1>one\n');
    await inbox.take(1);
    socket.resetAndDestroy();
    await inbox.problem();
    assert.deepEqual(inbox.problems, ['the connection broke: ECONNRESET']);
  });

  it('reads a sender no faster than its messages are taken', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const receiver = await inbox.open(loopback('tcp'), {}, () => held);
    const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1');
    const line = Buffer.from(`${'x'.repeat(1023)}\n`);
    const sentLines = 8 * 1024;
    for (let i = 0; i < sentLines; i++) socket.write(line);
    await inbox.take(1);
    const before = inbox.messages.length;
    // A second connection's round trip: by then the first one's next chunk would have been handed over.
    const probe = connect(Number(new URL(receiver.url).port), '127.0.0.1');
    probe.end('<2>probe\n');
    await inbox.until(() => inbox.messages.includes('<2>probe'));
    assert.equal(inbox.messages.length, before + 1);
    release();
    socket.end();
    await inbox.until(() => inbox.messages.length === sentLines + 1);
  });

  it('takes messages over a Unix socket, in place of a receiver that was killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'receive-'));
    try {
      const path = join(folder, 'in.sock');
      const killed = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`]);
      await once(killed, 'exit');
      assert.ok((await stat(path)).isSocket());

      const receiver = await inbox.open({ transport: 'unix', path });
      assert.equal(receiver.url, `unix://${path}`);
      connect({ path }).end('<13>one\n');
      assert.deepEqual(await inbox.take(1), ['<13>one']);
      await assert.rejects(receive({ transport: 'unix', path }, new Inbox()), /^SettingError: Cannot listen on "unix:.*": EADDRINUSE\./);
    } finally {
      await inbox.close();
      await rm(folder, { recursive: true });
    }
  });

  it('leaves a file alone that stands where its socket should', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'receive-'));
    try {
      const path = join(folder, 'precious');
      await writeFile(path, 'content');
      await assert.rejects(receive({ transport: 'unix', path }, inbox), /EADDRINUSE/);
      assert.equal(await readFile(path, 'utf8'), 'content');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('takes each datagram for a message', async () => {
    const receiver = await inbox.open(loopback('udp'));
    const socket = createSocket('udp4');
    const port = Number(new URL(receiver.url).port);
    socket.send('<13>one\nline', port, '127.0.0.1');
    socket.send('12 <13>two', port, '127.0.0.1');
    assert.deepEqual(await inbox.take(2), ['<13>one\nline', '12 <13>two']);
    socket.close();
  });

  it('takes each line of an ndjson body for a message, gzip undone', async () => {
    await inbox.open(loopback('http'));
    assert.equal(await inbox.post('{"a":1}\n{"a":2}\n12 {"a":3}', { 'Content-Type': 'application/x-ndjson' }), 204);
    assert.equal(await inbox.post(gzipSync('{"a":4}\n'), { 'Content-Type': 'application/x-ndjson', 'Content-Encoding': 'gzip' }), 204);
    assert.deepEqual(inbox.messages, ['{"a":1}', '{"a":2}', '12 {"a":3}', '{"a":4}']);
  });

  it('takes any other body for one message', async () => {
    await inbox.open(loopback('http'));
    assert.equal(await inbox.post('[{"a":1},\n{"a":2}]', { 'Content-Type': 'application/json' }), 204);
    assert.deepEqual(inbox.messages, ['[{"a":1},\n{"a":2}]']);
  });

  it('answers 405 to what is no POST, 413 to a body that is too long and 400 to one that is broken', async () => {
    await inbox.open(loopback('http'), { maxMessageBytes: 10 });
    assert.equal(await inbox.post('', {}, 'GET'), 405);
    assert.equal(await inbox.post('12345678901', {}), 413);
    assert.equal(await inbox.post(gzipSync('x'.repeat(100_000)), { 'Content-Encoding': 'gzip' }), 413);
    assert.equal(await inbox.post('no gzip', { 'Content-Encoding': 'gzip' }), 400);
    assert.equal(inbox.messages.length, 0);
    assert.equal(inbox.problems.length, 3);
  });

  it('reads, when closed, what its senders still send, and resolves when they have hung up', async () => {
    const socket = await inbox.tcp();
    socket.write('<1>one\n');
    await inbox.take(1);
    const closed = inbox.receiver.close(new AbortController().signal);
    socket.end('<1>two\n');
    await closed;
    assert.deepEqual(inbox.messages.slice(-1), ['<1>two']);
    await assert.rejects(once(connect(inbox.port, '127.0.0.1'), 'connect'), /ECONNREFUSED/);
  });

  for (const scheme of ['tcp', 'http'] as const) {
    it(`hangs up on its ${scheme} senders when the closing is aborted, which is no problem of theirs`, async () => {
      const receiver = await inbox.open(loopback(scheme));
      const socket = connect(inbox.port, '127.0.0.1');
      socket.write(scheme === 'tcp' ? '<1>one\n<1>tw' : 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n');
      if (scheme === 'tcp') await inbox.take(1);
      // Asked to go on: so the server has seen the request.
      else await once(socket, 'data');
      const stop = new AbortController();
      const closed = receiver.close(stop.signal);
      const hungUp = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
      stop.abort();
      await closed;
      await hungUp;
      assert.deepEqual(inbox.problems, []);
    });
  }

  it('listens on IPv6', async () => {
    const receiver = await inbox.open({ transport: 'tcp', host: '::1', port: 0 });
    assert.match(receiver.url, /^tcp:\/\/\[::1\]:[1-9]\d*$/);
    connect(inbox.port, '::1').end('<1>six\n');
    assert.deepEqual(await inbox.take(1), ['<1>six']);
  });

  for (const transport of ['tcp', 'udp', 'relp', 'http'] as const) {
    it(`says which ${transport} address it cannot listen on`, async () => {
      await assert.rejects(receive({ transport, host: '192.0.2.1', port: 5514 }, inbox), (error: unknown) => {
        assert.ok(error instanceof SettingError);
        assert.equal(error.message, `Cannot listen on "${transport}://192.0.2.1:5514": EADDRNOTAVAIL. Choose another address, or end what uses this one.`);
        return true;
      });
    });
  }
});

function loopback(transport: 'tcp' | 'udp' | 'http'): ReceiverAddress {
  return { transport, host: '127.0.0.1', port: 0 };
}

/** Takes what arrives, and lets a test wait for it. */
class Inbox {
  receiver!: Receiver;
  readonly messages: string[] = [];
  readonly problems: string[] = [];
  #taken = 0;
  #changed = () => {};

  readonly onProblem = (problem: string): void => {
    this.problems.push(problem);
    this.#changed();
  };

  readonly onMessages = (messages: readonly Buffer[]): void => {
    for (const message of messages) this.messages.push(String(message));
    this.#changed();
  };

  async open(address: ReceiverAddress, options: ReceiveOptions = {}, pause?: () => Promise<void>): Promise<Receiver> {
    const onMessages = (messages: readonly Buffer[]) => {
      this.onMessages(messages);
      return pause?.();
    };
    this.receiver = await receive(address, { onMessages: onMessages as (messages: readonly Buffer[]) => void | Promise<void>, onProblem: this.onProblem }, options);
    return this.receiver;
  }

  get port(): number {
    return Number(new URL(this.receiver.url).port);
  }

  async tcp(options: ReceiveOptions = {}): Promise<Socket> {
    await this.open(loopback('tcp'), options);
    return connect(this.port, '127.0.0.1');
  }

  async post(body: string | Buffer, headers: Record<string, string>, method = 'POST'): Promise<number | undefined> {
    const sent = request({ host: '127.0.0.1', port: this.port, method, headers, agent: false });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [{ statusCode?: number; resume(): void }];
    response.resume();
    return response.statusCode;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** The next messages, once they are here. */
  async take(count: number): Promise<string[]> {
    const from = this.#taken;
    this.#taken += count;
    await this.until(() => this.messages.length >= this.#taken);
    return this.messages.slice(from, this.#taken);
  }

  problem(): Promise<void> {
    return this.until(() => this.problems.length > 0);
  }

  async close(): Promise<void> {
    await this.receiver?.close(AbortSignal.abort()).catch(() => undefined);
  }
}
