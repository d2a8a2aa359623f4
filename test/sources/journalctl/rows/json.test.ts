import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { textOf, type Entry, type FieldValue } from '../../../../src/core/entry.js';
import { parseJsonEntry } from '../../../../src/formats/json.js';
import { joinLines } from '../../../../src/pipeline/join-lines.js';
import { ReaderFixture } from './reader-fixture.js';

describe('JSON, as journalctl prints it', () => {
  let fixture: ReaderFixture;
  beforeEach(async () => {
    fixture = await ReaderFixture.start();
  });
  afterEach(() => fixture.stop());

  const shapes: readonly { readonly title: string; readonly fields: Readonly<Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>>; readonly want: Readonly<Record<string, FieldValue | undefined>> }[] = [
    { title: 'a field of 4,087 bytes', fields: { MESSAGE: 'z'.repeat(4087) }, want: { MESSAGE: 'z'.repeat(4087) } },
    { title: 'a field of 4,088 bytes, which is null without --all', fields: { MESSAGE: 'z'.repeat(4088) }, want: { MESSAGE: 'z'.repeat(4088) } },
    { title: 'a field of 1 MB', fields: { MESSAGE: 'z'.repeat(1_000_000) }, want: { MESSAGE: 'z'.repeat(1_000_000) } },
    { title: 'ESC, CR, NUL, DEL and C1, which come as arrays of numbers', fields: { MESSAGE: 'a\u001b[31m\r\0\u007f\u0085' }, want: { MESSAGE: 'a\u001b[31m\r\0\u007f\u0085' } },
    { title: 'U+FFFE, which comes so, too', fields: { MESSAGE: 'a\ufffe' }, want: { MESSAGE: 'a\ufffe' } },
    { title: 'U+FFFD, bidi marks, U+2028, TAB and LF, which stay text', fields: { MESSAGE: '\ufffd\u202e\u2028\t\nb' }, want: { MESSAGE: '\ufffd\u202e\u2028\t\nb' } },
    { title: 'invalid UTF-8', fields: { MESSAGE: Buffer.from([0x61, 0xff]) }, want: { MESSAGE: Buffer.from([0x61, 0xff]) } },
    { title: 'a field set more than once, equal values once', fields: { MESSAGE: 'x', R: ['2', '1', '2'] }, want: { R: ['1', '2'] } },
    { title: 'a field set to text and to bytes', fields: { MESSAGE: 'x', R: ['b', Buffer.from([0xff])] }, want: { R: ['b', Buffer.from([0xff])] } },
    { title: 'no MESSAGE', fields: { OTHER: 'x' }, want: { MESSAGE: undefined, OTHER: 'x' } },
    { title: 'an empty MESSAGE', fields: { MESSAGE: '' }, want: { MESSAGE: '' } },
    { title: 'a PRIORITY that is none', fields: { MESSAGE: 'x', PRIORITY: '99' }, want: { PRIORITY: '99' } },
  ];
  for (const { title, fields, want } of shapes) {
    it(`${title}: the same as JSON, live and in bulk`, async () => {
      const follower = fixture.follow();
      await follower.isFollowing();
      await fixture.sandbox.send([fields, { MESSAGE: 'end' }]);
      await follower.until('end');
      const bulk = await fixture.read();
      const { stdout } = await fixture.sandbox.run('journalctl', ['--quiet', '--all', '--output=json', '_TRANSPORT=journal']);
      const json = parseJsonEntry(stdout.toString('utf8').split('\n')[0]!);
      for (const entry of [json!, follower.entries[0]!, bulk[0]!]) {
        for (const [name, value] of Object.entries(want)) assert.deepEqual(plain(entry.get(name)), plain(value));
      }
    });
  }

  it('a stdout line that journald splits at 48 KiB is several entries, and one of them again when joined', async () => {
    const line = Array.from({ length: 25_000 }, (_, i) => `${i}`).join(' ');
    await fixture.sandbox.run('sh', ['-c', 'cat | systemd-cat -t app; echo short | systemd-cat -t app'], { stdin: `${line}\n` });
    await fixture.sandbox.sync();
    const pieces = await fixture.read({ selection: { identifiers: ['app'] } });
    assert.deepEqual(pieces.map((entry) => textOf(entry, '_LINE_BREAK')), ['line-max', 'line-max', undefined, undefined]);
    const joined: Entry[] = [];
    const source = joinLines(fixture.source({ follow: false, selection: { identifiers: ['app'] } }));
    for await (const { entries } of source.read(undefined, new AbortController().signal)) joined.push(...entries);
    assert.deepEqual(joined.map((entry) => textOf(entry, 'MESSAGE')), [line, 'short']);
    assert.equal(joined[0]!.cursor, pieces[2]!.cursor);
  });

  it('an entry with more than 1,024 fields is left out whole by journald, and its neighbours are not', async () => {
    const many = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`F${i}`, '1']));
    await fixture.sandbox.send([{ MESSAGE: 'before' }, { MESSAGE: 'many', ...many }, { MESSAGE: 'after' }]);
    await fixture.sandbox.sync();
    assert.deepEqual(await fixture.messages(), ['before', 'after']);
    assert.deepEqual(fixture.events.gaps, []);
  });
});

function plain(value: FieldValue | undefined): unknown {
  const one = (item: string | Uint8Array): string | number[] => (typeof item === 'string' ? item : [...item]);
  return value === undefined ? undefined : typeof value === 'string' || value instanceof Uint8Array ? one(value) : value.map(one);
}
