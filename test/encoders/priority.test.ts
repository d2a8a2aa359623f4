import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facilityOf, priorityOf, severityOf } from '../../src/encoders/priority.js';
import { entryOf } from '../support/entry.js';

test('severity is PRIORITY where it is one digit from 0 to 7, emergency included', () => {
  for (let severity = 0; severity <= 7; severity++) assert.equal(severityOf(entryOf({ PRIORITY: String(severity) })), severity);
});

test('severity is info for any other PRIORITY, and for none', () => {
  for (const value of ['8', '9', '99', '03', '', '-1', 'err', ' 3', '3\n', '/', ':']) assert.equal(severityOf(entryOf({ PRIORITY: value })), 6, JSON.stringify(value));
  assert.equal(severityOf(entryOf({})), 6);
});

test('facility is SYSLOG_FACILITY where it is a number from 0 to 23', () => {
  for (let facility = 0; facility <= 23; facility++) assert.equal(facilityOf(entryOf({ SYSLOG_FACILITY: String(facility) })), facility);
});

test('facility is user for any other SYSLOG_FACILITY, and for none', () => {
  for (const value of ['24', '99', '100', '', '-1', 'daemon', '1 ', '4294967296']) {
    assert.equal(facilityOf(entryOf({ SYSLOG_FACILITY: value })), 1, JSON.stringify(value));
  }
  assert.equal(facilityOf(entryOf({ _TRANSPORT: 'stdout' })), 1);
});

test('facility is kernel for what came from the kernel, whatever the entry says', () => {
  assert.equal(facilityOf(entryOf({ _TRANSPORT: 'kernel', SYSLOG_FACILITY: '3' })), 0);
  assert.equal(facilityOf(entryOf({ _TRANSPORT: 'kernels', SYSLOG_FACILITY: '3' })), 3);
});

test('a fixed facility wins over the entry, facility 0 included', () => {
  assert.equal(priorityOf(entryOf({ PRIORITY: '3', SYSLOG_FACILITY: '3' }), 16), 131);
  assert.equal(priorityOf(entryOf({ PRIORITY: '0', SYSLOG_FACILITY: '3' }), 0), 0);
  assert.equal(priorityOf(entryOf({ PRIORITY: '7', _TRANSPORT: 'kernel' }), 23), 191);
});
