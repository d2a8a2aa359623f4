import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ByteWriter } from '../../src/core/byte-writer.js';
import { createEncoder } from '../../src/encoders/index.js';
import { entryOf } from '../support/entry.js';
import { oddEntries } from '../support/odd-entries.js';
import type { FixtureEntry } from '../support/make-journal.js';
import type { Release, Systemd } from '../support/other-systemd.js';

/** 2020-11-03 19:00:00 UTC. */
const firstTime = 1604430000000000;

/** An operating system command that ends with ESC \\ and not with BEL: systemd 257 removes it, 247 and 252 do not. */
const endedByEscape = /\x1b\][\x20-\x7e]*\x1b\\/;
/** And of a size in whole units, 257 prints `2K`, 247 and 252 `2.0K`. */
const wholeUnits = /\[(\d+)\.0([KMG]) blob data\]/;

/** What the formats short and cat print, which is what 247 and 252 print, compared with the journalctl of one release. */
export function shortSuite(release: Release, differences: 'none' | 'as 257'): void {
  describe(`short and cat, ${release.name}`, () => {
    const isLikeOurs = ({ fields: { MESSAGE: message } }: FixtureEntry): boolean =>
      differences === 'none' || message === undefined || !endedByEscape.test(Buffer.from(message as string | Uint8Array).toString('latin1'));
    const asTheirs = (line: Buffer): Buffer => (differences === 'none' ? line : Buffer.from(line.toString('latin1').replace(wholeUnits, '[$1$2 blob data]'), 'latin1'));

    it(`print 2,000 odd entries byte for byte as journalctl does${differences === 'none' ? '' : ', but for two known differences'}`, async () => {
      const systemd = await release.load();
      const folder = await mkdtemp(join(tmpdir(), 'short-'));
      process.env['TZ'] = 'UTC';
      const entries = oddEntries(2000, 4).filter(isLikeOurs).map((entry, index) => ({ ...entry, time: firstTime + index * 1_234_567 }));
      const file = join(folder, 'odd.journal');
      await systemd.makeJournal(file, entries);
      for (const format of ['short', 'cat'] as const) {
        const encoder = createEncoder(format, { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false });
        const lines = entries.map(({ time, fields }) => {
          const out = new ByteWriter(64);
          if (encoder.encode(entryOf(fields, { timestamp: time }), out)) out.byte(0x0a);
          return asTheirs(Buffer.from(out.view()));
        });
        const theirs = await printed(systemd, file, format);
        let at = 0;
        for (const [index, line] of lines.entries()) {
          const their = theirs.subarray(at, at + line.length);
          if (!their.equals(line)) assert.fail(`entry ${index} as ${format}, of ${JSON.stringify(entries[index]!.fields)}: ${JSON.stringify(line.toString('latin1'))}, but journalctl prints ${JSON.stringify(theirs.subarray(at, at + line.length + 80).toString('latin1'))}`);
          at += line.length;
        }
        assert.equal(theirs.length, at, 'journalctl printed more');
      }
      await rm(folder, { recursive: true });
    });

    it(`differ from journalctl in ${differences === 'none' ? 'neither' : 'both'} of two known ways`, async () => {
      const systemd = await release.load();
      const folder = await mkdtemp(join(tmpdir(), 'short-'));
      const file = join(folder, 'known.journal');
      await systemd.makeJournal(file, ['\x1b]0;title\x1b\\text', '\x01'.repeat(2048)].map((MESSAGE) => ({ fields: { MESSAGE } })));
      const texts = (await printed(systemd, file, 'short')).toString('utf8').match(/(?<=: ).*/g);
      assert.deepEqual(texts, differences === 'none' ? ['[15B blob data]', '[2.0K blob data]'] : ['text', '[2K blob data]']);
      await rm(folder, { recursive: true });
    });
  });
}

async function printed(systemd: Systemd, file: string, format: string): Promise<Buffer> {
  const child = spawn(systemd.journalctl, ['--file', file, '-q', '--no-pager', '-o', format], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0', TZ: 'UTC' },
  });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
  return Buffer.concat(parts);
}
