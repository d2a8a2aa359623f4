import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cachedCorpus, type Corpus } from '../../bench/corpus.js';
import { type CountingReceiver, startCountingReceiver } from '../support/counting-receiver.js';
import { eventually } from '../support/eventually.js';
import { RunningForwarder } from '../support/forwarder.js';
import { makeJournal } from '../support/make-journal.js';
import { PORT, SERVER, TwoHosts } from './two-hosts.js';

const ENTRIES = 100_000;
const routeProcess = fileURLToPath(new URL('route-process.ts', import.meta.url));

interface Scene {
  readonly hosts: TwoHosts;
  readonly receiver: CountingReceiver;
  /** A folder that goes with the test. */
  readonly folder: string;
  /** Runs the forwarder on the client. */
  forward(args: readonly string[]): RunningForwarder;
}

describe('a network that fails without a word', { timeout: 90_000, concurrency: 3 }, () => {
  let corpus: Corpus;
  before(async () => {
    corpus = await cachedCorpus(ENTRIES);
  });

  const backlog = (host = SERVER): string[] => ['--directory', corpus.journal, '--start', 'head', '--no-follow', '--to', `tcp://${host}:${PORT}`];

  it('for a while, in the middle of a run: all arrives on the same connection, and nothing twice', () =>
    onTwoHosts(async ({ hosts, receiver, forward }) => {
      const forwarder = forward(backlog());
      await stallsInTheMiddle(receiver);
      const heal = await hosts.cut();
      receiver.resume();
      await goesUnanswered(hosts);
      await heal();
      await delivers(forwarder, receiver);
      assert.deepEqual([receiver.connections, receiver.tally.duplicates], [1, 0]);
    }));

  it('while a cable is unplugged: likewise', () =>
    onTwoHosts(async ({ hosts, receiver, forward }) => {
      const forwarder = forward(backlog());
      await stallsInTheMiddle(receiver);
      await hosts.runOnServer('ip link set cable down');
      receiver.resume();
      await goesUnanswered(hosts);
      await hosts.runOnServer('ip link set cable up');
      await delivers(forwarder, receiver);
      assert.deepEqual([receiver.connections, receiver.tally.duplicates], [1, 0]);
    }));

  it('for good, for one connection: that is given up in time, and all arrives on another', () =>
    onTwoHosts(async ({ hosts, receiver }) => {
      const args = ['--import', 'tsx', routeProcess, corpus.journal, SERVER, String(PORT), '1500'];
      const forwarder = new RunningForwarder([], { spawn: (command, _args, options) => hosts.spawn(command, args, options) });
      try {
        await stallsInTheMiddle(receiver);
        // As a firewall does that was restarted, and knows of no connection from before.
        await hosts.cut(`-p tcp --sport ${(await hosts.connection())!.port}`);
        receiver.resume();
        await forwarder.says(/WARN +there: no acknowledgement for 1\.5 s.*trying again/);
        await forwarder.says(/^not ready: there \(there\): no acknowledgement for 1\.5 s/m);
        await delivers(forwarder, receiver);
        assert.match(forwarder.stderr, /reachable again after/);
        assert.equal(receiver.connections, 2);
      } finally {
        await forwarder.stop('SIGKILL');
      }
    }));

  it('while the receiver is restarted, which leaves a half-open connection: that is noticed, and all arrives', () =>
    onTwoHosts(async ({ hosts, receiver, forward }) => {
      const forwarder = forward(backlog());
      await stallsInTheMiddle(receiver);
      const heal = await hosts.cut();
      await receiver.close('reset');
      await receiver.restart();
      receiver.resume();
      await heal();
      await forwarder.says(/WARN .*the receiver reset the connection.*trying again/);
      await delivers(forwarder, receiver);
      assert.match(forwarder.stderr, /reachable again after/);
    }));

  it('while nothing is sent, and the receiver is restarted: what comes afterwards arrives', () =>
    onTwoHosts(async ({ hosts, receiver, folder, forward }) => {
      const write = (first: number): Promise<void> => makeJournal(join(folder, `${first}.journal`), numbered(first, 100));
      await write(0);
      forward(['--directory', folder, '--start', 'head', '--to', `tcp://${SERVER}:${PORT}`]);
      await receiver.waitForCount(100);
      const heal = await hosts.cut();
      await receiver.close('reset');
      await receiver.restart();
      await heal();
      await write(100);
      await receiver.waitForCount(200);
      assert.deepEqual(receiver.missing(200), []);
    }));

  it('to the name server only: told, tried again, and no hindrance while a connection lasts', () =>
    onTwoHosts(async ({ hosts, receiver, folder, forward }) => {
      const write = (first: number): Promise<void> => makeJournal(join(folder, `${first}.journal`), numbered(first, 100));
      await startNameServer(hosts, folder);
      let heal = await hosts.cut('-p udp --dport 53');
      await write(0);
      const forwarder = forward(['--directory', folder, '--start', 'head', '--to', `tcp://loghost.test:${PORT}`]);
      await forwarder.says(/WARN .*the name server does not answer; trying again/);
      await forwarder.isNotReady(/the name server does not answer/);
      await heal();
      await forwarder.says(/reachable again/);
      await forwarder.isReady();
      heal = await hosts.cut('-p udp --dport 53');
      await write(100);
      await receiver.waitForCount(200);
      receiver.reset();
      await write(200);
      await forwarder.says(/reachable again.*WARN .*trying again.*/s);
      await heal();
      await receiver.waitForCount(300);
      assert.deepEqual(receiver.missing(300), []);
      await forwarder.says(/reachable again.*reachable again/s);
      assert.equal(receiver.connections, 2);
    }));
});

