import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { textOf, type Cursor, type Entry, type FieldValue } from '../../../src/core/entry.js';
import type { Position } from '../../../src/core/position.js';
import type { Chunk, Source } from '../../../src/core/source.js';
import { GatewaySource, matchesFor, type GatewaySourceOptions } from '../../../src/sources/gateway/index.js';
import { isGap, JournalSource } from '../../../src/sources/journalctl/index.js';
import { Gatewayd } from '../../support/gatewayd.js';
import { JournalSandbox } from '../../support/journal-sandbox.js';
import { makeJournal, type FixtureEntry } from '../../support/make-journal.js';
import { oddEntries } from '../../support/odd-entries.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { Follower } from '../journalctl/follower.js';
import { RecordedEvents } from '../journalctl/rows/reader-fixture.js';

const T0 = 1_700_000_000_000_000;
const FIRST_BOOT = '1'.repeat(32);
const SECOND_BOOT = '2'.repeat(32);

describe('a journal that a gateway serves, in bulk', () => {
  const folders: string[] = [];
  const gateways: Gatewayd[] = [];
  let gateway: Gatewayd;

  before(async () => {
    gateway = await serve([...numbered(0, 5, FIRST_BOOT), ...numbered(5, 10, SECOND_BOOT)]);
  });
  after(async () => {
    for (const one of gateways) await one.stop();
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  async function serve(...files: (readonly FixtureEntry[])[]): Promise<Gatewayd> {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
    folders.push(folder);
    for (const [index, entries] of files.entries()) await makeJournal(join(folder, `system${index === 0 ? '' : `@${index}`}.journal`), entries);
    const served = await Gatewayd.start({ directory: folder });
    gateways.push(served);
    return served;
  }

  it('is read whole over boots with --start head, over a Unix socket and over TCP', async () => {
    assert.deepEqual(await messages(sourceOf(gateway)), range(0, 10));
    const overTcp = await Gatewayd.start({ directory: folders[0]!, listen: 'tcp' });
    gateways.push(overTcp);
    assert.deepEqual(await messages(sourceOf(overTcp)), range(0, 10));
  });

  it('begins with the boot of the newest entry with --start boot, with nothing of what is there with now, and with a time', async () => {
    assert.deepEqual(await messages(sourceOf(gateway, { start: 'boot' })), range(5, 10));
    assert.deepEqual(await messages(sourceOf(gateway, { start: 'now' })), []);
    assert.deepEqual(await messages(sourceOf(gateway, { start: 'now', since: `@${(T0 + 3000) / 1_000_000}` })), range(3, 10));
  });

  it('goes on just after any entry, in whatever boot that was', async () => {
    for (const [index, entry] of (await read(sourceOf(gateway))).entries()) {
      assert.deepEqual(await messages(sourceOf(gateway, { start: 'now' }), positionOf(entry)), range(index + 1, 10));
    }
  });

  it('goes on after an entry that the matches leave out, skips no match, and lets the place move behind the last', async () => {
    const entries = await read(sourceOf(gateway));
    const chunks = await chunksOf(sourceOf(gateway, { matches: matchesFor({ matches: [['N=4', 'N=7']] }) }), positionOf(entries[3]!));
    assert.deepEqual(chunks.flatMap(({ entries: given }) => given).map((entry) => textOf(entry, 'MESSAGE')), ['m4', 'm7']);
    assert.equal(chunks.at(-1)?.through?.cursor, entries[9]!.cursor);
  });

  it('goes on from the time of the entry when the cursor is garbage, empty or cut, and says so', async () => {
    for (const cursor of ['', 'garbage', `s=${'0'.repeat(32)}`]) {
      const logger = new RecordedLogger();
      assert.deepEqual(await messages(sourceOf(gateway, { logger }), { cursor: cursor as Cursor, timestamp: T0 + 6000 }), range(6, 10));
      assert.match(logger.lines.join('\n'), /warn: The saved cursor is not a cursor/);
    }
  });

  it('is not silent for a cursor from the future, but follows the boot that runs', async () => {
    const [entry] = await read(sourceOf(gateway));
    const future = Date.now() * 1000 + 3_600_000_000;
    const cursor = entry!.cursor.replace(/t=[0-9a-f]+/, `t=${future.toString(16)}`).replace(/s=\w+/, `s=${'f'.repeat(32)}`).replace(/b=\w+/, `b=${'e'.repeat(32)}`) as Cursor;
    const logger = new RecordedLogger();
    assert.deepEqual(await messages(sourceOf(gateway, { logger }), { cursor, timestamp: future }), range(5, 10));
    assert.match(logger.lines.join('\n'), /warn: The saved cursor is from the future/);
  });

  it('goes on after a cursor of another journal by its place in the boot or by its time, and reports the gap', async () => {
    for (const [bootId, monotonic] of [[SECOND_BOOT, 1_006_500], ['3'.repeat(32), 1]] as const) {
      const [elsewhere] = await read(sourceOf(await serve([{ time: T0 + 6500, monotonic, bootId, fields: { MESSAGE: 'elsewhere' } }])));
      const events = new RecordedEvents();
      assert.deepEqual(await messages(sourceOf(gateway, { events }), positionOf(elsewhere!)), range(7, 10));
      assert.deepEqual(events.gaps.map(({ kind }) => kind), ['vacuum']);
    }
  });

  it('reports a vacuumed cursor as a gap, also as an entry of the stream, and loses nothing of what is left', async () => {
    const [vacuumed] = await read(sourceOf(await serve(numbered(-3, -2, FIRST_BOOT))));
    const entries = await read(sourceOf(gateway, { reportGapsAs: 'h1' }), positionOf(vacuumed!));
    assert.deepEqual(entries.map(isGap), [true, ...Array.from({ length: 10 }, () => false)]);
    assert.equal(entries[0]!.get('JOURNALD_FORWARDER_GAP_KIND'), 'vacuum');
    assert.deepEqual(entries.slice(1).map((entry) => textOf(entry, 'MESSAGE')), range(0, 10));
  });

  it('takes the entries of several machines, whose numbers tell of no gap', async () => {
    const several = await serve(numbered(0, 3, FIRST_BOOT, 'a'.repeat(32)), numbered(1, 9, SECOND_BOOT, 'b'.repeat(32)));
    const events = new RecordedEvents();
    assert.equal((await messages(sourceOf(several, { events }))).length, 11);
    assert.deepEqual(events.gaps, []);
  });

  it('gives binary values, 20 MB and repeated fields just as journalctl does', { timeout: 120_000 }, async () => {
    const odd = [...oddEntries(400, 4), { fields: { MESSAGE: 'x'.repeat(20_000_000) } }, { fields: { MESSAGE: Buffer.alloc(3_000_000, 0xfe), R: ['b', 'a', Buffer.from([0, 10, 255])] } }, { fields: { MESSAGE: 'last' } }];
    const served = await serve(odd);
    const theirs = await snapshots(new JournalSource({ start: 'head', follow: false, logger: new RecordedLogger(), program: { path: 'journalctl', environment: process.env }, selection: { directory: folders.at(-1)! } }));
    const ours = await snapshots(sourceOf(served));
    assert.ok(theirs.length > 350);
    assert.deepEqual(ours, theirs);
  });

  it('reads no further than it is pulled, and ends soon after an abort though nobody pulls', async () => {
    const large = await serve(Array.from({ length: 200 }, (_, index) => ({ time: T0 + index, fields: { MESSAGE: `${index} ${'x'.repeat(500_000)}` } })));
    const abort = new AbortController();
    const before = process.memoryUsage().rss;
    const chunks = sourceOf(large).read(undefined, abort.signal);
    await chunks.next();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(process.memoryUsage().rss - before < 80_000_000, 'of 100 MB next to nothing is held');
    abort.abort();
    assert.deepEqual(await chunks.next(), { done: true, value: undefined });
  });

  it('tells the newest entry, and ends for an abort before it begins', async () => {
    assert.equal((await sourceOf(gateway).newest(new AbortController().signal))?.timestamp, T0 + 9000);
    assert.equal((await sourceOf(gateway, { matches: ['N=3'] }).newest(new AbortController().signal))?.timestamp, T0 + 3000);
    assert.deepEqual(await chunksOf(sourceOf(gateway), undefined, AbortSignal.abort()), []);
  });
});

describe('a journal that a gateway serves, live', () => {
  let sandbox: JournalSandbox;
  let gateway: Gatewayd;
  let logger: RecordedLogger;
  let events: RecordedEvents;
  let followers: Follower[];

  beforeEach(async () => {
    sandbox = await JournalSandbox.start();
    gateway = await Gatewayd.start({ directory: sandbox.directory, spawn: (...args) => sandbox.spawn(...args) });
    logger = new RecordedLogger();
    events = new RecordedEvents();
    followers = [];
  });
  afterEach(async () => {
    for (const follower of followers) await follower.stop();
    await gateway.stop();
    await sandbox.stop();
  });

  function follow(options: Partial<GatewaySourceOptions> & { readonly after?: Position } = {}): Follower {
    const { after, ...rest } = options;
    const follower = new Follower(sourceOf(gateway, { follow: true, logger, events, ...rest }), after, logger);
    followers.push(follower);
    return follower;
  }

  function files(): Promise<string[]> {
    return readdir(join(sandbox.directory, sandbox.machineId));
  }

  async function log(...texts: readonly string[]): Promise<void> {
    await sandbox.send(texts.map((MESSAGE) => ({ MESSAGE })));
  }

  it('gives what is logged from now on, after the backlog', async () => {
    await log('a', 'b');
    const follower = follow();
    await follower.until('b');
    await log('c');
    await follower.until('c');
    assert.deepEqual(follower.messages, ['a', 'b', 'c']);
  });

  it('goes on over rotation, restart and sudden death of journald, once each', async () => {
    const follower = follow({ start: 'now' });
    await follower.isFollowing();
    await log('1');
    await sandbox.rotate();
    await log('2');
    await sandbox.restart();
    await log('3');
    await sandbox.sync(); // What lies unread in journald's socket dies with it.
    await sandbox.crash();
    await log('4');
    await follower.until('4');
    assert.deepEqual(follower.messages, ['1', '2', '3', '4']);
  });

  it('goes on after the last entry when the gateway is killed and started again, says so once, and repeats nothing', async () => {
    const follower = follow({ timing: { longestPauseMs: 50 } });
    await log('1');
    await follower.until('1');
    await gateway.kill();
    await logger.line(/warn: .*; asking again from the last entry until it answers/);
    await log('2', '3');
    await sandbox.sync();
    await gateway.start();
    await logger.line(/info: .*answers again after/);
    await log('4');
    await follower.until('4');
    assert.deepEqual(follower.messages, ['1', '2', '3', '4']);
    assert.ok(events.restarts.includes('disconnected'));
    assert.equal(logger.lines.filter((line) => line.includes('connection refused') && line.startsWith('warn')).length <= 1, true);
  });

  it('loses and repeats nothing of what several users log while the journal rotates and the gateway is killed', { timeout: 120_000 }, async () => {
    const follower = follow({ timing: { longestPauseMs: 50 } });
    const expected: string[] = [];
    for (let round = 0; round < 12; round++) {
      const texts = Array.from({ length: 100 }, (_, index) => `${round}.${index}`);
      expected.push(...texts);
      await Promise.all([sandbox.send(texts.slice(0, 50).map((MESSAGE) => ({ MESSAGE }))), sandbox.send(texts.slice(50).map((MESSAGE) => ({ MESSAGE })), 1001)]);
      await sandbox.rotate();
      if (round % 4 === 2) {
        await gateway.kill();
        await gateway.start();
      }
    }
    await log('end');
    await follower.until('end');
    assert.deepEqual([...follower.messages].sort(), [...expected, 'end'].sort());
    assert.deepEqual(events.gaps, []);
  });

  it('gives what matches as it is logged, also over a rotation, and lets the place move while nothing does', async () => {
    const follower = follow({ matches: matchesFor({ matches: [['T=wanted']] }), timing: { silentMs: 200, gatherMs: 1 } });
    await follower.isFollowing();
    await sandbox.send([{ MESSAGE: 'other' }, { MESSAGE: 'first', T: 'wanted' }]);
    await follower.until('first');
    await sandbox.rotate();
    await sandbox.send([{ MESSAGE: 'second', T: 'wanted' }, { MESSAGE: 'unwanted' }]);
    await follower.until('second');
    await sandbox.sync();
    const newest = await sourceOf(gateway).newest(new AbortController().signal);
    await follower.through(newest!.cursor);
    assert.deepEqual(follower.messages, ['first', 'second']);
  });

  it('reports the entries that are missing in the middle, after it has looked twice', async () => {
    await log('1');
    await sandbox.rotate();
    const before = new Set(await files());
    await log('2', '3');
    await sandbox.rotate();
    const middle = (await files()).filter((name) => name.includes('@') && !before.has(name));
    await log('4');
    await sandbox.sync();
    for (const name of middle) await unlink(join(sandbox.directory, sandbox.machineId, name));
    const follower = follow();
    await follower.until('4');
    assert.deepEqual(follower.messages, ['1', '4']);
    assert.deepEqual(events.gaps.map(({ kind }) => kind), ['sequence']);
    assert.ok(events.gaps[0]!.count! >= 2);
    assert.deepEqual(events.restarts, ['jump']);
  });

  it('waits for the first entry of an empty folder', async () => {
    await sandbox.halt();
    for (const name of await files()) await unlink(join(sandbox.directory, sandbox.machineId, name));
    const follower = follow({ start: 'boot' });
    await follower.isFollowing();
    await sandbox.restart();
    await log('first');
    await follower.until('first');
  });

  it('notices a gateway that has gone silent, and goes on when it can', async () => {
    const follower = follow({ timing: { silentMs: 100, graceMs: 50, answerMs: 300, longestPauseMs: 50 } });
    await log('1');
    await follower.until('1');
    gateway.signal('SIGSTOP');
    await logger.line(/warn: .*no answer within 0.3 s/);
    await log('2');
    gateway.signal('SIGCONT');
    await follower.until('2');
    assert.deepEqual(follower.messages, ['1', '2']);
  });

  it('closes an answer that nobody pulls, and goes on from the last entry when somebody does', async () => {
    await log(...Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(100_000)}`));
    await sandbox.sync();
    const source = sourceOf(gateway, { logger, events, timing: { stalledMs: 20 } });
    const given: Entry[] = [];
    for await (const { entries } of source.read(undefined, new AbortController().signal)) {
      given.push(...entries);
      if (!events.restarts.includes('stalled')) await new Promise((resolve) => setTimeout(resolve, 40));
    }
    const texts = given.map((entry) => textOf(entry, 'MESSAGE') ?? '').filter((text) => text.endsWith('x'));
    assert.deepEqual(texts.map((text) => Number(text.split(' ')[0])), Array.from({ length: 40 }, (_, index) => index));
    assert.ok(events.restarts.includes('stalled'));
  });
});

function sourceOf(gateway: Gatewayd, options: Partial<GatewaySourceOptions> = {}): GatewaySource {
  return new GatewaySource({ label: gateway.url, address: gateway.address, matches: [], start: 'head', follow: false, logger: new RecordedLogger(), ...options });
}

async function chunksOf(source: Source, after?: Position, signal = new AbortController().signal): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of source.read(after, signal)) chunks.push(chunk);
  return chunks;
}

async function read(source: Source, after?: Position): Promise<Entry[]> {
  return (await chunksOf(source, after)).flatMap(({ entries }) => entries);
}

async function messages(source: Source, after?: Position): Promise<(string | undefined)[]> {
  return (await read(source, after)).map((entry) => textOf(entry, 'MESSAGE'));
}

/** All that an entry holds, in an order of its own. */
async function snapshots(source: Source): Promise<(readonly (readonly [string, FieldValue | undefined])[])[]> {
  return (await read(source)).map((entry) => [...entry.names()].sort().map((name) => [name, entry.get(name)] as const));
}

function positionOf({ cursor, timestamp }: Entry): Position {
  return { cursor, timestamp };
}

function numbered(from: number, to: number, bootId: string, machineId?: string): FixtureEntry[] {
  return Array.from({ length: to - from }, (_, i) => ({
    time: T0 + (from + i) * 1000,
    monotonic: 1_000_000 + (from + i) * 1000,
    bootId,
    ...(machineId === undefined ? {} : { machineId }),
    fields: { MESSAGE: `m${from + i}`, N: String(from + i), PRIORITY: '6' },
  }));
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `m${from + i}`);
}
