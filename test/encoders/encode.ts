import { ByteWriter } from '../../src/core/byte-writer.js';
import type { Entry } from '../../src/core/entry.js';
import { createEncoder } from '../../src/encoders/index.js';
import type { EncoderOptions, Format } from '../../src/encoders/index.js';
import { entryOf } from '../support/entry.js';
import type { FixtureValue } from '../support/make-journal.js';

/** The shared example of a migration: what every syslog user knows the look of. */
export const example: Readonly<Record<string, FixtureValue>> = {
  _HOSTNAME: 'h1',
  SYSLOG_IDENTIFIER: 'app',
  _PID: '42',
  PRIORITY: '3',
  SYSLOG_FACILITY: '3',
  MESSAGE: 'first',
};

/** The message of an entry, or undefined where the format has nothing to say of it. */
export function encodeEntry(format: Format, entry: Entry, options: Partial<EncoderOptions> = {}): Buffer | undefined {
  const encoder = createEncoder(format, { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false, ...options }, () => 1_700_000_000_123);
  const out = new ByteWriter(16);
  // What stands in the writer already must not matter.
  out.text('before');
  const hasMessage = encoder.encode(entry, out);
  if (!hasMessage && out.length !== 6) throw new Error('the encoder wrote something and said that it did not');
  return hasMessage ? Buffer.from(out.view(6)) : undefined;
}

/** The message of an entry of these fields, as text. */
export function encodeFields(format: Format, fields: Readonly<Record<string, FixtureValue>>, options: Partial<EncoderOptions> = {}): string {
  const message = encodeEntry(format, entryOf(fields), options);
  if (message === undefined) throw new Error(`${format} has no message for ${JSON.stringify(fields)}`);
  return message.toString('utf8');
}
