import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../../src/core/byte-writer.js';
import { createEncoder } from '../../src/encoders/index.js';
import { entryOf } from '../support/entry.js';
import { parseRfc5424 } from '../support/parse-syslog.js';
import { encodeEntry, encodeFields, example } from './encode.js';

const rfc5424 = encodeFields.bind(undefined, 'rfc5424');

test('the shared example has all the parts of an RFC 5424 message', () => {
  assert.equal(rfc5424(example), '<27>1 2020-11-03T19:00:00.000000Z h1 app 42 - - first');
});

test('the time is that of the program where it told one, to the microsecond', () => {
  assert.match(rfc5424({ ...example, _SOURCE_REALTIME_TIMESTAMP: '1604429999123456' }), /^<27>1 2020-11-03T18:59:59\.123456Z /);
  assert.match(rfc5424({ ...example, _SOURCE_REALTIME_TIMESTAMP: 'yesterday' }), /^<27>1 2020-11-03T19:00:00\.000000Z /);
});

test('times in any order, over days and leap days, come out as Date has them', () => {
  const stampOf = (timeUs: number) => parseRfc5424(encodeEntry('rfc5424', entryOf(example, { timestamp: timeUs })) as Buffer).timestamp;
  for (const time of ['2000-02-29T23:59:59.999999Z', '1970-01-01T00:00:00.000001Z', '2020-02-29T00:00:00.000000Z', '2019-12-31T23:59:59.000001Z', '2255-06-05T12:34:56.000009Z']) {
    const ms = Date.parse(time.replace(/\d{3}Z$/, 'Z'));
    const timeUs = ms * 1000 + Number(time.slice(-4, -1));
    assert.equal(stampOf(timeUs), `${new Date(ms).toISOString().slice(0, -1)}${time.slice(-4)}`);
  }
});

test('one encoder stamps entries of different seconds and days rightly one after another', () => {
  const encoder = createEncoder('rfc5424', { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false });
  let timeUs = 951_782_399_000_000;
  for (let i = 0; i < 2000; i++) {
    timeUs += [1, 999_999, 1_000_000, 61_000_001, 86_400_000_000, -3_600_000_000][i % 6] as number;
    const out = new ByteWriter(64);
    encoder.encode(entryOf(example, { timestamp: timeUs }), out);
    const expected = new Date(Math.floor(timeUs / 1000)).toISOString().slice(0, -1) + String(timeUs % 1000).padStart(3, '0') + 'Z';
    assert.equal(parseRfc5424(out.view()).timestamp, expected);
  }
});

test('an entry that tells no time is given the time of its encoding', () => {
  const message = encodeEntry('rfc5424', entryOf(example, { timestamp: 0 }));
  assert.equal(parseRfc5424(message as Buffer).timestamp, '2023-11-14T22:13:20.123000Z');
});

test('APP-NAME, PROCID and MSGID come from the fields that say most', () => {
  const fields = { _HOSTNAME: 'h', _COMM: 'comm', _PID: '1', SYSLOG_PID: '2', SYSLOG_IDENTIFIER: 'ident', MESSAGE_ID: 'a596d6fe7bfa4994828e72309e95d61e', MESSAGE: 'm' };
  assert.match(rfc5424(fields), / h ident 2 a596d6fe7bfa4994828e72309e95d61e - m$/);
  const { SYSLOG_IDENTIFIER: _1, SYSLOG_PID: _2, MESSAGE_ID: _3, ...rest } = fields;
  assert.match(rfc5424(rest), / h comm 1 - - m$/);
  assert.match(rfc5424({ MESSAGE: 'm', SYSLOG_IDENTIFIER: '', SYSLOG_PID: '', _HOSTNAME: '' }), /Z - - - - - m$/);
});

test('header fields are reduced to printable US-ASCII and to the lengths of section 6', () => {
  const parsed = parseRfc5424(
    encodeEntry('rfc5424', entryOf({ _HOSTNAME: 'h'.repeat(300), SYSLOG_IDENTIFIER: 'my é app\t😀', SYSLOG_PID: '7'.repeat(200), MESSAGE_ID: 'm'.repeat(40), MESSAGE: '' })) as Buffer,
  );
  assert.equal(parsed.hostname, 'h'.repeat(255));
  assert.equal(parsed.appName, 'my___app__');
  assert.equal(parsed.procId, '7'.repeat(128));
  assert.equal(parsed.msgId, 'm'.repeat(32));
});

test('fixed host, application and facility win over the entry', () => {
  assert.match(rfc5424(example, { hostname: 'fixed', appName: 'name', facility: 16 }), /^<131>1 \S+ fixed name 42 - - first$/);
});

test('MSG has the bytes of MESSAGE as they are, but for NUL, at which receivers would stop', () => {
  const message = encodeEntry('rfc5424', entryOf({ MESSAGE: Buffer.from([0x61, 0xff, 0x00, 0x1b, 0x0a, 0xc3, 0xa9, 0x0a]) })) as Buffer;
  assert.deepEqual(parseRfc5424(message).message, Buffer.from('61ff233030301b0ac3a90a', 'hex'));
});

