import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { cachedCorpus, exportBlocks } from '../../bench/corpus.js';

it('makes the same entries for the same seed, and others for another', () => {
  const bytes = (seed: number) => Buffer.concat([...exportBlocks(500, seed)]);
  assert.ok(bytes(1).equals(bytes(1)));
  assert.ok(!bytes(1).equals(bytes(2)));
});

it('makes a journal whose messages end with their numbers, in order; several askers get the same one', async () => {
  const [corpus, again] = await Promise.all([cachedCorpus(3000), cachedCorpus(3000)]);
  assert.deepEqual(again, corpus);
  const { stdout, stderr } = spawnSync('journalctl', ['-D', corpus.journal, '-a', '-o', 'json', '--no-pager'], { maxBuffer: 1 << 26, encoding: 'utf8' });
  assert.equal(stderr, '');
  const messages = stdout.trimEnd().split('\n').map((line) => textOf((JSON.parse(line) as { readonly MESSAGE: string | number[] }).MESSAGE));
  assert.deepEqual(messages.map((message) => Number(/~Q(\d{9})~"?\}?$/.exec(message)?.[1])), Array.from({ length: 3000 }, (_, i) => i));
  assert.ok(messages.some((message) => message.includes('\n\tat ')), 'a stack trace');
  assert.ok(messages.some((message) => message.includes('\x1b[')), 'colours');
  assert.ok(messages.some((message) => message.startsWith('\0\xff')), 'bytes');
  assert.ok(corpus.exportBytes / corpus.entries > 900 && corpus.exportBytes / corpus.entries < 1300);
});

function textOf(message: string | number[]): string {
  return typeof message === 'string' ? message : Buffer.from(message).toString('latin1');
}
