import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Format } from '../../src/encoders/index.js';
import { entryOf } from '../support/entry.js';
import type { FixtureValue } from '../support/make-journal.js';
import { type ReceivedMessage, type SyslogDaemon, type SyslogInput, startRsyslog, startSyslogNg } from '../support/receivers.js';
import { encodeEntry } from './encode.js';

type Fields = Readonly<Record<string, FixtureValue>>;

/** What differs from the ordinary entry, and what a receiver must make of that. */
interface Case {
  readonly title: string;
  readonly fields: Fields;
  readonly expected?: Partial<Pick<ReceivedMessage, 'facility' | 'severity' | 'host' | 'app' | 'pid' | 'messageId'>>;
  /** The message, where it is not MESSAGE. */
  readonly message?: string;
}

const ordinary = { _HOSTNAME: 'h1', SYSLOG_IDENTIFIER: 'app', _PID: '42', PRIORITY: '3', SYSLOG_FACILITY: '3', MESSAGE: 'first' };
const understood = { facility: 3, severity: 3, host: 'h1', app: 'app', pid: '42' };

const cases: readonly Case[] = [
  { title: 'the ordinary entry', fields: {} },
  { title: 'the most severe priority', fields: { PRIORITY: '0', SYSLOG_FACILITY: '0' }, expected: { facility: 0, severity: 0 } },
  { title: 'the least severe priority', fields: { PRIORITY: '7', SYSLOG_FACILITY: '23' }, expected: { facility: 23, severity: 7 } },
  { title: 'a kernel entry', fields: { _TRANSPORT: 'kernel', SYSLOG_FACILITY: '0', SYSLOG_IDENTIFIER: 'kernel', PRIORITY: '4' }, expected: { facility: 0, severity: 4, app: 'kernel' } },
  { title: 'a dotted host', fields: { _HOSTNAME: 'node-1.cluster.example' }, expected: { host: 'node-1.cluster.example' } },
  { title: 'a path and a slash in the identifier', fields: { SYSLOG_IDENTIFIER: 'postfix/smtpd' }, expected: { app: 'postfix/smtpd' } },
  { title: 'a space in the identifier', fields: { SYSLOG_IDENTIFIER: 'two words' }, expected: { app: 'two_words' } },
  { title: 'an identifier that is not ASCII', fields: { SYSLOG_IDENTIFIER: 'dämon' }, expected: { app: 'd_mon' } },
  { title: 'a program without identifier', fields: { SYSLOG_IDENTIFIER: '', _COMM: 'comm' }, expected: { app: 'comm' } },
  { title: 'the pid that the sender gave', fields: { SYSLOG_PID: '77' }, expected: { pid: '77' } },
  { title: 'several lines', fields: { MESSAGE: 'one\n\ttwo\n\nthree' } },
  { title: 'UTF-8', fields: { MESSAGE: 'naïve 日本 😀 \u2028 \u00a0' } },
  { title: 'colours', fields: { MESSAGE: '\x1b[31mred\x1b[0m' } },
  { title: 'other control characters', fields: { MESSAGE: 'a\tb\rc\x01d\x7fe\x85f' } },
  { title: 'bytes that are not UTF-8', fields: { MESSAGE: Buffer.from([0xff, 0xfe, 0x61, 0x80, 0xc3]) } },
  { title: 'NUL', fields: { MESSAGE: 'a\0b' }, message: 'a#000b' },
  { title: '20 kB', fields: { MESSAGE: 'x'.repeat(20_000) } },
  { title: 'a message that looks like a header', fields: { MESSAGE: '<13>1 2020-01-01T00:00:00Z h2 other 1 - - not this' } },
  { title: 'a message that looks like structured data', fields: { MESSAGE: '[x@1 a="b"] - text' } },
  { title: 'quotes, backslashes and brackets', fields: { MESSAGE: '"q" \\ ] [ {"json": "\\u0000"}' } },
];

