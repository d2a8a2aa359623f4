import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { describe, it } from 'node:test';
import type { LogFields, Logger } from '../src/core/logger.js';
import { createLog, limitRepeats, stderrIsJournal } from '../src/log.js';
import type { LogOptions } from '../src/log.js';

describe('log', () => {
  it('writes the time, the level, the message and the fields on one line', () => {
    const [line] = linesOf({}, (log) => log.warn('destination is unreachable', { destination: 'tcp://h:514', attempts: 3, last: undefined, first: true }));
    assert.match(line ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARN {2}destination is unreachable destination=tcp:\/\/h:514 attempts=3 first=true$/);
  });

  it('quotes a value that holds a space, a quote, an equals sign or nothing', () => {
    const [line] = linesOf({ journal: true }, (log) => log.info('m', { a: 'x y', b: 'say "no"', c: 'k=v', d: '', e: 'plain' }));
    assert.equal(line, '<6>m a="x y" b="say \\"no\\"" c="k=v" d="" e=plain');
  });

  it('keeps a message and a value with line feeds on one line, and no control character reaches the terminal', () => {
    const lines = linesOf({ journal: true }, (log) => log.error('one\ntwo', { text: 'a\nb', colour: '\u001b[31mred', c1: '\u009b2J' }));
    assert.deepEqual(lines, ['<3>one\\ntwo text="a\\nb" colour="\\u001b[31mred" c1="\\u009b2J"']);
  });

  it('begins each line with its sd-daemon priority and tells no time where stderr is the journal', () => {
    const lines = linesOf({ journal: true, level: 'debug' }, (log) => {
      log.error('e');
      log.warn('w');
      log.info('i');
      log.debug('d');
    });
    assert.deepEqual(lines, ['<3>e', '<4>w', '<6>i', '<7>d']);
  });

  it('leaves out what is less severe than its level', () => {
    const lines = linesOf({ journal: true, level: 'warn' }, (log) => {
      log.error('e');
      log.warn('w');
      log.info('i');
      log.debug('d');
    });
    assert.deepEqual(lines, ['<3>e', '<4>w']);
  });

  it('writes one JSON object a line', () => {
    const lines = linesOf({ format: 'json' }, (log) => log.info('two\nlines', { count: 2, none: undefined, message: 'mine', level: 'mine' }));
    assert.equal(lines.length, 1);
    const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    assert.match(String(time), /^\d{4}-.*Z$/);
    assert.deepEqual(rest, { level: 'info', message: 'two\nlines', count: 2 });
  });

  it('writes JSON without a time, behind the priority, where stderr is the journal', () => {
    const lines = linesOf({ format: 'json', journal: true }, (log) => log.warn('m', { a: 1 }));
    assert.deepEqual(lines, ['<4>{"level":"warn","message":"m","a":1}']);
  });

  it('cuts a text that journald would split', () => {
    const [line] = linesOf({ journal: true }, (log) => log.info('x'.repeat(100_000)));
    assert.equal(line, `<6>${'x'.repeat(4_096)}...`);
  });

  it('writes a line before the caller goes on, so that none is lost at exit', () => {
    const { output, lines } = collector();
    createLog({ level: 'info', format: 'text', output, journal: true }).error('last words');
    assert.deepEqual(lines(), ['<3>last words']);
  });

  it('neither throws nor grows when its output has been closed', async () => {
    const output = new PassThrough();
    const log = createLog({ level: 'info', format: 'text', output, journal: false });
    output.destroy(new Error('EPIPE'));
    await new Promise((resolve) => output.once('close', resolve));
    for (let i = 0; i < 100; i++) log.info('to nobody');
    assert.equal(output.writableLength, 0);
  });

  it('survives that the reader of stderr goes away', async () => {
    const program = `
      import { createLog } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)};
      const log = createLog({ level: 'info', format: 'text', output: process.stderr, journal: false });
      process.stdin.once('data', () => {
        for (let i = 0; i < 3; i++) log.error('nobody reads this');
        setImmediate(() => { log.error('nor this'); setImmediate(() => process.exit(7)); });
      });
      log.info('ready');`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { stdio: ['pipe', 'ignore', 'pipe'] });
    await once(child.stderr, 'data');
    child.stderr.destroy();
    child.stdin.end('go\n');
    assert.deepEqual(await once(child, 'exit'), [7, null]);
  });

  it('drops lines that a full output cannot take, and says how many', () => {
    let release: (() => void) | undefined;
    const written: string[] = [];
    const output = new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        written.push(chunk);
        if (release === undefined) release = done;
        else done();
      },
    });
    const log = createLog({ level: 'info', format: 'text', output, journal: true });
    for (let i = 0; i < 2_000; i++) log.info('x'.repeat(4_000));
    const waiting = output.writableLength;
    assert.ok(waiting > 1_000_000 && waiting < 1_100_000, `${waiting} bytes wait`);
    const kept = Math.round(waiting / 4_004);
    release?.();
    return new Promise<void>((resolve) => {
      setImmediate(() => {
        log.info('again');
        assert.equal(written.at(-1), `<4>our log could not keep up linesLeftOut=${2_000 - kept}\n<6>again\n`);
        resolve();
      });
    });
  });
});