async function onTwoHosts(test: (scene: Scene) => Promise<void>): Promise<void> {
  const hosts = await TwoHosts.connect();
  const folder = await mkdtemp(join(tmpdir(), 'network-'));
  const receiver = await startCountingReceiver({ listen: () => hosts.listen() });
  const forwarders: RunningForwarder[] = [];
  const forward = (args: readonly string[]): RunningForwarder => {
    const forwarder = new RunningForwarder(['--state-dir', join(folder, 'state'), '--metrics', '127.0.0.1:0', ...args], { spawn: hosts.spawn.bind(hosts), ask: hosts.ask.bind(hosts) });
    forwarders.push(forwarder);
    return forwarder;
  };
  try {
    await test({ hosts, receiver, folder, forward });
  } finally {
    for (const forwarder of forwarders) await forwarder.stop('SIGKILL');
    await receiver.close();
    await hosts.end();
    await rm(folder, { recursive: true });
  }
}

/** Resolves when the receiver has read something and reads no more, so that the sender has to wait. */
async function stallsInTheMiddle(receiver: CountingReceiver): Promise<void> {
  await receiver.waitForFrames(10_000, 30_000);
  receiver.stall();
}

/** Resolves when the sender has tried in vain twice. */
async function goesUnanswered(hosts: TwoHosts): Promise<void> {
  await eventually(() => hosts.connection(), (connection) => connection !== undefined && connection.unanswered >= 2);
}

async function delivers(forwarder: RunningForwarder, receiver: CountingReceiver): Promise<void> {
  const exit = await forwarder.exit;
  assert.equal(exit.code, 0, exit.stderr);
  await receiver.waitForCount(ENTRIES);
  assert.deepEqual(receiver.missing(ENTRIES), []);
}

function numbered(first: number, count: number): Parameters<typeof makeJournal>[1] {
  return Array.from({ length: count }, (_, index) => ({ time: 1_604_430_000_000_000 + first + index, fields: { MESSAGE: `entry ~Q${String(first + index).padStart(9, '0')}~` } }));
}

/** The client's only name server, on the server: it knows every name. */
async function startNameServer(hosts: TwoHosts, folder: string): Promise<void> {
  await writeFile(join(folder, 'resolv.conf'), `nameserver ${SERVER}\noptions timeout:1 attempts:1\n`);
  await writeFile(join(folder, 'nsswitch.conf'), 'hosts: files dns\n');
  for (const name of ['resolv.conf', 'nsswitch.conf']) await hosts.run(`mount --bind ${folder}/${name} /etc/${name}`);
  const server = hosts.spawnOnServer(process.execPath, ['-e', NAME_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout!, 'data');
}

/** Answers RFC 1035 questions for an A record with the server's address, and others with none. */
const NAME_SERVER = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (query, from) => {
  const end = query.indexOf(0, 12) + 5;
  const isA = query.readUInt16BE(end - 4) === 1;
  const header = Buffer.from([query[0], query[1], 0x84, 0, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...'${SERVER}'.split('.').map(Number)]);
  socket.send(Buffer.concat([header, query.subarray(12, end), ...(isA ? [answer] : [])]), from.port, from.address);
});
socket.bind(53, '${SERVER}', () => console.log('ready'));
`;
