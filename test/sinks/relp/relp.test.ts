import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Delivery, Sink } from '../../../src/core/sink.js';
import { createRelpSink } from '../../../src/sinks/relp/relp.js';
import type { RelpSinkOptions } from '../../../src/sinks/relp/relp.js';
import { eventually } from '../../support/eventually.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { ACCEPTED, type ReceivedFrame, type RelpPeer, RelpServer, type RelpServerOptions } from '../../support/relp-server.js';
import { batchOf, never, testSinkConformance, turns } from '../../support/sink-conformance.js';

testSinkConformance('relp', async () => {
  const server = await RelpServer.start();
  return {
    sink: createRelpSink({ address: { host: '127.0.0.1', port: server.port }, logger: new RecordedLogger() }),
    received: async (count) => {
      await server.until(() => server.received.length >= count);
      return server.received;
    },
    stall: () => server.stall(),
    resume: () => server.resume(),
    stop: () => server.stop(),
  };
}, { backpressure: true });

interface Scene {
  readonly server: RelpServer;
  readonly sink: Sink;
  readonly logger: RecordedLogger;
  deliver(...messages: string[]): Promise<Delivery>;
}

/** A test with a server and a sink for it, both gone afterwards. */
function scene(title: string, { server: behaviour = {}, ...options }: Partial<RelpSinkOptions> & { readonly server?: RelpServerOptions }, body: (scene: Scene) => Promise<void>): void {
  test(title, { timeout: 60_000 }, async () => {
    const server = await RelpServer.start(behaviour);
    const logger = new RecordedLogger();
    const sink = createRelpSink({ address: { host: '127.0.0.1', port: server.port }, logger, ...options });
    try {
      await body({ server, sink, logger, deliver: (...messages) => sink.deliver(batchOf('none', messages), never()) });
    } finally {
      await sink.close(AbortSignal.abort());
      await server.stop();
    }
  });
}

/** Answers nothing to messages, and keeps them. */
function keeper(): { readonly kept: { readonly peer: RelpPeer; readonly frame: ReceivedFrame }[]; readonly behaviour: RelpServerOptions } {
  const kept: { peer: RelpPeer; frame: ReceivedFrame }[] = [];
  return { kept, behaviour: { onSyslog: (peer, frame) => void kept.push({ peer, frame }) } };
}

const DELIVERED = { outcome: 'delivered' };

describe('a RELP sink and the answers to its messages', () => {
  const { kept, behaviour } = keeper();
  scene('delivers a batch when all its messages are acknowledged, in whatever order', { server: behaviour }, async ({ server, deliver }) => {
    const first = deliver('a', 'b', 'c');
    const second = deliver('d', 'e');
    await server.until(() => kept.length === 5);
    for (const index of [4, 1, 3]) kept[index]!.peer.accept(kept[index]!.frame);
    assert.deepEqual(await second, DELIVERED);
    assert.equal(await Promise.race([first, turns(20)]), undefined);
    for (const index of [2, 0]) kept[index]!.peer.accept(kept[index]!.frame);
    assert.deepEqual(await first, DELIVERED);
  });

  scene('takes answers in whatever pieces they come', { server: { onSyslog: (peer, { txnr }) => void [...`${txnr} rsp 6 200 OK\n`].forEach((byte) => peer.say(byte)) } }, async ({ deliver }) => {
    assert.deepEqual(await deliver('a', 'b'), DELIVERED);
    assert.deepEqual(await deliver('c'), DELIVERED);
  });

  scene('sends an empty message, and one with line feeds, as they are', {}, async ({ server, deliver }) => {
    assert.deepEqual(await deliver('', 'one\ntwo\n', '3 syslog 1 x\n'), DELIVERED);
    assert.deepEqual(server.stored, ['', 'one\ntwo\n', '3 syslog 1 x\n']);
  });

  scene('goes on with 1 behind the last transaction number', { firstTxnr: 999_999_996, server: { firstTxnr: 999_999_996 } }, async ({ server, deliver }) => {
    const deliveries = [deliver('a', 'b'), deliver('c', 'd', 'e'), deliver('f')];
    assert.deepEqual(await Promise.all(deliveries), [DELIVERED, DELIVERED, DELIVERED]);
    assert.deepEqual(server.stored, ['a', 'b', 'c', 'd', 'e', 'f']);
    assert.equal(server.peers.length, 1);
  });

  const wrapping = keeper();
  scene('tells messages apart whose numbers lie on both sides of the last one', { firstTxnr: 999_999_998, server: { firstTxnr: 999_999_998, ...wrapping.behaviour } }, async ({ server, deliver }) => {
    const first = deliver('a', 'b', 'c');
    const second = deliver('d');
    await server.until(() => wrapping.kept.length === 4);
    for (const { peer, frame } of [...wrapping.kept].reverse()) peer.accept(frame);
    assert.deepEqual(await Promise.all([first, second]), [DELIVERED, DELIVERED]);
    assert.deepEqual(wrapping.kept.map(({ frame }) => frame.txnr), [999_999_999, 1, 2, 3]);
  });
});

