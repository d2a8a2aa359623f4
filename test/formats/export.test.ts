import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ExportReader, type ExportReaderOptions } from '../../src/formats/export.js';
import { cutInto } from './chunks.js';
import { binaryField, exportEntry } from './serialise.js';
import { snapshot } from './snapshot.js';

/** All that a reader says of a stream. */
function readAll(chunks: Iterable<Uint8Array>, options: ExportReaderOptions = {}): { entries: unknown[]; malformed: unknown[] } {
  const malformed: unknown[] = [];
  const reader = new ExportReader({ ...options, onMalformed: (...fault) => malformed.push([fault[0], Buffer.from(fault[1]).toString('latin1'), fault[2]]) });
  const entries = [...chunks].flatMap((chunk) => reader.push(chunk));
  entries.push(...reader.end());
  return { entries: entries.map((entry) => ({ ...snapshot(entry), truncated: entry.truncatedFields })), malformed };
}

function messages(text: string | Uint8Array, options?: ExportReaderOptions): unknown[] {
  const reader = new ExportReader(options);
  return [...reader.push(Buffer.from(text as Uint8Array)), ...reader.end()].map((entry) => entry.get('MESSAGE'));
}

const first = '__CURSOR=c1\n__REALTIME_TIMESTAMP=1604430000000000\nMESSAGE=first\n\n';

