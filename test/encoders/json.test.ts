import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEncoder, type FieldSelection } from '../../src/encoders/index.js';
import { entryOf } from '../support/entry.js';
import type { FixtureValue } from '../support/make-journal.js';
import { encodeEntry, encodeFields, example } from './encode.js';

const json = encodeFields.bind(undefined, 'json');
const objectOf = (fields: Readonly<Record<string, FixtureValue>>, maxMessageBytes?: number): Record<string, unknown> =>
  JSON.parse(json(fields, { maxMessageBytes })) as Record<string, unknown>;
const cursor = `s=${'a1'.repeat(16)};i=1;b=${'b0'.repeat(16)};m=641dff4c00;t=5b33878378c00;x=213f9f139737e702`;

test('an entry becomes one object of strings under the names of the journal', () => {
  assert.deepEqual(JSON.parse(String(encodeEntry('json', entryOf({ ...example, _BOOT_ID: 'b0', __MONOTONIC_TIMESTAMP: '5' }, { cursor })))), {
    __CURSOR: cursor,
    __REALTIME_TIMESTAMP: '1604430000000000',
    __MONOTONIC_TIMESTAMP: '5',
    _BOOT_ID: 'b0',
    ...example,
  });
});

test('colour codes, controls, NUL and line feeds are text, on one line', () => {
  const text = '\x1b[31mred\x1b[0m\0\n\u2028\ufffe"\\';
  const line = json({ MESSAGE: text });
  assert.equal((JSON.parse(line) as Record<string, unknown>)['MESSAGE'], text);
  assert.ok(!line.includes('\n'));
});

test('bytes that are not UTF-8 are sent readably, and exactly beside it', () => {
  const object = objectOf({ MESSAGE: Buffer.from([0x61, 0xff, 0x62]) });
  assert.equal(object['MESSAGE'], 'a\ufffdb');
  assert.equal(object['MESSAGE_BASE64'], 'Yf9i');
});

test('a field that was set more than once is an array, and so are its exact bytes', () => {
  assert.deepEqual(objectOf({ F: ['two', 'one'] })['F'], ['one', 'two']);
  const object = objectOf({ F: ['one', Buffer.from([0xfe])] });
  assert.deepEqual([object['F'], object['F_BASE64']], [['one', '\ufffd'], ['b25l', '/g==']]);
});

test("a field of the user's own gets out of the way of exact bytes", () => {
  const line = json({ F: Buffer.from([0xff]), F_BASE64: 'mine', user_F_BASE64: 'too' });
  const object = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual([object['F_BASE64'], object['user_F_BASE64'], object['user_user_F_BASE64']], ['/w==', 'too', 'mine']);
  assert.equal(line.match(/"F_BASE64":/g)?.length, 1);
});

test('a field that is called __proto__ is a field like any other', () => {
  assert.match(json(Object.fromEntries([['__proto__', 'x']])), /"__proto__":"x"/);
});

test('over the limit MESSAGE is shortened first, as far as needed', () => {
  const object = objectOf({ ...example, OTHER: 'o'.repeat(200), MESSAGE: 'é'.repeat(1000) }, 600);
  assert.match(object['MESSAGE'] as string, /^é{50,}\.\.\.\[cut\]$/);
  assert.equal(object['OTHER'], 'o'.repeat(200));
  assert.equal(object['__TRUNCATED'], '1');
  assert.ok(Buffer.byteLength(json({ ...example, OTHER: 'o'.repeat(200), MESSAGE: 'é'.repeat(1000) }, { maxMessageBytes: 600 })) >= 597);
});

test('then the other values are shortened, the longest first, and no cursor ever', () => {
  const message = encodeEntry('json', entryOf({ MESSAGE: 'm'.repeat(500), A: 'a'.repeat(400), B: 'b'.repeat(100), L: ['x'.repeat(300), 'y', 'z'] }, { cursor }), { maxMessageBytes: 800 });
  assert.ok(message !== undefined && message.length <= 800);
  const object = JSON.parse(message.toString()) as Record<string, unknown>;
  assert.equal(object['__CURSOR'], cursor);
  assert.equal(object['B'], 'b'.repeat(100));
  assert.match(object['MESSAGE'] as string, /^m+\.\.\.\[cut\]$/);
  assert.match(object['A'] as string, /^a+\.\.\.\[cut\]$/);
  assert.equal(object['__TRUNCATED'], '2');
});

test('then whole fields are left out, the longest first, and counted', () => {
  const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`F${index}`, 'v'.repeat(index % 50)]));
  const message = encodeEntry('json', entryOf({ ...fields, MESSAGE: 'hello' }, { cursor }), { maxMessageBytes: 1024 });
  assert.ok(message !== undefined && message.length <= 1024);
  const object = JSON.parse(message.toString()) as Record<string, unknown>;
  assert.deepEqual([object['MESSAGE'], object['__CURSOR'], object['__REALTIME_TIMESTAMP']], ['hello', cursor, '1604430000000000']);
  assert.equal(Number(object['__TRUNCATED']), 1003 - (Object.keys(object).length - 1));
});

