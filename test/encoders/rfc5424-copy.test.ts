import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../src/core/entry.js';
import type { EncoderOptions } from '../../src/encoders/index.js';
import { ExportReader } from '../../src/formats/export.js';
import { exportEntry, type Fields } from '../formats/serialise.js';
import { encodeEntry } from './encode.js';

const text = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[!-~]{1,40}$/) },
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom('a', 'é', '日', ' ', '\n', '\0', '\x7f', '_'), maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 0, max: 300 }).map((length) => 'x'.repeat(length)),
);
const number = fc.oneof(fc.nat({ max: 200 }).map(String), fc.constantFrom('0', '7', '8', '03', '23', '24', '+3', '', ' 3'));
const time = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 56n }).map(String) },
  // As long as nearly all are, with what stands beside the digits in ASCII and what differs from one by its highest bit.
  fc.tuple(fc.stringMatching(/^[1-9][0-9]{15}$/), fc.nat({ max: 15 }), fc.constantFrom(0x2f, 0x3a, 0x3f, 0x20, 0xb0, 0xb9, 0xff)).map(([digits, at, byte]) => Buffer.from(digits).fill(byte, at, at + 1)),
  fc.constantFrom('0', '01604430000000000', '0x1', '', '-1', '1604430000000000 ', String(2 ** 53), String(2 ** 53 - 1), String(2 ** 55), '951782400000000', '951868800000000', '4107542399999999', '4107542400000000'),
);
/** Copied 32 bytes at a time, as long as there is nothing special. */
const blocks = fc.array(fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 70 }).map((length) => 'x'.repeat(length)) }, fc.constantFrom('\n', '\0', 'é')), { maxLength: 8 }).map((parts) => parts.join(''));
const message = fc.oneof(text, blocks, fc.string({ unit: fc.constantFrom('line', '\n', '\0', 'é'), maxLength: 30 }), fc.constantFrom('x'.repeat(70_000), 'last\n', '\n'));
const field: fc.Arbitrary<Fields[number]> = fc.oneof(
  fc.tuple(fc.constantFrom('_HOSTNAME', 'SYSLOG_IDENTIFIER', '_COMM', 'SYSLOG_PID', '_PID', 'MESSAGE_ID'), text),
  fc.tuple(fc.constantFrom('PRIORITY', 'SYSLOG_FACILITY'), number),
  fc.tuple(fc.constantFrom('_SOURCE_REALTIME_TIMESTAMP', '__REALTIME_TIMESTAMP'), time),
  fc.tuple(fc.constant('_TRANSPORT'), fc.constantFrom('kernel', 'kernex', 'syslog', '')),
  fc.tuple(fc.constant('MESSAGE'), message),
  // The same length, first and last letter as a field that counts.
  fc.tuple(fc.constantFrom('PRIOXITY', '_COXM', '_XID', 'MESSAGX_ID', 'MXXXXXE', 'OTHER', '_SOURCE_REALTIME_TIMESTXMP'), text),
);
const entry = fc.oneof(
  { weight: 3, arbitrary: fc.uniqueArray(field, { selector: ([name]) => name, maxLength: 12 }) },
  fc.array(field, { maxLength: 12 }),
);
const options: fc.Arbitrary<Partial<EncoderOptions>> = fc.record({
  maxMessageBytes: fc.option(fc.integer({ min: 40, max: 2000 }), { nil: undefined }),
  singleLine: fc.boolean(),
  facility: fc.option(fc.integer({ min: 0, max: 23 }), { nil: undefined }),
});

test('an entry whose bytes are copied becomes the very message that its fields would become one by one', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), options, (entries, options) => {
      for (const one of read(entries)) assert.deepEqual(encodeEntry('rfc5424', one, options), encodeEntry('rfc5424', withoutTable(one), options));
    }),
    { numRuns: 3000 },
  );
});

test('any second between 1970 and 2255 is written as Date writes it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_007_199_254 }), (second) => {
      const [one] = read([[['__REALTIME_TIMESTAMP', `${second}123456`], ['MESSAGE', 'm']]]);
      assert.equal(String(encodeEntry('rfc5424', one!)), `<14>1 ${new Date(second * 1000).toISOString().slice(0, 19)}.123456Z - - - - - m`);
    }),
    { numRuns: 3000 },
  );
});

test('a usual entry is copied, without any of its fields being asked for', () => {
  const fields: Fields = [['__REALTIME_TIMESTAMP', '1604430000000000'], ['_HOSTNAME', 'h1'], ['SYSLOG_IDENTIFIER', 'app'], ['_PID', '42'], ['PRIORITY', '3'], ['SYSLOG_FACILITY', '3'], ['MESSAGE', 'é\nb\0']];
  const [one] = read([fields]);
  const untouchable: Entry = { cursor: one!.cursor, timestamp: one!.timestamp, table: one!.table!, index: one!.index!, get: () => assert.fail(), bytes: () => assert.fail(), names: () => assert.fail() };
  assert.equal(String(encodeEntry('rfc5424', untouchable, { singleLine: true })), '<27>1 2020-11-03T19:00:00.000000Z h1 app 42 - - é#012b#000');
});

function read(entries: readonly Fields[]): Entry[] {
  return new ExportReader().push(Buffer.concat(entries.map(exportEntry)));
}

function withoutTable(one: Entry): Entry {
  return { cursor: one.cursor, timestamp: one.timestamp, get: (name) => one.get(name), bytes: (name) => one.bytes(name), names: () => one.names() };
}
