import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ByteWriter } from '../../src/core/byte-writer.js';
import { createEncoder } from '../../src/encoders/index.js';
import type { Format } from '../../src/encoders/index.js';
import { entryOf } from '../support/entry.js';
import { journalctlOutput } from '../support/journalctl-output.js';
import { makeJournal } from '../support/make-journal.js';
import type { FixtureEntry } from '../support/make-journal.js';
import { oddEntries } from '../support/odd-entries.js';

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'short-'));
});

after(async () => {
  await rm(folder, { recursive: true });
});

const firstTime = 1604430000000000;

for (const seed of [1, 2, 3]) {
  test(`short and cat print 2,000 odd entries (seed ${seed}) byte for byte as journalctl does`, async () => {
    const entries = oddEntries(2000, seed).map((entry, index) => ({ ...entry, time: firstTime + index * 1_234_567 }));
    await assertPrintsAsJournalctl(entries, 'UTC');
  });
}

for (const [zone, transitions] of [
  ['America/New_York', [Date.UTC(2020, 10, 1, 6), Date.UTC(2021, 2, 14, 7), Date.UTC(2026, 10, 1, 6)]],
  ['Australia/Lord_Howe', [Date.UTC(2021, 3, 3, 15), Date.UTC(2021, 9, 2, 15, 30)]],
  ['Asia/Kathmandu', [Date.UTC(1985, 11, 31, 18, 30)]],
] as const) {
  test(`short prints local time as journalctl does across the changes of the clock in ${zone}`, async () => {
    const entries = transitions.flatMap((transition) =>
      [-3600_000, -60_000, -1000, -0.001, 0, 0.001, 1000, 59_999, 1_799_999.999, 1_800_000, 3_599_999.999, 3600_000, 86_400_000].map((offset) => ({
        time: Math.round((transition + offset) * 1000),
        fields: { MESSAGE: `${offset} ms from the change`, _HOSTNAME: 'h1', SYSLOG_IDENTIFIER: 'clock' },
      })),
    );
    await assertPrintsAsJournalctl(entries, zone);
  });
}

async function assertPrintsAsJournalctl(entries: readonly FixtureEntry[], zone: string): Promise<void> {
  const file = join(folder, `${zone.replace('/', '-')}-${entries.length}-${Math.random().toString(36).slice(2)}.journal`);
  await makeJournal(file, entries);
  // Node reads TZ anew when it is set; each test file is a process of its own.
  process.env['TZ'] = zone;
  for (const format of ['short', 'cat'] as const) {
    assertSame(entries, linesOf(entries, format), await journalctlOutput(file, format, zone), format);
  }
}

function linesOf(entries: readonly FixtureEntry[], format: Format): Buffer[] {
  const encoder = createEncoder(format, { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false });
  return entries.map(({ time, fields }) => {
    const out = new ByteWriter(64);
    if (encoder.encode(entryOf(fields, { timestamp: time ?? 0 }), out)) out.byte(0x0a);
    return Buffer.from(out.view());
  });
}

function assertSame(entries: readonly FixtureEntry[], ours: readonly Buffer[], theirs: Buffer, format: Format): void {
  let at = 0;
  for (const [index, line] of ours.entries()) {
    const their = theirs.subarray(at, at + line.length);
    if (!their.equals(line)) {
      assert.fail(
        `entry ${index} as ${format}: ${JSON.stringify(entries[index]?.fields)}\n ours ${JSON.stringify(line.toString('latin1'))}\ntheirs ${JSON.stringify(theirs.subarray(at, at + line.length + 80).toString('latin1'))}`,
      );
    }
    at += line.length;
  }
  assert.equal(theirs.length, at, 'journalctl printed more');
}