describe('the export format', () => {
  test('gives an entry as soon as the empty line after it has come, and not before', () => {
    const reader = new ExportReader();
    assert.deepEqual(reader.push(Buffer.from(first.slice(0, -1))), []);
    const [entry] = reader.push(Buffer.from('\n'));
    assert.equal(entry?.get('MESSAGE'), 'first');
    assert.equal(entry.cursor, 'c1');
    assert.equal(entry.timestamp, 1604430000000000);
    assert.deepEqual(reader.end(), []);
  });

  test('gives a last entry that no empty line follows', () => {
    assert.deepEqual(messages(first + 'MESSAGE=last\n'), ['first', 'last']);
    assert.deepEqual(messages(first + 'MESSAGE=last'), ['first', 'last']);
    assert.deepEqual(messages(Buffer.concat([Buffer.from(first), binaryField('MESSAGE', 'a\nb').subarray(0, -1)])), ['first', 'a\nb']);
  });

  test('takes any number of empty lines around entries', () => {
    assert.deepEqual(messages(`\n\n${first}\n\n\nMESSAGE=second\n\n\n`), ['first', 'second']);
    assert.deepEqual(messages('\n\n'), []);
    assert.deepEqual(messages(''), []);
  });

  test('keeps empty lines, equals signs and whole entries that lie within a value', () => {
    const value = `a\n\n${first}b=\n`;
    assert.deepEqual(messages(Buffer.concat([binaryField('MESSAGE', value), Buffer.from(`\n${first}`)])), [value, 'first']);
  });

  test('takes empty values of both kinds', () => {
    assert.deepEqual(messages(Buffer.concat([Buffer.from('MESSAGE=\n\n'), binaryField('MESSAGE', ''), Buffer.from('\n')])), ['', '']);
  });

  test('gives what was never set as undefined, and no time as 0', () => {
    const [entry] = new ExportReader().push(Buffer.from('MESSAGE=m\n\n'));
    assert.equal(entry?.get('PRIORITY'), undefined);
    assert.equal(entry?.bytes('MESSAG'), undefined);
    assert.equal(entry?.bytes(''), undefined);
    assert.equal(entry?.timestamp, 0);
    assert.equal(entry?.cursor, '');
  });

  test('gives the different values of a repeated field in ascending order', () => {
    const [entry] = new ExportReader().push(Buffer.from('T=b\nM=1\nT=a\nT=b\nU=x\nU=x\n\n'));
    assert.deepEqual(entry?.get('T'), ['a', 'b']);
    assert.deepEqual(Buffer.from(entry.bytes('T') ?? []), Buffer.from('a'));
    assert.equal(entry.get('U'), 'x');
    assert.deepEqual([...entry.names()].sort(), ['M', 'T', 'U']);
  });

  test('tells names apart that agree in length, first and last letter', () => {
    const [entry] = new ExportReader().push(Buffer.from('ABC=1\nAXC=2\nAYC=3\n\n'));
    assert.deepEqual(['AXC', 'AYC', 'ABC', 'AZC'].map((name) => entry?.get(name)), ['2', '3', '1', undefined]);
  });

  test('keeps the entries of one chunk apart when there are thousands of fields', () => {
    const entries = Array.from({ length: 3000 }, (_, i) => `A=${i}\nB=x\nC=y${i}\n\n`).join('');
    const read = new ExportReader().push(Buffer.from(entries));
    assert.deepEqual(read.map((entry) => `${String(entry.get('A'))} ${String(entry.get('C'))}`), read.map((_, i) => `${i} y${i}`));
    assert.equal(read.length, 3000);
  });

  test('takes more entries and more fields in one chunk than it looks at in one go', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `A=${i}\n\n`).join('');
    const large = `${Array.from({ length: 30_000 }, (_, i) => `B=${i % 100}\n`).join('')}C=1\n\n`;
    const wide = Array.from({ length: 40 }, (_, i) => `${Array.from({ length: 1000 }, () => 'D=\n').join('')}E=${i}\n\n`).join('');
    const read = new ExportReader().push(Buffer.from(many + large + wide + large + many));
    assert.equal(read.length, 20_000 + 1 + 40 + 1 + 20_000);
    assert.deepEqual([read[0], read[19_999], read[20_042]].map((entry) => entry?.get('A')), ['0', '19999', '0']);
    assert.deepEqual([20_000, 20_041].map((at) => [(read[at]?.get('B') as string[]).length, read[at]?.get('C')]), [[100, '1'], [100, '1']]);
    assert.deepEqual(read.slice(20_001, 20_041).map((entry) => entry.get('E')), Array.from({ length: 40 }, (_, i) => `${i}`));
  });

  test('reads a message of 20 MB that comes in chunks of a pipe', () => {
    const message = 'x'.repeat(20 * 1024 * 1024);
    for (const whole of [Buffer.from(`MESSAGE=${message}\nP=6\n\n`), Buffer.concat([binaryField('MESSAGE', message), Buffer.from('P=6\n\n')])]) {
      const reader = new ExportReader();
      const entries = [];
      for (let at = 0; at < whole.length; at += 65536) entries.push(...reader.push(whole.subarray(at, at + 65536)));
      assert.equal(entries.length, 1);
      assert.ok(entries[0]?.get('MESSAGE') === message);
      assert.equal(entries[0].get('P'), '6');
      assert.equal(entries[0].truncatedFields, undefined);
    }
  });
});