test('on a single line LF is #012, and the LF that ends a message is left out', () => {
  assert.match(rfc5424({ MESSAGE: '\none\n\ntwo\n' }, { singleLine: true }), / - #012one#012#012two$/);
  assert.match(rfc5424({ MESSAGE: '\n' }, { singleLine: true }), / - - - $/);
});

test('an entry without MESSAGE is sent with an empty MSG', () => {
  assert.equal(rfc5424({ _HOSTNAME: 'h' }), '<14>1 2020-11-03T19:00:00.000000Z h - - - - ');
});

test('a BOM marks a MSG only where it is valid UTF-8', () => {
  assert.match(rfc5424({ MESSAGE: 'é' }, { bom: true }), / \ufeffé$/);
  assert.doesNotMatch(rfc5424({ MESSAGE: Buffer.from([0xe9]) }, { bom: true }), /\ufeff/);
});

test('chosen fields become one element, with a parameter for each value', () => {
  const fields = { ...example, UNIT: ['b', 'a', 'a'], ODD: 'q"b\\s]\0\n', BIN: Buffer.from([0x41, 0xff]) };
  const structuredData = ['__CURSOR', 'UNIT', 'ABSENT', 'ODD', 'BIN', 'UNIT'];
  const message = encodeEntry('rfc5424', entryOf(fields, { cursor: 's=1;i=2' }), { structuredData }) as Buffer;
  assert.ok(message.includes('[journald@32473 __CURSOR="s=1;i=2" UNIT="a" UNIT="b" ODD="q\\"b\\\\s\\]#000\n" BIN="A\ufffd"] first'));
  assert.match(rfc5424(fields, { structuredData, singleLine: true }), /\\\]#000#012"/);
});

test('structured data is nil where the entry has none of the chosen fields', () => {
  assert.match(rfc5424(example, { structuredData: ['ABSENT'] }), / 42 - - first$/);
});

test('a parameter is named by the first 32 characters of a field, reduced to what a name may hold', () => {
  const parsed = parseRfc5424(encodeEntry('rfc5424', entryOf({ ['F'.repeat(64)]: 'v', 'a=b]"é c': 'w' }), { structuredData: ['F'.repeat(64), 'a=b]"é c'] }) as Buffer);
  assert.deepEqual(parsed.elements[0]?.parameters, [['F'.repeat(32), 'v'], ['a_b____c', 'w']]);
});

test('the encoder reads the chosen fields besides those of the header, but no address fields', () => {
  const { fields } = createEncoder('rfc5424', { maxMessageBytes: undefined, singleLine: false, structuredData: ['_SYSTEMD_UNIT', '__CURSOR', 'MESSAGE'], bom: false });
  assert.ok(fields !== undefined);
  assert.ok(fields.includes('_SYSTEMD_UNIT') && fields.includes('SYSLOG_FACILITY'));
  assert.equal(fields.filter((field) => field === 'MESSAGE').length, 1);
  assert.ok(!fields.includes('__CURSOR'));
});

test('a message over the limit ends in the mark, at exactly the limit where its characters allow', () => {
  const ascii = rfc5424({ ...example, MESSAGE: 'x'.repeat(1000) }, { maxMessageBytes: 480 });
  assert.equal(ascii.length, 480);
  assert.ok(ascii.endsWith('xxx...[cut]'));
  const just = { ...example, MESSAGE: 'x'.repeat(480 - 48) };
  assert.equal(rfc5424(just, { maxMessageBytes: 480 }).endsWith('x'), true);
});

test('structured data gives way to MSG, and is kept while MSG fits', () => {
  const fields = { ...example, BIG: 'b'.repeat(300) };
  const short = rfc5424(fields, { structuredData: ['BIG'], maxMessageBytes: 480 });
  assert.ok(short.includes('BIG="bbb') && short.endsWith('] first'));
  const long = rfc5424({ ...fields, MESSAGE: 'm'.repeat(400) }, { structuredData: ['BIG'], maxMessageBytes: 480 });
  assert.match(long, / 42 - - m{400}$/);
  const longer = rfc5424({ ...fields, MESSAGE: 'm'.repeat(4000) }, { structuredData: ['BIG'], maxMessageBytes: 2048 });
  assert.ok(longer.includes('BIG="bbb') && longer.endsWith('m...[cut]') && longer.length === 2048);
});

test('a header that leaves no room loses its optional fields, not its shape', () => {
  const fields = { _HOSTNAME: 'h'.repeat(60), SYSLOG_IDENTIFIER: 'a'.repeat(48), SYSLOG_PID: '7'.repeat(128), MESSAGE: 'm'.repeat(100) };
  const parsed = parseRfc5424(encodeEntry('rfc5424', entryOf(fields), { maxMessageBytes: 200 }) as Buffer);
  assert.deepEqual([parsed.hostname?.length, parsed.appName?.length, parsed.procId], [60, 48, undefined]);
  const smallest = parseRfc5424(encodeEntry('rfc5424', entryOf(fields), { maxMessageBytes: 64 }) as Buffer);
  assert.deepEqual([smallest.hostname, smallest.appName, smallest.message.toString()], [undefined, undefined, 'mmmmmmmmmmmm...[cut]']);
});
