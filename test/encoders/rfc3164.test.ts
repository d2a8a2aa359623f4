import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { entryOf } from '../support/entry.js';
import { parseRfc3164 } from '../support/parse-syslog.js';
import { encodeEntry, encodeFields, example } from './encode.js';

const rfc3164 = encodeFields.bind(undefined, 'rfc3164');

before(() => {
  process.env['TZ'] = 'UTC';
});

test('the shared example becomes the line that its migration promises', () => {
  assert.equal(rfc3164(example), '<27>Nov  3 19:00:00 h1 app[42]: first');
});

test('the time is local', () => {
  process.env['TZ'] = 'Asia/Kathmandu';
  assert.equal(rfc3164(example), '<27>Nov  4 00:45:00 h1 app[42]: first');
  process.env['TZ'] = 'UTC';
});

test('the day is padded with a space only below 10', () => {
  assert.match(String(encodeEntry('rfc3164', entryOf(example, { timestamp: 1605034800000000 }))), /^<27>Nov 10 19:00:00 /);
});

test('a tag loses what would end it early, and what is longer than 32 bytes', () => {
  assert.match(rfc3164({ ...example, SYSLOG_IDENTIFIER: 'a b[c]:d/e.f-é' }), / h1 a_b_c__d\/e\.f-_\[42\]: first$/);
  assert.match(rfc3164({ ...example, SYSLOG_IDENTIFIER: 't'.repeat(40) }), / t{32}\[42\]: first$/);
});

test('a host is reduced to what a parser takes for a host, and is nil where there is none', () => {
  assert.match(rfc3164({ ...example, _HOSTNAME: 'my host:1' }), /:00 my_host_1 app/);
  assert.match(rfc3164({ MESSAGE: 'm' }), /^<14>Nov {2}3 19:00:00 - unknown: m$/);
});

test('the tag falls back to the command, the pid to that of the process, and a line without a pid has no brackets', () => {
  assert.match(rfc3164({ _HOSTNAME: 'h', SYSLOG_IDENTIFIER: '', _COMM: 'comm', SYSLOG_PID: '', _PID: '5', MESSAGE: 'm' }), / h comm\[5\]: m$/);
  assert.match(rfc3164({ _HOSTNAME: 'h', SYSLOG_IDENTIFIER: 'i', _COMM: 'comm', MESSAGE: 'm' }), / h i: m$/);
});

test('fixed host, application and facility win over the entry', () => {
  assert.equal(rfc3164(example, { hostname: 'fixed', appName: 'name', facility: 16 }), '<131>Nov  3 19:00:00 fixed name[42]: first');
});

test('NUL is #000, and LF on a single line #012', () => {
  assert.match(rfc3164({ ...example, MESSAGE: 'a\0b\nc\n' }, { singleLine: true }), /: a#000b#012c$/);
  assert.match(rfc3164({ ...example, MESSAGE: 'a\nb\n' }), /: a\nb\n$/);
});

test('the header is never cut, down to the smallest limit', () => {
  const fields = { _HOSTNAME: 'h'.repeat(250), SYSLOG_IDENTIFIER: 'a'.repeat(48), _PID: '4'.repeat(30), MESSAGE: 'm'.repeat(3000) };
  for (let maxMessageBytes = 64; maxMessageBytes < 400; maxMessageBytes++) {
    const message = encodeEntry('rfc3164', entryOf(fields), { maxMessageBytes }) as Buffer;
    assert.ok(message.length <= maxMessageBytes);
    const parsed = parseRfc3164(message);
    assert.ok((parsed.hostname?.length ?? 0) >= 16 && (parsed.appName?.length ?? 0) >= 16);
    assert.match(parsed.message.toString(), /m*\.\.\.\[cut\]$/);
  }
});