describe('an entry of the export format that is too large', () => {
  const max = 64 * 1024;

  test('has its large value cut, says so, and keeps the small ones after it', () => {
    const whole = Buffer.from(`__CURSOR=c\nMESSAGE=${'x'.repeat(10 * max)}\nPRIORITY=3\n_HOSTNAME=h1\n\n${first}`);
    const [entry, next] = new ExportReader({ maxEntryBytes: max }).push(whole);
    assert.deepEqual(entry?.truncatedFields, ['MESSAGE']);
    const kept = entry.bytes('MESSAGE')?.length ?? 0;
    assert.ok(kept > max / 2 && kept <= max, `${kept}`);
    assert.equal(entry.get('PRIORITY'), '3');
    assert.equal(entry.get('_HOSTNAME'), 'h1');
    assert.equal(next?.get('MESSAGE'), 'first');
    assert.equal(next.truncatedFields, undefined);
  });

  test('is not cut while it fits to the byte', () => {
    const entry = `A=${'x'.repeat(90)}\nB=1\n\n`;
    for (const chunks of [[Buffer.from(entry)], [...Buffer.from(entry)].map((byte) => Buffer.of(byte))]) {
      const { entries } = readAll(chunks, { maxEntryBytes: entry.length });
      assert.deepEqual((entries as { truncated: unknown }[]).map((one) => one.truncated), [undefined]);
    }
  });

  test('is cut between characters', () => {
    const whole = Buffer.from(`MESSAGE=${'\u{1f600}'.repeat(max)}\n\n`);
    for (let maxEntryBytes = max; maxEntryBytes < max + 8; maxEntryBytes++) {
      const [entry] = new ExportReader({ maxEntryBytes }).push(whole);
      assert.match(entry?.get('MESSAGE') as string, /^\u{1f600}+$/u);
    }
  });

  test('never holds more than the limit and its reserve, however much comes', () => {
    const reader = new ExportReader({ maxEntryBytes: 1024 * 1024 });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    reader.push(Buffer.from('MESSAGE='));
    for (let i = 0; i < 3000; i++) {
      reader.push(chunk);
      if (i % 100 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    const [entry] = reader.push(Buffer.from('\nPRIORITY=1\n\n'));
    assert.ok(most < 8 * 1024 * 1024, `held ${most} bytes`);
    assert.equal(entry?.bytes('MESSAGE')?.length, 1024 * 1024 - 'MESSAGE='.length - 1);
    assert.equal(entry?.get('PRIORITY'), '1');
  });
});

describe('what is not in the export format', () => {
  const huge = Buffer.concat([Buffer.from('MESSAGE\n'), Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x10]), Buffer.from('x\n')]);
  const unended = Buffer.concat([Buffer.from('A=1\n'), binaryField('MESSAGE', 'abc').subarray(0, -1), Buffer.from('MORE=1\n')]);

  for (const [what, bytes, reason] of [
    ['a lower-case name', Buffer.from('A=1\nmessage=x\n'), 'a line that is not a field'],
    ['a line without a name', Buffer.from('=x\n'), 'a line that is not a field'],
    ['a name of 65 bytes', Buffer.from(`${'N'.repeat(65)}=x\n`), 'a field name longer than 64 bytes'],
    ['a value that its length does not fit', unended, 'a value that is not followed by a line feed'],
    ['a length of 2^60', huge, `a value of ${2n ** 60n} bytes`],
  ] as const) {
    test(`is skipped to the next empty line and reported: ${what}`, () => {
      const whole = Buffer.concat([Buffer.from(first), bytes, Buffer.from('\nMESSAGE=next\n\n')]);
      for (const chunks of [[whole], [...whole].map((byte) => Buffer.of(byte))]) {
        const { entries, malformed } = readAll(chunks);
        assert.deepEqual(malformed, [[reason, `${bytes.toString('latin1')}\n`, 2]]);
        assert.equal(entries.length, 2);
      }
    });
  }

  test('is reported where the input ends within it', () => {
    for (const end of ['MESS', 'MESSAGE\n123', 'A=1\nMESSAGE\n\x05\0\0\0\0\0\0\0ab']) {
      assert.deepEqual(readAll([Buffer.from(end)]).malformed, [['the input ends within a field', end, 1]]);
    }
    assert.deepEqual(readAll([Buffer.from('!x')]).malformed, [['a line that is not a field', '!x', 1]]);
  });

  test('is held up to the limit only', () => {
    const { malformed } = readAll([Buffer.from(`!${'x\n'.repeat(5000)}\n`)], { maxEntryBytes: 100 });
    assert.equal(((malformed as string[][])[0]?.[1] ?? '').length, 100);
  });
});