test('a shortened array keeps the values that fit, then one that is cut', () => {
  const object = objectOf({ L: ['a'.repeat(100), 'b'.repeat(300), 'c'.repeat(300)] }, 400);
  const values = object['L'] as string[];
  assert.equal(values[0], 'a'.repeat(100));
  assert.match(values[1] as string, /^b+\.\.\.\[cut\]$/);
  assert.equal(values.length, 2);
});

test('the exact bytes of a shortened value go with what was cut', () => {
  const object = objectOf({ MESSAGE: Buffer.alloc(1000, 0xff) }, 480);
  assert.match(object['MESSAGE'] as string, /^\ufffd+\.\.\.\[cut\]$/);
  assert.ok(!('MESSAGE_BASE64' in object));
});

const everything: FieldSelection = { fields: undefined, map: [], mapOnly: false, lowercase: false, added: [] };
const selected = (fields: Readonly<Record<string, FixtureValue>>, selection: Partial<FieldSelection>): string => {
  const line = json(fields, { selection: { ...everything, ...selection } });
  return line.replace(/"__(CURSOR|REALTIME_TIMESTAMP)":"[^"]*",?/g, '').replace(/,\}$/, '}');
};
const mapped = (text: string): FieldSelection['map'] => text.split(',').map((pair) => ({ field: pair.split('=')[0]!, name: pair.split('=')[1]! }));

test('a map gives names, in its order, and the others follow under their own', () => {
  const entry = { MESSAGE: 'Started', _HOSTNAME: 'ip-10-0-0-1', _PID: '1' };
  assert.equal(selected(entry, { map: mapped('_HOSTNAME=host,MESSAGE=message') }), '{"host":"ip-10-0-0-1","message":"Started","_PID":"1"}');
});

test('a strict map keeps its fields alone, and leaves out what the entry does not have', () => {
  const entry = { MESSAGE: 'Started', _HOSTNAME: 'ip-10-0-0-1', _SYSTEMD_UNIT: 'kubelet.service', _PID: '1' };
  const map = mapped('MESSAGE=message,_HOSTNAME=hostname,_SYSTEMD_UNIT=systemd_unit,NOT_THERE=nothing');
  assert.equal(json(entry, { selection: { ...everything, map, mapOnly: true } }), '{"message":"Started","hostname":"ip-10-0-0-1","systemd_unit":"kubelet.service"}');
  assert.deepEqual(createEncoder('json', { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false, selection: { ...everything, map, mapOnly: true } }).fields, ['MESSAGE', '_HOSTNAME', '_SYSTEMD_UNIT', 'NOT_THERE']);
});

test('fields of one name are joined with a space, bytes too', () => {
  const map = mapped('A=x,B=x,C=x');
  assert.equal(selected({ A: '1', C: ['3', '4'] }, { map, mapOnly: true }), '{"x":"1 3 4"}');
  assert.equal(selected({ A: '1', B: Buffer.from([0xff]) }, { map, mapOnly: true }), '{"x":"1 \ufffd","x_BASE64":"MSD/"}');
});

test('a list keeps the fields that stand in it', () => {
  assert.equal(json({ MESSAGE: 'm', _PID: '1', PRIORITY: '6' }, { selection: { ...everything, fields: ['PRIORITY', 'MESSAGE'] } }), '{"MESSAGE":"m","PRIORITY":"6"}');
});

test('in lower case a name loses its underscores, and a trusted field keeps it before one of the user\'s', () => {
  const entry = { HOSTNAME: 'forged', _HOSTNAME: 'h1', USER_HOSTNAME: 'too', ___: 'x' };
  const object = JSON.parse(json(entry, { selection: { ...everything, lowercase: true } })) as Record<string, unknown>;
  assert.deepEqual(object, { cursor: object['cursor'], realtime_timestamp: '1604430000000000', hostname: 'h1', user_hostname: 'forged', user_user_hostname: 'too', _: 'x' });
});

test('a name that the map gives to a field of the user\'s is the trusted field\'s all the same', () => {
  assert.equal(selected({ MESSAGE: 'm', _PID: '1' }, { map: mapped('MESSAGE=_PID') }), '{"_PID":"1","user__PID":"m"}');
});

test('a field that is added has its name whatever the entry has', () => {
  assert.equal(selected({ role: 'x', _R: 'y' }, { added: [{ name: 'role', value: 'web' }, { name: '_R', value: '1' }] }), '{"role":"web","_R":"1","user_role":"x","user__R":"y"}');
});
