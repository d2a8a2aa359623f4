import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { textOf } from '../../../src/core/entry.js';
import { ReadingGivenUp } from '../../../src/core/errors.js';
import { GatewaySource, type GatewaySourceOptions, type Malformed } from '../../../src/sources/gateway/index.js';
import { freePorts } from '../../support/nginx.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { RecordedEvents } from '../journalctl/rows/reader-fixture.js';

const T0 = 1_700_000_000_000_000;

/** What a real gateway cannot be made to answer. */
describe('a gateway that answers what it should not', () => {
  let server: Server | undefined;
  let logger = new RecordedLogger();
  let events = new RecordedEvents();
  let malformed: Malformed[] = [];

  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    if (server !== undefined) await once(server, 'close');
    server = undefined;
    [logger, events, malformed] = [new RecordedLogger(), new RecordedEvents(), []];
  });

  /** Reads to the end from a strict gateway, but for what `answer` says to the n-th request for entries from a place (counted from 1): true where it did. */
  async function read(answer: (response: ServerResponse, count: number, from: number) => boolean, options: Partial<GatewaySourceOptions> = {}, given?: string[], signal?: AbortSignal): Promise<string[]> {
    let count = 0;
    server = createServer((request: IncomingMessage, response) => {
      const { accept, range } = request.headers;
      assert.equal(accept, 'application/vnd.fdo.journal');
      assert.equal(request.url, '/entries');
      if (range === 'entries=:-1:2') return void entries(response).end(Buffer.concat([entry(8), entry(9)]));
      const from = range === undefined ? 0 : Number.parseInt(/i=([0-9a-f]+);/.exec(range)![1]!, 16);
      if (answer(response, ++count, from)) return;
      entries(response).end(Buffer.concat(Array.from({ length: 10 - from }, (_, index) => entry(from + index))));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return texts(port, options, given, signal);
  }

  async function texts(port: number, options: Partial<GatewaySourceOptions> = {}, given: string[] = [], signal = new AbortController().signal): Promise<string[]> {
    const source = new GatewaySource({
      label: 'gateway', address: { host: '127.0.0.1', port, basePath: '' }, matches: [], start: 'head', follow: false, logger, events,
      onMalformed: (found) => { malformed.push(found); return Promise.resolve(); },
      timing: { longestPauseMs: 20, silentMs: 200, answerMs: 2000 }, ...options,
    });
    for await (const { entries: run } of source.read(undefined, signal)) given.push(...run.map((one) => textOf(one, 'MESSAGE')!));
    return given;
  }

  const all = Array.from({ length: 10 }, (_, index) => `m${index}`);

  it('is asked again while it answers 404, 500 or something else than entries, and the log says so once for each', { timeout: 30_000 }, async () => {
    const statuses = [404, 404, 404, 500, 503];
    assert.deepEqual(await read((response, count) => {
      const status = statuses[count - 1];
      if (status !== undefined) response.writeHead(status, { 'content-type': 'text/plain' }).end('Not here.\nAnd more');
      else if (count === statuses.length + 1) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      else return false;
      return true;
    }), all);
    const warnings = logger.lines.filter((line) => line.startsWith('warn'));
    assert.deepEqual(warnings.map((line) => /it answers \d+ \(Not here\.\)|not in the export format/.exec(line)?.[0]), ['it answers 404 (Not here.)', 'it answers 500 (Not here.)', 'it answers 503 (Not here.)', 'not in the export format']);
    assert.deepEqual(events.restarts, Array.from({ length: 6 }, () => 'refused'));
    assert.match(logger.lines.join('\n'), /info: gateway: answers again after/);
  });

  it('that fails each time ends a reading that does not follow: after ten failures in a row, and with what it gave before', { timeout: 30_000 }, async () => {
    let asked = 0;
    const given: string[] = [];
    await assert.rejects(read((response, count, from) => {
      asked = count;
      if (count <= 3) response.writeHead(500).end();
      else entries(response).write(from === 0 ? Buffer.concat([entry(0), entry(1)]) : entry(1), () => response.destroy());
      return true;
    }, {}, given), (error) => {
      assert.ok(error instanceof ReadingGivenUp);
      assert.equal(error.code, 'ERR_GATEWAY');
      assert.equal(error.message, 'Gave up reading gateway: 10 attempts in a row have failed, the last one so: the connection broke. See that the gateway runs and can be reached, and start again.');
      return true;
    });
    assert.deepEqual(given, ['m0', 'm1']);
    // The three before entries came do not count.
    assert.equal(asked, 3 + 10);
  });

  it('that is away ends such a reading too, before it has begun', { timeout: 30_000 }, async () => {
    const [port] = (await freePorts(1)) as [number];
    await assert.rejects(texts(port, { events }), /^ReadingGivenUp: Gave up reading gateway: 10 attempts in a row have failed, the last one so: connection refused\./);
    assert.deepEqual(events.restarts, Array.from({ length: 10 }, () => 'disconnected'));
  });

  it('that fails each time is asked for ever where it is to be followed', { timeout: 30_000 }, async () => {
    const abort = new AbortController();
    let asked = 0;
    await read((response, count) => {
      asked = count;
      if (count > 25) abort.abort();
      response.writeHead(500).end();
      return true;
    }, { follow: true, timing: { longestPauseMs: 2 } }, [], abort.signal);
    assert.ok(asked > 25);
  });

  it('loses and repeats nothing when it dies within an entry, or between two', { timeout: 30_000 }, async () => {
    for (const cut of [entry(5).length - 1, 12, 0]) {
      assert.deepEqual(await read((response, count, from) => {
        if (count > 1) return false;
        assert.equal(from, 0);
        entries(response).write(Buffer.concat([...[0, 1, 2, 3, 4].map(entry), entry(5).subarray(0, cut)]), () => response.destroy());
        return true;
      }), all);
      server!.close();
    }
    assert.deepEqual(events.restarts, ['disconnected', 'disconnected', 'disconnected']);
    assert.deepEqual(malformed, []);
  });

  it('is asked again when it falls silent in the middle', { timeout: 30_000 }, async () => {
    assert.deepEqual(await read((response, count) => {
      if (count === 1) entries(response).write(Buffer.concat([entry(0), entry(1).subarray(0, 20)]));
      return count === 1;
    }), all);
    assert.deepEqual(events.restarts, ['silent']);
  });

  it('is read again where it gave garbage once, and what is garbage each time is set aside', { timeout: 30_000 }, async () => {
    const garbage = Buffer.from('this is no field\n\n');
    assert.deepEqual(await read((response, count) => {
      if (count === 1) entries(response).end(Buffer.concat([entry(0), garbage, entry(1)]));
      return count === 1;
    }), all);
    assert.deepEqual(malformed, []);
    server!.close();
    assert.deepEqual(await read((response, _count, from) => {
      if (from > 1) return false;
      const rest = Array.from({ length: 8 }, (_, index) => entry(2 + index));
      entries(response).end(Buffer.concat([...(from === 0 ? [entry(0)] : []), entry(1), garbage, Buffer.from('FOO=no cursor\n\n'), ...rest]));
      return true;
    }), all);
    assert.deepEqual(malformed.map(({ content }) => Buffer.from(content).toString()), ['this is no field\n\n', 'FOO=no cursor\n']);
  });

  it('is asked again where it speaks no HTTP', { timeout: 30_000 }, async () => {
    const other = createTcpServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH\r\n')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const abort = new AbortController();
    const source = new GatewaySource({ label: 'gateway', address: { host: '127.0.0.1', port: (other.address() as AddressInfo).port, basePath: '' }, matches: [], start: 'head', follow: true, logger, events, timing: { longestPauseMs: 20 } });
    const reading = source.read(undefined, abort.signal).next();
    assert.equal(await logger.line(/^warn/), 'warn: gateway: its answer is not HTTP; asking again from the last entry until it answers');
    abort.abort();
    assert.deepEqual(await reading, { done: true, value: undefined });
    other.close();
  });
});

function entries(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'application/vnd.fdo.journal' });
}

/** The n-th of ten, which count on from 0. */
function entry(number: number): Buffer {
  const time = T0 + number * 1000;
  const cursor = `s=${'a'.repeat(32)};i=${number.toString(16)};b=${'b'.repeat(32)};m=${(number * 1000).toString(16)};t=${time.toString(16)};x=${number.toString(16)}`;
  return Buffer.from(`__CURSOR=${cursor}\n__REALTIME_TIMESTAMP=${time}\n_MACHINE_ID=${'c'.repeat(32)}\nMESSAGE=m${number}\n\n`);
}
