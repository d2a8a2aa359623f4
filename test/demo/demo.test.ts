import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { after, before, describe, it } from 'node:test';
import { demo } from '../../src/demo/demo.js';
import type { DemoOptions } from '../../src/demo/demo.js';
import { sampleJournal } from '../../src/packaging.js';
import { receive } from '../../src/receivers/receive.js';
import { visible } from '../../src/receivers/visible.js';

describe('demo', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'demo-test-'))));
  after(() => rm(folder, { recursive: true }));

  it('forwards the sample journal with the real program: all of it, once and in order', async () => {
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
    const { exitCode, text } = await runDemo({ forwarder: [process.execPath, '--import', 'tsx', main] });
    assert.match(text, /^A sample journal of 50 entries from 2 boots/);
    assert.match(text, /^<5>1 2026-03-02T06:58:12\.400000(Z|\+00:00) web-1 kernel - - - Linux version 6\.1\.0-31/m);
    assert.match(text, /at TCPConnectWrap\.afterConnect/);
    assert.match(text, /3 × Käsespätzle, 1 × ☕ 🥨/);
    assert.match(text, /unexpected bytes from 198\.51\.100\.9: \\u0016\\u0003\\u0001\\xff\\xfe\\xc3\(\\x80/);
    assert.ok(text.endsWith(summary('50', '50', '0', '0', 'kept', 'Everything arrived, once and in order.')), text.slice(-400));
    assert.equal(exitCode, 0);
  });

  for (const [behaviour, change, received, missing, duplicates, order] of [
    ['sends everything', 'all', '50', '0', '0', 'kept'],
    ['loses an entry', 'all.filter((_, i) => i !== 7)', '49', '1', '0', 'kept'],
    ['sends an entry twice', 'all.flatMap((e, i) => i === 7 ? [e, e] : [e])', '51', '0', '1', 'kept'],
    ['changes the order', '[...all.slice(1), all[0]]', '50', '0', '0', 'not kept'],
    ['sends nothing', '[]', '0', '50', '0', 'kept'],
  ] as const) {
    it(`sees that a forwarder ${behaviour}`, async () => {
      const { exitCode, text } = await runDemo({ forwarder: await fakeForwarder(change) });
      const verdict = change === 'all' ? 'Everything arrived, once and in order.' : 'What arrived differs from what was sent.';
      assert.ok(text.endsWith(summary('50', received, missing, duplicates, order, verdict)), text.slice(-400));
      assert.equal(exitCode, change === 'all' ? 0 : 1);
    });
  }

  it('sees that a message was changed on the way', async () => {
    const { exitCode, text } = await runDemo({ forwarder: await fakeForwarder('all.map((e, i) => i === 7 ? Buffer.from(String(e).replace("journal", "JOURNAL")) : e)') });
    assert.match(text, /\nmissing {5}1\nduplicates {2}0\nnot as sent 1\n/);
    assert.equal(exitCode, 1);
  });

  it('fails when the forwarder does, and shows what that one said', async () => {
    const { exitCode, text } = await runDemo({ forwarder: await fakeForwarder('(console.error("no disk"), process.exitCode = 1, all)') });
    assert.match(text, /The forwarder did not end well: .*exit code 1.*\nno disk\n/s);
    assert.match(text, /\nmissing {5}0\n/);
    assert.equal(exitCode, 1);
  });

  it('fails when the forwarder cannot be run', async () => {
    const { exitCode, text } = await runDemo({ forwarder: ['/nonexistent/forwarder'] });
    assert.match(text, /The forwarder did not end well: .*ENOENT/);
    assert.equal(exitCode, 1);
  });

  it('says what is missing where there is no journalctl', async () => {
    await assert.rejects(runDemo({ journalctlPath: '/nonexistent/journalctl' }), {
      name: 'OperatorError',
      message: 'Cannot run "/nonexistent/journalctl": ENOENT. Install systemd, whose journalctl reads the journal.',
    });
  });

  it('fails when journalctl finds nothing in the sample', async () => {
    const { exitCode, text } = await runDemo({ sample: gzipSync('no journal'), forwarder: [process.execPath, '-e', ''] });
    assert.match(text, /^A sample journal of 0 entries.*\n\nThere was nothing to send\.\n$/s);
    assert.equal(exitCode, 1);
  });

  it('leaves nothing behind', async () => {
    const { text } = await runDemo({ forwarder: await fakeForwarder('all') });
    const [, journal] = /--directory (\S+)\/journal /.exec(text) ?? [];
    assert.ok(journal !== undefined && journal.startsWith(tmpdir()), text);
    await assert.rejects(stat(journal), /ENOENT/);
  });

  /** A program that understands the demo's options and sends what `change` makes of `all` frames. */
  async function fakeForwarder(change: string): Promise<[string, string]> {
    const file = join(folder, `${Math.random().toString(36).slice(2)}.cjs`);
    await writeFile(
      file,
      `const option = (name) => process.argv[process.argv.indexOf('--' + name) + 1];
       const { execFileSync } = require('node:child_process');
       const all = execFileSync('journalctl', ['-D', option('directory'), '-m', '-a', '-o', 'json']).toString().trim().split('\\n').map((line) => {
         const entry = JSON.parse(line);
         const micros = entry.__REALTIME_TIMESTAMP;
         const time = new Date(Number(micros.slice(0, -3))).toISOString().slice(0, -1) + micros.slice(-3) + 'Z';
         return Buffer.concat([Buffer.from('<13>1 ' + time + ' h app - - - '), Buffer.from(entry.MESSAGE)]);
       });
       const frames = (${change}).map((message) => Buffer.concat([Buffer.from(message.length + ' '), message]));
       const { hostname, port } = new URL(option('to'));
       require('node:net').connect(Number(port), hostname).end(Buffer.concat(frames));`,
    );
    return [process.execPath, file];
  }
});

async function runDemo(options: Partial<DemoOptions>): Promise<{ exitCode: number; text: string }> {
  const output = new PassThrough();
  const exitCode = await demo({
    receive,
    visible,
    forwarder: [process.execPath],
    journalctlPath: 'journalctl',
    environment: { PATH: process.env['PATH'] },
    output,
    signal: new AbortController().signal,
    sample: await sampleJournal(),
    ...options,
  });
  return { exitCode, text: String(output.read() ?? '') };
}

function summary(sent: string, received: string, missing: string, duplicates: string, order: string, verdict: string): string {
  return `\nsent        ${sent}\nreceived    ${received}\nmissing     ${missing}\nduplicates  ${duplicates}\norder       ${order}\n\n${verdict}\n`;
}
