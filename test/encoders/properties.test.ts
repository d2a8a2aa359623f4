import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../src/core/entry.js';
import type { EncoderOptions } from '../../src/encoders/index.js';
import { ExportReader } from '../../src/formats/export.js';
import { exportEntry, type Fields } from '../formats/serialise.js';
import { entryOf } from '../support/entry.js';
import type { FixtureValue } from '../support/make-journal.js';
import { parseRfc3164, parseRfc5424 } from '../support/parse-syslog.js';
import { encodeEntry } from './encode.js';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: fc.constantFrom('\n', '#012', '\0', '"', '\\', ']', 'é', '😀', 'a', ' '), maxLength: 40 }),
);
const bytes = fc.uint8Array({ maxLength: 200 });
const single: fc.Arbitrary<FixtureValue> = fc.oneof(text, bytes);
const value: fc.Arbitrary<FixtureValue> = fc.oneof({ weight: 5, arbitrary: single }, fc.array(fc.oneof(text, bytes), { minLength: 1, maxLength: 4 }));
const read = [
  'MESSAGE', 'PRIORITY', 'SYSLOG_FACILITY', '_TRANSPORT', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_COMM', 'SYSLOG_PID', '_PID', 'MESSAGE_ID', '_SOURCE_REALTIME_TIMESTAMP',
];
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...read) },
  fc.constantFrom('A', 'A_BASE64', 'A_BASE64_BASE64', 'user_A_BASE64', '_TRUNCATED', '__TRUNCATED', '__proto__', 'MESSAGE_BASE64', 'L'.repeat(64)),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
);
const entry: fc.Arbitrary<Entry> = fc
  .tuple(fc.dictionary(name, value, { maxKeys: 20, noNullPrototype: true }), fc.oneof(fc.nat(), fc.double(), fc.constantFrom(0, 2 ** 55, 2 ** 60, 1604430000000000)))
  .map(([fields, timestamp]) => entryOf(fields, { timestamp, cursor: `s=${'5e'.repeat(16)};i=1;b=${'b0'.repeat(16)};m=1;t=1;x=1` }));

const options: fc.Arbitrary<EncoderOptions> = fc.record({
  maxMessageBytes: fc.option(fc.integer({ min: 64, max: 2000 }), { nil: undefined }),
  singleLine: fc.boolean(),
  structuredData: fc.array(fc.oneof(fc.constantFrom('A', 'MESSAGE', '_PID', '__CURSOR', 'L'.repeat(64)), name), { maxLength: 4 }),
  appName: fc.option(fc.string(), { nil: undefined }),
  hostname: fc.option(fc.string(), { nil: undefined }),
  facility: fc.option(fc.integer({ min: 0, max: 23 }), { nil: undefined }),
  bom: fc.boolean(),
});

const runs = { numRuns: 2000 };

function assertBounds(message: Buffer, { maxMessageBytes, singleLine }: EncoderOptions): void {
  if (maxMessageBytes !== undefined) assert.ok(message.length <= maxMessageBytes, `${message.length} bytes are over ${maxMessageBytes}`);
  if (singleLine) assert.equal(message.indexOf('\n'), -1, 'a line feed is left');
}

test('any entry becomes an RFC 5424 message that parses back, within its limit', () => {
  fc.assert(
    fc.property(entry, options, (entry, options) => {
      const message = encodeEntry('rfc5424', entry, options);
      assert.ok(message !== undefined);
      assertBounds(message, options);
      const parsed = parseRfc5424(message);
      const original = Buffer.from(entry.bytes('MESSAGE') ?? []);
      assertText(parsed.message, original, options);
      if (options.facility !== undefined) assert.equal(parsed.facility, options.facility);
      if (options.maxMessageBytes === undefined) {
        const expected = [...new Set(options.structuredData)].flatMap((field) => valuesOf(entry, field).map((one) => escapedText(one, options.singleLine)));
        assert.deepEqual(parsed.elements.flatMap(({ parameters }) => parameters.map(([, value]) => value)), expected);
      }
    }),
    runs,
  );
});

test('any entry becomes an RFC 3164 message that parses back, within its limit', () => {
  fc.assert(
    fc.property(entry, options, (entry, options) => {
      const message = encodeEntry('rfc3164', entry, options);
      assert.ok(message !== undefined);
      assertBounds(message, options);
      assertText(parseRfc3164(message).message, Buffer.from(entry.bytes('MESSAGE') ?? []), options);
    }),
    runs,
  );
});

test('any entry becomes a JSON object that gives back the exact bytes of every value', () => {
  fc.assert(
    fc.property(entry, (entry) => {
      const json = String(encodeEntry('json', entry));
      const object = parseWithoutRepetition(json);
      for (const name of entry.names()) {
        const original = valuesOf(entry, name).map((one) => Buffer.from(one));
        const isText = original.every((one) => Buffer.from(one.toString('utf8')).equals(one));
        // An entry has a few fields that are in each other's way.
        const keys = Array.from({ length: 6 }, (_, times) => 'user_'.repeat(times) + name);
        const kept = isText ? keys.filter((key) => object.has(key)).map((key) => bytesOf(object, key, 'utf8')) : keys.filter((key) => object.has(`${key}_BASE64`)).map((key) => bytesOf(object, `${key}_BASE64`, 'base64'));
        assert.ok(kept.some((values) => values.length === original.length && values.every((one, index) => one.equals(original[index] as Buffer))), `${JSON.stringify(name)} is not in ${json}`);
      }
    }),
    runs,
  );
});

