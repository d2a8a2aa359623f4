import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Cursor, Entry } from '../../../src/core/entry.js';
import type { Logger } from '../../../src/core/logger.js';
import type { Position } from '../../../src/core/position.js';
import type { Chunk, Source } from '../../../src/core/source.js';
import { makeJournal } from '../../support/make-journal.js';
import { type MalformedInput, StdinSource, type StdinSourceOptions } from '../../../src/sources/stdin/stdin-source.js';

const never = new AbortController().signal;

interface Fixture {
  readonly source: StdinSource;
  readonly malformed: MalformedInput[];
  readonly logged: string[];
}

function sourceOf(input: Readable | readonly (string | Uint8Array)[], options: Partial<StdinSourceOptions> = {}): Fixture {
  const malformed: MalformedInput[] = [];
  const logged: string[] = [];
  const log = (level: string) => (message: string) => void logged.push(`${level} ${message}`);
  const logger: Logger = { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') };
  const readable = input instanceof Readable ? input : Readable.from(input.map((chunk) => Buffer.from(chunk as string)));
  const onMalformed = async (line: MalformedInput): Promise<void> => void malformed.push({ ...line, content: Buffer.from(line.content) });
  return { source: new StdinSource({ input: readable, onMalformed, logger, now: () => 1604430000000000, ...options }), malformed, logged };
}

async function all(source: Source, after?: Position): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const chunk of source.read(after, never)) entries.push(...chunk.entries);
  return entries;
}

async function messagesOf(input: readonly (string | Uint8Array)[], options?: Partial<StdinSourceOptions>): Promise<unknown[]> {
  return (await all(sourceOf(input, options).source.route())).map((entry) => entry.get('MESSAGE'));
}

function chunksOf(source: Source, signal = never, after?: Position): AsyncIterator<Chunk> {
  return source.read(after, signal)[Symbol.asyncIterator]();
}

/** The messages of the next chunk, or `end`. */
async function next(chunks: AsyncIterator<Chunk>): Promise<unknown[] | 'end'> {
  const result = await chunks.next();
  return result.done === true ? 'end' : (result.value as Chunk).entries.map((entry) => entry.get('MESSAGE'));
}

function at(number: number): Position {
  return { cursor: `stdin;n=${number}` as Cursor, timestamp: 0 };
}

const exported = '__CURSOR=c1\n__REALTIME_TIMESTAMP=1604430000000001\nMESSAGE=one\n\n__CURSOR=c1\nMESSAGE=two\n';