describe('a reader that is asked for some fields', () => {
  const asked = ['MESSAGE', 'PRIORITY'];

  test('gives them as one that keeps all, wherever the chunks are cut, and as many entries', () => {
    const name = fc.oneof(fc.constantFrom(...asked, '__CURSOR'), fc.stringMatching(/^[A-Z0-9_]{1,12}$/));
    const entries = fc.array(fc.array(fc.tuple(name, fc.oneof(fc.string().map((text) => Buffer.from(text)), fc.uint8Array())), { minLength: 1, maxLength: 6 }), { maxLength: 6 });
    fc.assert(
      fc.property(cutInto(entries.map((all) => Buffer.concat(all.map(exportEntry)))), ({ whole, chunks }) => {
        const of = (options: ExportReaderOptions): unknown[] => {
          const reader = new ExportReader(options);
          return [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()].map((entry) => [entry.cursor, ...asked.map((one) => [entry.get(one), entry.bytes(one)])]);
        };
        assert.deepEqual(of({ fields: asked }), of({}));
        assert.equal(readAll([whole], { fields: asked }).entries.length, readAll([whole]).entries.length);
      }),
      { numRuns: 500 },
    );
  });

  test('tells which fields none of the entries that were read together has', () => {
    const whole = Buffer.concat([exportEntry([['MESSAGE', 'a'], ['OTHER', 'b']]), exportEntry([['PRIORITY', '3'], ['MESSAGE', 'c']])]);
    const tables = (fields?: readonly string[]): (boolean | undefined)[][] => new ExportReader({ fields }).push(whole).map(({ table }) => ['MESSAGE', 'PRIORITY', 'OTHER', 'N_DROPPED'].map((name) => table.mayHave(name)));
    assert.deepEqual(tables(), [[true, true, true, false], [true, true, true, false]]);
    assert.deepEqual(tables(asked), [[true, true, false, false], [true, true, false, false]]);
  });

  test('does not hold the others, however large, nor counts them against the limit', () => {
    const large = exportEntry([['COREDUMP', Buffer.alloc(50_000, 'x')], ['MESSAGE', 'm'.repeat(900)], ['OTHER', '\0'.repeat(50_000)]]);
    const chunks = Array.from({ length: Math.ceil(large.length / 1000) }, (_, index) => large.subarray(index * 1000, (index + 1) * 1000));
    for (const stream of [chunks, [large]]) {
      const reader = new ExportReader({ fields: asked, maxEntryBytes: 1000 });
      const [entry] = stream.flatMap((chunk) => reader.push(chunk));
      assert.equal(entry?.get('MESSAGE'), 'm'.repeat(900));
      assert.equal(entry.truncatedFields, undefined);
      assert.deepEqual([...entry.names()], ['MESSAGE']);
    }
  });
});

describe('wherever the chunks are cut', () => {
  const name = fc.stringMatching(/^[A-Z0-9_]{1,64}$/);
  // The scanner looks at 64 bytes at a time.
  const blocks = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.constantFrom('', '\n', '\nA=\n'), fc.integer({ min: 0, max: 200 })).map(([before, middle, after]) => `${'x'.repeat(before)}${middle}${'y'.repeat(after)}`);
  const value = fc.oneof(fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)), fc.uint8Array(), fc.constantFrom('', '\n\n', 'A=\n\nB', '\r').map((text) => Buffer.from(text)), blocks.map((text) => Buffer.from(text)));
  const field = fc.tuple(name, value);
  /** Streams that are nearly right: whole fields, odd bytes, empty lines. */
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.array(field, { maxLength: 4 }).map(exportEntry) },
    { weight: 3, arbitrary: field.map(([one, bytes]) => binaryField(one, bytes)) },
    { weight: 1, arbitrary: fc.constantFrom('\n', 'A=', 'B\n', '=', 'x', '\0\0\0\0\0\0\0\0', '\x03\0\0\0\0\0\0\0').map((text) => Buffer.from(text)) },
  );
  const input = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.concat(pieces));

  test('entries and faults of any input are the same', () => {
    fc.assert(
      fc.property(cutInto(input), fc.constantFrom(undefined, 10, 60, 300), ({ whole, chunks }, maxEntryBytes) => {
        const options = maxEntryBytes === undefined ? {} : { maxEntryBytes };
        assert.deepEqual(readAll(chunks, options), readAll([whole], options));
      }),
      { numRuns: 1500 },
    );
  });
});