test('any entry becomes a JSON object of strings within its limit, however small', () => {
  fc.assert(
    fc.property(entry, fc.integer({ min: 2, max: 2000 }), (entry, maxMessageBytes) => {
      const message = encodeEntry('json', entry, { maxMessageBytes });
      assert.ok(message !== undefined && message.length <= maxMessageBytes);
      const object = parseWithoutRepetition(message.toString('utf8'));
      for (const value of object.values()) assert.ok(typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string')));
      if (maxMessageBytes >= 480) assert.equal(object.get('__CURSOR'), entry.cursor);
    }),
    runs,
  );
});

test('short and cat have a message for any entry with MESSAGE, within its limit, and none for any other', () => {
  fc.assert(
    fc.property(entry, options, fc.constantFrom('short' as const, 'cat' as const), (entry, options, format) => {
      const message = encodeEntry(format, entry, options);
      assert.equal(message !== undefined, entry.bytes('MESSAGE') !== undefined);
      if (message === undefined) return;
      assertBounds(message, options);
      if (format === 'cat' && options.maxMessageBytes === undefined) {
        const original = Buffer.from(entry.bytes('MESSAGE') as Uint8Array);
        assert.equal(message.toString('latin1'), options.singleLine ? original.toString('latin1').replace(/\n$/, '').replaceAll('\n', '#012') : original.toString('latin1'));
      }
    }),
    runs,
  );
});

test('a message is the same whether its entry lies in the memory that it was read into, or has fields of its own', () => {
  const names = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...read) }, fc.constantFrom('A', 'A_BASE64', 'MESSAGES', '_PIE', 'L'.repeat(64)));
  const fields = fc.dictionary(names, value, { maxKeys: 14, noNullPrototype: true });
  fc.assert(
    fc.property(fc.tuple(fields, fields), options, fc.constantFrom('rfc5424' as const, 'rfc3164' as const, 'short' as const, 'cat' as const), (all, options, format) => {
      const own = all.map((one) => entryOf(one));
      const reader = new ExportReader();
      const shared = reader.push(Buffer.concat(own.map((one, index) => exportEntry([...fieldsOf('__CURSOR', one.cursor), ...fieldsOf('__REALTIME_TIMESTAMP', String(one.timestamp)), ...Object.entries(all[index]!).flatMap(([name, values]) => fieldsOf(name, values))]))));
      assert.equal(shared.length, own.length);
      own.forEach((one, index) => assert.deepEqual(encodeEntry(format, shared[index]!, options), encodeEntry(format, one, options)));
    }),
    runs,
  );
});

/** A field as the export format has it, once for each value. */
function fieldsOf(name: string, value: FixtureValue): Fields {
  const values = typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
  return values.map((one) => [name, one]);
}

/** The text is the whole message, or a beginning of it that ends in the mark. */
function assertText(sent: Buffer, original: Buffer, { maxMessageBytes, singleLine, bom }: EncoderOptions): void {
  const text = original.toString('latin1');
  const escaped = (singleLine ? text.replace(/\n$/, '').replaceAll('\n', '#012') : text).replaceAll('\0', '#000');
  const got = sent.toString('latin1');
  // A message that begins with a BOM of its own reads as a marked one.
  if (got === escaped || (escaped.startsWith('\xef\xbb\xbf') && !bom && got === escaped.slice(3))) return;
  assert.ok(maxMessageBytes !== undefined, `${JSON.stringify(got)} is not ${JSON.stringify(escaped)}`);
  assert.ok(got.endsWith('...[cut]'), `${JSON.stringify(got)} has no mark`);
  const kept = got.slice(0, -'...[cut]'.length);
  assert.ok(escaped.startsWith(kept) || escaped.startsWith(`\xef\xbb\xbf${kept}`), `${JSON.stringify(kept)} does not begin ${JSON.stringify(escaped)}`);
  if (Buffer.from(original.toString('utf8')).equals(original)) {
    assert.equal(Buffer.from(kept, 'latin1').toString('utf8').includes('\ufffd') && !original.toString('utf8').includes('\ufffd'), false, 'a code point was cut in half');
  }
}

function escapedText(value: Buffer, singleLine: boolean): string {
  const text = value.toString('utf8').replaceAll('\0', '#000');
  return singleLine ? text.replaceAll('\n', '#012') : text;
}

function valuesOf(entry: Entry, name: string): Buffer[] {
  const value = entry.get(name);
  if (value === undefined) return [];
  const values = typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
  return values.map((one) => Buffer.from(one));
}

function bytesOf(object: ReadonlyMap<string, unknown>, key: string, encoding: 'utf8' | 'base64'): Buffer[] {
  const value = object.get(key) as string | readonly string[];
  return (typeof value === 'string' ? [value] : value).map((one) => Buffer.from(one, encoding));
}

/** The members of a flat JSON object; throws where a name occurs twice, which JSON.parse would pass over. */
function parseWithoutRepetition(json: string): Map<string, unknown> {
  const object = new Map<string, unknown>(Object.entries(JSON.parse(json) as object));
  // Written anew from the parsed members, an object that had a name twice comes out shorter.
  const again = `{${[...object].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  assert.equal(again.length, json.length, `a name occurs twice in ${json}`);
  return object;
}