describe('a RELP sink whose session breaks', () => {
  const { kept, behaviour } = keeper();
  scene('says how many messages at the head were acknowledged, of each batch', { server: behaviour }, async ({ server, deliver }) => {
    const deliveries = [deliver('a', 'b', 'c'), deliver('d', 'e'), deliver('f')];
    await server.until(() => kept.length === 6);
    // The acknowledgement of "c" counts for nothing: "b" is to be sent again, and what follows it too.
    for (const index of [0, 2, 3]) kept[index]!.peer.accept(kept[index]!.frame);
    kept[0]!.peer.socket.end();
    const lost = { outcome: 'retryable', code: 'EPIPE', reason: 'the receiver closed the connection' };
    assert.deepEqual(await Promise.all(deliveries), [{ ...lost, deliveredCount: 1 }, { ...lost, deliveredCount: 1 }, lost]);
    server.options = {};
    await turns(2);
    assert.deepEqual(await deliver('b', 'c'), DELIVERED);
    assert.deepEqual(server.received.slice(6), ['b', 'c']);
  });

  scene('sends nothing new in the moment of a break, before what the break has given back', { server: { onSyslog: (peer) => void peer.socket.resetAndDestroy() } }, async ({ sink, server, deliver }) => {
    let second: Promise<Delivery> | undefined;
    const first = await deliver('first').then((delivery) => ((second = deliver('second')), delivery));
    assert.equal(first.outcome, 'retryable');
    assert.equal((await second!).outcome, 'retryable');
    server.options = {};
    await turns(2);
    assert.deepEqual(await Promise.all([deliver('first'), deliver('second')]), [DELIVERED, DELIVERED]);
    assert.deepEqual(server.received, ['first', 'first', 'second']);
    assert.equal(sink.isHeldUp, false);
  });

  const breaks: Readonly<Record<string, { readonly how: (peer: RelpPeer, frame: ReceivedFrame) => void; readonly code: string; readonly reason: RegExp }>> = {
    'at the hint "serverclose"': { how: (peer) => peer.say('0 serverclose 0\n'), code: 'EPIPE', reason: /^the receiver closed the connection$/ },
    'at a reset': { how: (peer) => void peer.socket.resetAndDestroy(), code: 'ECONNRESET', reason: /^the receiver reset the connection$/ },
    'at a refusal': { how: (peer, { txnr }) => peer.answer(txnr, '500 disk \u001b[31mfull'), code: 'RELP_REFUSED', reason: /^the receiver refused a message with 500: disk \[31mfull$/ },
    'at a refusal without a status': { how: (peer, { txnr }) => peer.answer(txnr, 'no'), code: 'RELP_REFUSED', reason: /^the receiver refused a message: no$/ },
    'at an empty answer': { how: (peer, { txnr }) => peer.answer(txnr, ''), code: 'RELP_REFUSED', reason: /^the receiver refused a message$/ },
    'at a status that only begins with 200': { how: (peer, { txnr }) => peer.answer(txnr, '2000 OK'), code: 'RELP_REFUSED', reason: /^the receiver refused a message: 2000 OK$/ },
    'at the answer to a transaction that is not open': { how: (peer, { txnr }) => peer.answer(txnr + 7, '200 OK'), code: 'RELP_PROTOCOL', reason: /^the receiver answered transaction 9, which is not open$/ },
    'at a second answer to a transaction': { how: (peer, { txnr }) => (peer.answer(txnr, '200 OK'), peer.answer(txnr, '200 OK')), code: 'RELP_PROTOCOL', reason: /transaction 2, which is not open/ },
    'at a command': { how: (peer, { txnr }) => peer.say(`${txnr} syslog 0\n`), code: 'RELP_PROTOCOL', reason: /^the receiver does not speak RELP: it sent the command "syslog"$/ },
    'at garbage': { how: (peer) => peer.say('HTTP/1.1 400 Bad Request\r\n'), code: 'RELP_PROTOCOL', reason: /^the receiver does not speak RELP: a transaction number and a space were expected and "H" came$/ },
    'at a huge answer': { how: (peer, { txnr }) => peer.say(`${txnr} rsp 131073 200 OK`), code: 'RELP_PROTOCOL', reason: /data of 131073 bytes was announced, and 131072 is the most/ },
  };
  for (const [title, { how, code, reason }] of Object.entries(breaks)) {
    scene(`gives back what is not acknowledged ${title}, and opens a new one for it`, { server: { onSyslog: how } }, async ({ server, deliver }) => {
      const delivery = await deliver('one', 'two');
      assert.ok(delivery.outcome === 'retryable');
      assert.equal(delivery.code, code);
      assert.match(delivery.reason, reason);
      server.options = {};
      await turns(2);
      assert.deepEqual(await deliver('one', 'two'), DELIVERED);
      assert.deepEqual(server.stored.slice(-2), ['one', 'two']);
    });
  }

  scene('passes over a hint that it does not know', { server: { onSyslog: (peer, frame) => (peer.say('0 weather 4 rain\n'), peer.accept(frame)) } }, async ({ deliver }) => {
    assert.deepEqual(await deliver('one'), DELIVERED);
  });

  scene('notices the end of an idle session, and opens another for what comes next', {}, async ({ server, deliver }) => {
    assert.deepEqual(await deliver('one'), DELIVERED);
    server.peers[0]!.say('0 serverclose 0\n');
    await server.until(() => server.peers[0]!.socket.destroyed);
    assert.deepEqual(await deliver('two'), DELIVERED);
    assert.equal(server.peers.length, 2);
  });
});

describe('a RELP sink that opens a session', () => {
  const answers: Readonly<Record<string, RegExp>> = {
    '500 no more clients': /^the receiver refused the session: no more clients$/,
    '200 OK': /^the receiver offers no version of RELP$/,
    '200 OK\ncommands=syslog': /^the receiver offers no version of RELP$/,
    '200 OK\nrelp_version=2\ncommands=syslog': /^the receiver offers another version of RELP than 0 or 1$/,
    '200 OK\nrelp_version=0\ncommands=eventlog': /^the receiver does not offer the command "syslog"$/,
    '200 OK\nrelp_version=0': /^the receiver does not offer the command "syslog"$/,
  };
  for (const [openAnswer, reason] of Object.entries(answers)) {
    scene(`sends nothing to a receiver that answers ${JSON.stringify(openAnswer)}`, { server: { openAnswer } }, async ({ server, sink, deliver }) => {
      const delivery = await deliver('one');
      assert.ok(delivery.outcome === 'retryable');
      assert.match(delivery.reason, reason);
      assert.match((await sink.probe(never()))!, reason);
      assert.deepEqual(server.received, []);
    });
  }

  scene('takes offers in another order, of version 1, with more commands and offers than it knows', { server: { openAnswer: '200 OK\nx=y\ncommands=eventlog,syslog\nrelp_software=a,b,c\nrelp_version=1' } }, async ({ deliver }) => {
    assert.deepEqual(await deliver('one'), DELIVERED);
  });

  scene('gives up when it is not answered', { openTimeoutMs: 50, server: { openAnswer: undefined } }, async ({ sink, deliver }) => {
    assert.deepEqual(await deliver('one'), { outcome: 'retryable', code: 'ETIMEDOUT', reason: 'no answer to "open" within 0.05 s' });
    assert.equal(sink.isHeldUp, false);
    assert.ok(sink.attemptTimeoutMs! > 10_050);
  });

  scene('is not held up while it waits for the answer, and ends when it is aborted', { server: { openAnswer: undefined } }, async ({ server, sink }) => {
    const stopping = new AbortController();
    const delivery = sink.deliver(batchOf('none', ['one']), stopping.signal);
    await server.until(() => server.peers[0]?.commands.length === 1);
    assert.equal(sink.isHeldUp, false);
    stopping.abort();
    assert.equal((await delivery).outcome, 'retryable');
  });

  scene('is refused where nobody listens', {}, async ({ server, sink, deliver }) => {
    await server.stop();
    assert.deepEqual(await deliver('one'), { outcome: 'retryable', code: 'ECONNREFUSED', reason: 'connection refused' });
    assert.equal(await sink.probe(never()), 'connection refused');
  });
});

describe('a RELP sink that is closed', () => {
  const { kept, behaviour } = keeper();
  scene('waits for the answers that are due, sends "close", and waits for its answer', { server: behaviour }, async ({ server, sink, deliver }) => {
    const delivery = deliver('one');
    await server.until(() => kept.length === 1);
    const closed = sink.close(never());
    assert.deepEqual(await deliver('two'), { outcome: 'retryable', code: 'CLOSED', reason: 'closed' });
    assert.equal(await Promise.race([closed, turns(20)]), undefined);
    kept[0]!.peer.accept(kept[0]!.frame);
    assert.deepEqual(await delivery, DELIVERED);
    await closed;
    assert.deepEqual(server.peers[0]!.commands, ['open', 'syslog', 'close']);
  });

  for (const [title, onClose] of [
    ['at "serverclose"', (peer: RelpPeer) => peer.say('0 serverclose 0\n')],
    ['at the end of the connection', (peer: RelpPeer) => void peer.socket.end()],
    ['at a reset', (peer: RelpPeer) => void peer.socket.resetAndDestroy()],
    ['after a time, when nothing answers', () => undefined],
  ] as const) {
    scene(`is done ${title}`, { closeTimeoutMs: 50, server: { onClose } }, async ({ sink, deliver }) => {
      assert.deepEqual(await deliver('one'), DELIVERED);
      await sink.close(never());
    });
  }

  scene('probes with a session that it closes', {}, async ({ server, sink }) => {
    assert.equal(await sink.probe(never()), undefined);
    assert.deepEqual(server.peers[0]!.commands, ['open', 'close']);
  });
});

describe('a RELP sink whose receiver does not answer', () => {
  const { kept, behaviour } = keeper();
  scene('is held up, says so once, and waits as long as nobody else is answered either', { stallAfterMs: 20, patienceMs: 40, openTimeoutMs: 30, server: behaviour }, async ({ server, sink, logger, deliver }) => {
    assert.equal(sink.isHeldUp, false);
    const delivery = deliver('one');
    await server.until(() => kept.length === 1);
    assert.equal(sink.isHeldUp, true);
    server.options = { ...behaviour, openAnswer: undefined };
    // Asked three times, over connections of their own, which it does not answer.
    await server.until(() => server.peers.length === 4);
    assert.equal(sink.isHeldUp, true);
    kept[0]!.peer.accept(kept[0]!.frame);
    assert.deepEqual(await delivery, DELIVERED);
    assert.equal(sink.isHeldUp, false);
    await eventually(() => logger.lines.length, (count) => count === 2);
    assert.match(logger.lines.join('\n'), /has acknowledged nothing for .*; waiting[^]*acknowledges again/);
    assert.deepEqual(server.received, ['one']);
  });

  const lost = keeper();
  scene('leaves a session that is not answered while another is', { stallAfterMs: 20, patienceMs: 40, server: lost.behaviour }, async ({ server, deliver }) => {
    const delivery = await deliver('one');
    assert.ok(delivery.outcome === 'retryable');
    assert.match(delivery.reason, /^no answer for .* s, though the receiver answers another connection$/);
    server.options = {};
    await turns(2);
    assert.deepEqual(await deliver('one'), DELIVERED);
  });

  const gap = keeper();
  scene('leaves a session in which one message is not answered while later ones are', { stallAfterMs: 20, patienceMs: 40, server: gap.behaviour }, async ({ server, deliver }) => {
    const delivery = deliver('one', 'two');
    await server.until(() => gap.kept.length === 2);
    // A question over another connection is not answered.
    server.options = { ...gap.behaviour, openAnswer: undefined };
    gap.kept[1]!.peer.accept(gap.kept[1]!.frame);
    const outcome = await delivery;
    assert.ok(outcome.outcome === 'retryable');
    assert.match(outcome.reason, /^no answer to a message for .* s, though the receiver answers later ones$/);
    assert.equal(outcome.deliveredCount, undefined);
  });

  const forgetful = keeper();
  scene('is more patient each time that a session ends so, until something is acknowledged', { stallAfterMs: 10, patienceMs: 30, server: forgetful.behaviour }, async ({ server, deliver }) => {
    const waited: number[] = [];
    for (let round = 0; round < 4; round++) {
      const startMs = performance.now();
      assert.equal((await deliver('one')).outcome, 'retryable');
      waited.push(performance.now() - startMs);
      await turns(2);
    }
    // 30, 60, 120 and 240 ms at least, however slow the machine.
    waited.forEach((ms, round) => assert.ok(ms >= 30 * 2 ** round, `round ${round} ended after ${ms} ms`));
    server.options = { openAnswer: ACCEPTED };
    assert.deepEqual(await deliver('one'), DELIVERED);
  });
});