describe('standard input', () => {
  test('without content has no entries', async () => {
    for (const input of [[], [''], ['\n\n'], ['\ufeff']]) assert.deepEqual(await messagesOf(input), []);
  });

  test('is read as JSON, and a last line without a line feed counts', async () => {
    assert.deepEqual(await messagesOf(['{"MESSAGE":"one"}\n\n{"MESSAGE":"two"}\r\n', '{"MESSAGE":"three"}']), ['one', 'two', 'three']);
  });

  test('is read in the export format, and a last entry without an empty line counts', async () => {
    assert.deepEqual(await messagesOf([exported]), ['one', 'two']);
    assert.deepEqual(await messagesOf([exported.trimEnd()]), ['one', 'two']);
  });

  test('is read as plain lines, byte for byte, and a last line without a line feed counts', async () => {
    assert.deepEqual(await messagesOf(['PATH=/bin\r\n', '\n  indented\n', Buffer.of(0xff, 0x0a), 'last']), ['PATH=/bin', '  indented', Uint8Array.of(0xff), 'last']);
  });

  test('may begin with a byte order mark in every format', async () => {
    assert.deepEqual(await messagesOf(['\ufeff{"MESSAGE":"one"}\n']), ['one']);
    assert.deepEqual(await messagesOf([`\ufeff${exported}`]), ['one', 'two']);
    assert.deepEqual(await messagesOf(['\ufeffone\ntwo']), ['one', 'two']);
  });

  test('may come byte by byte', async () => {
    for (const text of ['\ufeff{"MESSAGE":"one"}\n{"MESSAGE":"two"}', `\ufeff\n${exported}`, '\ufeffone\r\ntwo\n']) {
      assert.deepEqual(await messagesOf([...Buffer.from(text)].map((byte) => Buffer.of(byte))), ['one', 'two']);
    }
  });

  test('gives each entry a cursor of its own, and leaves the recorded one a field', async () => {
    const entries = await all(sourceOf([exported]).source.route());
    assert.deepEqual(entries.map((entry) => entry.cursor), ['stdin;n=1', 'stdin;n=2']);
    assert.deepEqual(entries.map((entry) => entry.get('__CURSOR')), ['c1', 'c1']);
    assert.deepEqual(entries.map((entry) => entry.timestamp), [1604430000000001, 0]);
  });

  test('gives plain lines the time they were read at, and what the caller knows', async () => {
    const [entry] = await all(sourceOf(['one\n'], { hostname: 'h1', identifier: 'app' }).source.route());
    assert.equal(entry?.timestamp, 1604430000000000);
    const fields = Object.fromEntries([...entry.names()].map((name) => [name, entry.get(name)]));
    assert.deepEqual(fields, { MESSAGE: 'one', __REALTIME_TIMESTAMP: '1604430000000000', _HOSTNAME: 'h1', SYSLOG_IDENTIFIER: 'app', _TRANSPORT: 'stdin' });
    assert.deepEqual(Buffer.from(entry.bytes('_HOSTNAME') ?? []), Buffer.from('h1'));
    assert.equal(entry.bytes('PRIORITY'), undefined);
  });

  test('gives a plain line that is too long as several entries, and says where one goes on', async () => {
    const entries = await all(sourceOf(['x'.repeat(25), '\nshort\n'], { maxPlainLineBytes: 10 }).source.route());
    assert.deepEqual(entries.map((entry) => entry.get('MESSAGE')), ['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5), 'short']);
    assert.deepEqual(entries.map((entry) => entry.get('_LINE_BREAK')), ['line-max', 'line-max', undefined, undefined]);
  });

  for (const [format, first, second] of [
    ['JSON', '{"MESSAGE":"one"}\n', '{"MESSAGE":"two"}\n'],
    ['the export format', '__CURSOR=1\nMESSAGE=one\n\n', '__CURSOR=2\nMESSAGE=two\n\n'],
    ['plain lines', 'one\n', 'two\n'],
  ] as const) {
    test(`gives an entry of ${format} as soon as it is complete`, async () => {
      const input = new PassThrough();
      const chunks = chunksOf(sourceOf(input).source.route());
      input.write(first);
      assert.deepEqual(await next(chunks), ['one']);
      input.write(second.slice(0, -1));
      const two = next(chunks);
      input.write('\n');
      assert.deepEqual(await two, ['two']);
      input.end();
      assert.equal(await next(chunks), 'end');
    });
  }

  test('fails with what to do when it cannot be read, after all that was read before', async () => {
    async function* input(): AsyncGenerator<Buffer> {
      yield Buffer.from('one\n');
      throw new Error('EIO: i/o error, read');
    }
    const chunks = chunksOf(sourceOf(Readable.from(input())).source.route());
    assert.deepEqual(await next(chunks), ['one']);
    await assert.rejects(chunks.next(), { name: 'OperatorError', code: 'ERR_STDIN', message: /Cannot read standard input to its end: EIO: i\/o error, read\./ });
  });
});

describe('standard input from a real journalctl', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stdin-'));
    const shapes = [{ MESSAGE: 'one' }, { MESSAGE: '\u001b[1mtwo' }, { MESSAGE: 'x'.repeat(5000), TAG: ['b', 'a'] }, { MESSAGE: 'a\n\nb' }];
    await makeJournal(join(directory, 'test.journal'), shapes.map((fields) => ({ fields })));
  });

  after(() => rm(directory, { recursive: true, force: true }));

  for (const [args, large] of [
    [['-o', 'export'], 'x'.repeat(5000)],
    [['-o', 'json', '-a'], 'x'.repeat(5000)],
    [['-o', 'json'], undefined],
  ] as const) {
    test(`is understood as ${args.join(' ')} prints it`, async () => {
      const child = spawn('journalctl', ['-q', '-D', directory, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
      const { source, malformed } = sourceOf(child.stdout);
      const entries = await all(source.route());
      assert.deepEqual(entries.map((entry) => entry.get('MESSAGE')), ['one', '\u001b[1mtwo', large, 'a\n\nb']);
      assert.deepEqual(entries.map((entry) => entry.get('TAG')), [undefined, undefined, ['a', 'b'], undefined]);
      assert.deepEqual(entries.map((entry) => entry.timestamp), [0, 1000, 2000, 3000].map((more) => 1604430000000000 + more));
      assert.deepEqual(malformed, []);
    });
  }
});

describe('a malformed piece of standard input', () => {
  test('of JSON is reported with the number of its line, and does not end the run', async () => {
    const { source, malformed } = sourceOf(['{"MESSAGE":"one"}\n\nnot json\n', '[1]\n{"MESSAGE":"two"}\n{"MESS']);
    assert.deepEqual((await all(source.route())).map((entry) => entry.get('MESSAGE')), ['one', 'two']);
    assert.deepEqual(malformed.map(({ number, content }) => [number, content.toString()]), [[3, 'not json'], [4, '[1]'], [6, '{"MESS']]);
    assert.deepEqual(malformed.map(({ place }) => place), ['line 3', 'line 4', 'line 6']);
    assert.match(malformed[0]?.reason ?? '', /^not JSON/);
  });

  test('of JSON may be the first', async () => {
    const { source, malformed } = sourceOf(['{"MESSAGE":"cut\n', '{"MESSAGE":"one"}\n']);
    assert.deepEqual((await all(source.route())).map((entry) => entry.get('MESSAGE')), ['one']);
    assert.deepEqual(malformed.map(({ number }) => number), [1]);
  });

  test('keeps bytes that are not UTF-8 as they came', async () => {
    const { source, malformed } = sourceOf(['{"MESSAGE":"one"}\n', Buffer.of(0xff, 0xfe, 0x0a)]);
    await all(source.route());
    assert.deepEqual(malformed.map(({ content }) => [...content]), [[0xff, 0xfe]]);
  });

  test('of JSON that is too long is reported with its beginning, and the lines after it are read', async () => {
    const { source, malformed } = sourceOf(['{"MESSAGE":"one"}\n{"MESSAGE":"', 'x'.repeat(5000), '"}\n{"MESSAGE":"two"}\n'], { maxEntryBytes: 1000 });
    assert.deepEqual((await all(source.route())).map((entry) => entry.get('MESSAGE')), ['one', 'two']);
    assert.deepEqual(malformed.map(({ number, content }) => [number, content.length]), [[2, 1000]]);
    assert.match(malformed[0]?.reason ?? '', /longer than 1000 bytes/);
  });

  test('of the export format is reported with the number of its entry', async () => {
    const { source, malformed } = sourceOf([exported, '\nlower=x\n\nMESSAGE=three\n']);
    assert.deepEqual((await all(source.route())).map((entry) => entry.get('MESSAGE')), ['one', 'two', 'three']);
    assert.deepEqual(malformed.map(({ number, content }) => [number, content.toString()]), [[3, 'lower=x\n\n']]);
    assert.deepEqual(malformed.map(({ place, reason }) => [place, reason]), [['entry 3', 'a line that is not a field']]);
  });

  test('of the export format that was cut is told in the log', async () => {
    const { source, logged } = sourceOf([`__CURSOR=c\nMESSAGE=${'x'.repeat(5000)}\n\n`], { maxEntryBytes: 1000 });
    assert.equal((await all(source.route())).length, 1);
    assert.match(logged[0] ?? '', /^error An entry of standard input exceeds 1000 bytes/);
  });

  test('is settled before anything after it is read, while what came before it is given at once', async () => {
    let settle = (): void => {};
    const settled = new Promise<void>((resolve) => (settle = resolve));
    const { source } = sourceOf(['{"MESSAGE":"one"}\nbad\n{"MESSAGE":"two"}\n'], { onMalformed: () => settled });
    const chunks = chunksOf(source.route());
    assert.deepEqual(await next(chunks), ['one']);
    let came = false;
    const two = next(chunks).then((messages) => ((came = true), messages));
    await turn();
    assert.equal(came, false);
    settle();
    assert.deepEqual(await two, ['two']);
  });
});

describe('routes over one standard input', () => {
  /** An input of lines of 100 bytes, a chunk each, that counts what was taken. */
  function counted(lines: number): { input: Readable; taken: () => number } {
    let taken = 0;
    function* generate(): Generator<Buffer> {
      for (taken = 1; taken <= lines; taken++) yield Buffer.from(`${String(taken).padStart(99, '.')}\n`);
    }
    return { input: Readable.from(generate(), { highWaterMark: 1 }), taken: () => taken };
  }

  test('each get every entry', async () => {
    const { source } = sourceOf(counted(500).input);
    const routes = [source.route(), source.route(), source.route()];
    for (const entries of await Promise.all(routes.map((route) => all(route)))) {
      assert.deepEqual(entries.map((entry) => Number(String(entry.get('MESSAGE')).replaceAll('.', ''))), Array.from({ length: 500 }, (_, i) => i + 1));
    }
  });

  test('read no further than the slowest has settled, and the window', async () => {
    const { input, taken } = counted(10_000);
    const { source } = sourceOf(input, { maxWindowBytes: 1000 });
    const [fast, slow] = [source.route(), source.route()];
    let got = 0;
    const reading = (async () => {
      for await (const { entries } of fast.read(undefined, never)) {
        got += entries.length;
        fast.settled(at(got));
      }
    })();
    let slowGot = 0;
    let most = 0;
    for await (const { entries } of slow.read(undefined, never)) {
      slowGot += entries.length;
      for (let i = 0; i < 3; i++) await turn();
      most = Math.max(most, taken() - slowGot);
      slow.settled(at(slowGot));
    }
    await reading;
    assert.deepEqual([got, slowGot], [10_000, 10_000]);
    assert.ok(most >= 9 && most <= 16, `the input was ${most} lines ahead of the slowest`);
  });

  test('go on when the one that held them up is released', async () => {
    const { source } = sourceOf(counted(100).input, { maxWindowBytes: 1000 });
    const [fast, stuck] = [source.route(), source.route()];
    const chunks = chunksOf(fast);
    let got = 0;
    while (got < 10) {
      got += ((await next(chunks)) as unknown[]).length;
      fast.settled(at(got));
    }
    const eleventh = next(chunks);
    await turn();
    stuck.release();
    assert.equal(((await eleventh) as unknown[]).length, 1);
    fast.settled(at(11));
    let rest = 11;
    for (let messages = await next(chunks); messages !== 'end'; messages = await next(chunks)) {
      rest += messages.length;
      fast.settled(at(rest));
    }
    assert.equal(rest, 100);
  });

  test('can be read again from any entry that was not settled, within a chunk too', async () => {
    const { source } = sourceOf(['1\n2\n3\n', '4\n5\n']);
    const route = source.route();
    assert.equal((await all(route)).length, 5);
    route.settled(at(1));
    assert.deepEqual((await all(route, at(1))).map((entry) => entry.get('MESSAGE')), ['2', '3', '4', '5']);
    assert.deepEqual((await all(route, at(3))).map((entry) => entry.cursor), ['stdin;n=4', 'stdin;n=5']);
    assert.deepEqual(await all(route, at(5)), []);
    route.settled(at(5));
    assert.deepEqual(await all(route, at(5)), []);
  });

  test('begin at the first entry when the saved position is of another run', async () => {
    for (const cursor of ['stdin;n=9', 's=1;i=2'] as Cursor[]) {
      const { source, logged } = sourceOf(['1\n2\n']);
      assert.equal((await all(source.route(), { cursor, timestamp: 0 })).length, 2);
      assert.match(logged.join(), /^warn The saved position is of another run/);
    }
  });

  test('get an entry that is larger than the window', async () => {
    const large = 'x'.repeat(300_000);
    const chunks = Array.from({ length: 30 }, (_, i) => large.slice(i * 10_000, (i + 1) * 10_000));
    const { source } = sourceOf(['small\n', ...chunks, '\nlast\n'], { maxWindowBytes: 1000 });
    const route = source.route();
    const lengths: number[] = [];
    for await (const { entries } of route.read(undefined, never)) {
      for (const entry of entries) {
        lengths.push(entry.bytes('MESSAGE')?.length ?? 0);
        route.settled({ cursor: entry.cursor, timestamp: 0 });
      }
    }
    assert.deepEqual(lengths, [5, 300_000, 4]);
  });

  test('end promptly when their signal aborts, and read on from where they were', async () => {
    const input = new PassThrough();
    const { source } = sourceOf(input);
    const route = source.route();
    const stop = new AbortController();
    const chunks = chunksOf(route, stop.signal);
    input.write('one\n');
    assert.deepEqual(await next(chunks), ['one']);
    const ending = next(chunks);
    stop.abort();
    assert.equal(await ending, 'end');
    const again = chunksOf(route, never, at(1));
    input.write('two\n');
    assert.deepEqual(await next(again), ['two']);
    assert.equal(await next(chunksOf(route, AbortSignal.abort())), 'end');
    input.end();
    assert.equal(await next(again), 'end');
  });

  test('end when the source is closed, and the input with them', async () => {
    const input = new PassThrough();
    const { source } = sourceOf(input);
    const chunks = chunksOf(source.route());
    const ending = next(chunks);
    const closed = once(input, 'close');
    source.close();
    assert.equal(await ending, 'end');
    await closed;
    await turn();
    assert.equal(await next(chunksOf(source.route())), 'end');
  });
});
