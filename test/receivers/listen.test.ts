import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { listen } from '../../src/receivers/listen.js';

describe('listen', () => {
  it('says where it listens and prints each message on a line of its own', async () => {
    const { url, output, stop, ended } = await start();
    connect(Number(new URL(url).port), '127.0.0.1').end('8 <13>a\nb\u0001<13>two\n');
    assert.equal(await text(output, 2), '<13>a\\nb\\u0001\n<13>two\n');
    stop();
    assert.equal(await ended, 2);
  });

  it('ends when nobody reads its output any more', async () => {
    const { output, ended } = await start();
    output.destroy(new Error('EPIPE'));
    assert.equal(await ended, 0);
  });

  it('warns of a sender that it does not understand and goes on', async () => {
    const { url, output, warnings, stop, ended } = await start();
    const port = Number(new URL(url).port);
    const bad = connect(port, '127.0.0.1');
    bad.end('10 short');
    bad.resume();
    await once(bad, 'close');
    connect(port, '127.0.0.1').end('4 good');
    assert.equal(await text(output, 1), 'good\n');
    assert.deepEqual(warnings, ['the stream ended 5 bytes before the end of a message, of which 5 bytes had arrived']);
    stop();
    await ended;
  });

  it('stops while its output is stuck', async () => {
    const { url, output, stop, ended } = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    socket.write(`${'x'.repeat(100)}\n`.repeat(10_000));
    await once(output, 'readable');
    stop();
    assert.ok((await ended) > 0);
    socket.destroy();
  });
});

async function start() {
  const output = new PassThrough();
  const stop = new AbortController();
  const warnings: string[] = [];
  let ended: Promise<number> | undefined;
  const url = await new Promise<string>((resolve, reject) => {
    const log = {
      debug: () => undefined,
      info: (message: string) => resolve(message.replace('listening on ', '')),
      warn: (_message: string, fields?: Readonly<Record<string, unknown>>) => void warnings.push(String(fields?.['problem'])),
      error: () => undefined,
    };
    ended = listen({ transport: 'tcp', host: '127.0.0.1', port: 0 }, { output, log, signal: stop.signal });
    ended.catch(reject);
  });
  return { url, output, warnings, stop: () => stop.abort(), ended: ended as Promise<number> };
}

async function text(output: PassThrough, lineCount: number): Promise<string> {
  let lines = '';
  while (lines.split('\n').length <= lineCount) lines += String(output.read() ?? ((await once(output, 'readable')), ''));
  return lines;
}
