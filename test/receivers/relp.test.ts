import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { receive, type Receiver } from '../../src/receivers/receive.js';
import { createRelpSink } from '../../src/sinks/relp/relp.js';
import { RecordedLogger } from '../support/recorded-logger.js';
import { startRsyslog } from '../support/rsyslog.js';
import { batchOf, never } from '../support/sink-conformance.js';

const OPEN = '1 open 30 relp_version=0\ncommands=syslog\n';
const OPENED = '1 rsp 70 200 OK\nrelp_version=0\nrelp_software=journald-forwarder\ncommands=syslog\n';

describe('a receiver for RELP', { timeout: 60_000 }, () => {
  it('takes what our own sink sends, and acknowledges it', async () => {
    const inbox = await Inbox.open();
    const sink = createRelpSink({ address: { host: '127.0.0.1', port: inbox.port }, logger: new RecordedLogger() });
    const messages = Array.from({ length: 1000 }, (_, number) => `<13>${number}\n${'x'.repeat(number)}`);
    assert.deepEqual(await sink.deliver(batchOf('none', ['', ...messages]), never()), { outcome: 'delivered' });
    assert.deepEqual(inbox.messages, ['', ...messages]);
    await sink.close(never());
    await inbox.receiver.close(never());
    assert.deepEqual(inbox.problems, []);
  });

  it('takes what a real rsyslog sends', async () => {
    const inbox = await Inbox.open();
    const daemon = await startRsyslog({ relpTo: inbox.port });
    try {
      const sent = Array.from({ length: 300 }, (_, number) => `<13>Nov  3 19:00:00 h app: message ${number}`);
      connect(daemon.port('lf'), '127.0.0.1').end(sent.map((line) => `${line}\n`).join(''));
      await inbox.until(() => inbox.messages.length >= sent.length);
      assert.deepEqual(inbox.messages, sent);
      // It ends its session as it ends itself.
      await daemon.halt();
      await inbox.receiver.close(never());
      assert.deepEqual(inbox.problems, []);
    } finally {
      await daemon.stop();
    }
  });

  it('acknowledges a message when its handler has taken it, and not before', async () => {
    let release = (): void => undefined;
    const inbox = await Inbox.open(() => new Promise<void>((resolve) => (release = resolve)));
    const sender = await Sender.connect(inbox.port);
    sender.socket.write(`${OPEN}2 syslog 3 one\n`);
    await inbox.until(() => inbox.messages.length === 1);
    assert.equal(sender.heard, '');
    release();
    await sender.until(`${OPENED}2 rsp 6 200 OK\n`);
    sender.socket.write('3 close 0\n');
    await sender.until(`${OPENED}2 rsp 6 200 OK\n3 rsp 0\n0 serverclose 0\n`);
    await once(sender.socket, 'close');
    assert.deepEqual(inbox.problems, []);
  });

  for (const [bytes, problem] of [
    ['GET / HTTP/1.1\r\n', /a transaction number and a space were expected and "G" came/],
    ['2 open 14 relp_version=0\n', /transaction 1 was expected and 2 came/],
    ['1 syslog 3 one\n', /the command "syslog" is not one for a session that is not open/],
    [`${OPEN}2 open 14 relp_version=0\n`, /the command "open" is not one for a session that is open/],
    [`${OPEN}2 close 0\n3 syslog 3 one\n`, /the command "syslog" came after "close"/],
    [`${OPEN}2 syslog 999999999 `, /data of 999999999 bytes was announced, and 268435456 is the most/],
    [`${OPEN}2 syslog 30 one`, /the stream ended inside a frame/],
  ] as const) {
    it(`hangs up on a sender that sends ${JSON.stringify(bytes.replace(OPEN, '… '))}, and says why`, async () => {
      const inbox = await Inbox.open();
      const { socket } = await Sender.connect(inbox.port);
      socket.end(bytes);
      if (!socket.closed) await once(socket, 'close');
      await inbox.until(() => inbox.problems.length > 0);
      assert.match(inbox.problems[0]!, problem);
      assert.deepEqual(inbox.messages, []);
    });
  }
});

class Inbox {
  readonly messages: string[] = [];
  readonly problems: string[] = [];
  receiver!: Receiver;
  readonly #events = new EventEmitter();

  static async open(pause?: () => Promise<void>): Promise<Inbox> {
    const inbox = new Inbox();
    inbox.receiver = await receive({ transport: 'relp', host: '127.0.0.1', port: 0 }, {
      onMessages: async (messages) => {
        inbox.messages.push(...messages.map(String));
        inbox.#events.emit('change');
        await pause?.();
      },
      onProblem: (problem) => {
        inbox.problems.push(problem);
        inbox.#events.emit('change');
      },
    });
    after(() => inbox.receiver.close(AbortSignal.abort()));
    return inbox;
  }

  get port(): number {
    return Number(new URL(this.receiver.url).port);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.#events, 'change');
  }
}

class Sender {
  readonly socket: Socket;
  heard = '';

  static async connect(port: number): Promise<Sender> {
    const sender = new Sender(connect(port, '127.0.0.1'));
    await once(sender.socket, 'connect');
    return sender;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined).on('data', (bytes: Buffer) => (this.heard += bytes.toString()));
  }

  async until(text: string): Promise<void> {
    while (this.heard !== text) await once(this.socket, 'data');
  }
}