describe('stderrIsJournal', () => {
  it('holds when device and inode are those of file descriptor 2', () => {
    assert.equal(stderrIsJournal('8:12345', { dev: 8, ino: 12345 }), true);
    assert.equal(stderrIsJournal('8:12345', { dev: 8n, ino: 12345n }), true);
  });

  it('does not hold for a variable that was inherited, is missing or is malformed', () => {
    assert.equal(stderrIsJournal('8:12345', { dev: 8, ino: 1 }), false);
    assert.equal(stderrIsJournal(undefined, { dev: 8, ino: 12345 }), false);
    assert.equal(stderrIsJournal('', { dev: 8, ino: 12345 }), false);
    assert.equal(stderrIsJournal('8:12345', undefined), false);
  });
});

describe('limitRepeats', () => {
  it('writes a message once in the interval, then says how often it was repeated', () => {
    let nowMs = 0;
    const { log, calls } = recorder();
    const limited = limitRepeats(log, { intervalMs: 60_000, nowMs: () => nowMs });
    limited.warn('truncated', { entry: 1 });
    limited.warn('truncated', { entry: 2 });
    limited.error('truncated', { entry: 3 });
    limited.warn('other');
    nowMs = 59_999;
    limited.warn('truncated', { entry: 4 });
    nowMs = 60_000;
    limited.warn('truncated', { entry: 5 });
    nowMs = 120_000;
    limited.warn('truncated', { entry: 6 });
    assert.deepEqual(calls, [
      ['warn', 'truncated', { entry: 1 }],
      ['error', 'truncated', { entry: 3 }],
      ['warn', 'other', undefined],
      ['warn', 'truncated', { entry: 5, repeated: 2 }],
      ['warn', 'truncated', { entry: 6 }],
    ]);
  });

  it('forgets the oldest of more than a thousand messages', () => {
    const { log, calls } = recorder();
    const limited = limitRepeats(log, { intervalMs: 60_000, nowMs: () => 0 });
    for (let i = 0; i <= 1_000; i++) limited.info(`message ${i}`);
    limited.info('message 1');
    assert.equal(calls.length, 1_001);
    limited.info('message 0');
    assert.equal(calls.length, 1_002);
  });
});

function collector(): { output: Writable; lines: () => string[] } {
  let text = '';
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { output, lines: () => text.split('\n').slice(0, -1) };
}

function linesOf(options: Partial<LogOptions>, use: (log: Logger) => void): string[] {
  const { output, lines } = collector();
  use(createLog({ level: 'info', format: 'text', journal: false, output, ...options }));
  return lines();
}

function recorder(): { log: Logger; calls: [string, string, LogFields | undefined][] } {
  const calls: [string, string, LogFields | undefined][] = [];
  const record = (level: string) => (message: string, fields?: LogFields) => void calls.push([level, message, fields]);
  return { log: { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') }, calls };
}