/** An hour ago: RFC 3164 has no year, and a receiver takes the current one. */
const seconds = Math.floor(Date.now() / 1000) - 3600;
const timestamp = seconds * 1e6 + 123_456;

for (const [name, start] of [['rsyslog', startRsyslog], ['syslog-ng', startSyslogNg]] as const) {
  for (const way of ['octet-counting', 'lf', 'udp'] as const) {
    describe(`a real ${name}, by ${way},`, () => {
      let daemon: SyslogDaemon;
      before(async () => (daemon = await start()));
      after(() => daemon.stop());

      /** Sends one message and resolves to what the daemon made of it, the only one since. */
      async function exchange(format: Format, fields: Fields): Promise<{ readonly sent: Buffer; readonly received: ReceivedMessage }> {
        const sent = encodeEntry(format, entryOf({ ...ordinary, ...fields }, { timestamp }), { singleLine: way === 'lf', structuredData: ['_TRANSPORT'] });
        assert.ok(sent);
        const already = daemon.messages().length;
        await sendTo(daemon, way, sent);
        const messages = await daemon.waitFor(already + 1);
        assert.equal(messages.length, already + 1);
        return { sent, received: messages[already] as ReceivedMessage };
      }

      for (const format of ['rfc5424', 'rfc3164'] as const) {
        for (const { title, fields, expected, message } of cases) {
          it(`understands ${title} in ${format}`, async () => {
            const { received } = await exchange(format, fields);
            const { facility, severity, host, app, pid } = received;
            assert.deepEqual({ facility, severity, host, app, pid }, { ...understood, ...expected });
            assert.equal(received.timestamp, format === 'rfc5424' ? timestamp : seconds * 1e6);
            const text = Buffer.from(message ?? (fields['MESSAGE'] as string | Buffer | undefined) ?? ordinary.MESSAGE);
            const wanted = way === 'lf' ? Buffer.from(text.toString('latin1').replaceAll('\n', '#012'), 'latin1') : text;
            assert.ok(received.bytes.equals(wanted), `message is ${JSON.stringify(received.bytes.toString('latin1').slice(0, 200))}`);
          });
        }
      }

      it('understands MSGID and structured data', async () => {
        const { received } = await exchange('rfc5424', { MESSAGE_ID: 'a596d6fe7bfa4994828e72309e95d61e', _TRANSPORT: 'sys"log]\\' });
        assert.equal(received.messageId, 'a596d6fe7bfa4994828e72309e95d61e');
        assert.match(received.structuredData, /^\[journald@\d+ _TRANSPORT="sys\\"log\\\]\\\\"\]$/);
      });

      it('takes an entry without host, identifier, pid and message', async () => {
        const { received } = await exchange('rfc5424', { _HOSTNAME: '', SYSLOG_IDENTIFIER: '', _PID: '', MESSAGE: '' });
        assert.equal(received.severity, 3);
        assert.equal(received.timestamp, timestamp);
        assert.match(received.app, /^-?$/);
        assert.match(received.pid, /^-?$/);
        assert.equal(received.text, '');
      });

      for (const format of ['json', 'short', 'cat'] as const) {
        it(`takes ${format} as it was sent, each entry as one message`, async () => {
          for (const fields of [{}, { MESSAGE: 'naïve "日本" 😀' }, { MESSAGE: 'a\tb' }, { MESSAGE: 'x'.repeat(20_000) }]) {
            const { sent, received } = await exchange(format, fields);
            assert.equal(received.raw.toString('latin1'), sent.toString('latin1'));
          }
        });
      }
    });
  }
}

async function sendTo(daemon: SyslogDaemon, way: SyslogInput, message: Buffer): Promise<void> {
  if (way === 'udp') {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.send(message, daemon.port('udp'), '127.0.0.1', resolve));
    socket.close();
    return;
  }
  const frame = way === 'lf' ? [message, Buffer.from('\n')] : [Buffer.from(`${message.length} `), message];
  const socket = connect(daemon.port(way), '127.0.0.1').end(Buffer.concat(frame));
  await once(socket, 'close');
}
