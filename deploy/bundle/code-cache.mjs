// What V8 has compiled of the program when it has read a journal and delivered it, kept for the starts to come: V8 takes
// from there what it would compile function by function.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * Lets a Node.js run the program's script, with a settings file, and puts beside that and each script that it takes what
 * was compiled of it: a file with `.cache` behind its name. Good for the same V8 on the same architecture. Where it cannot
 * run, for a /tmp from which nothing may be executed, say, there are none, and each start takes longer.
 */
export async function makeCodeCaches(options) {
  await run(options).catch((error) => console.warn(`No code cache: ${error.message}`));
}

async function run({ script, node = process.execPath }) {
  const folder = await mkdtemp(join(tmpdir(), 'code-cache-'));
  const receiver = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
  try {
    await once(receiver, 'listening');
    const [journalctl, settings] = [join(folder, 'journalctl'), join(folder, 'settings.yaml')];
    await writeFile(join(folder, 'entries'), entries());
    await writeFile(journalctl, `#!/bin/sh\nexec cat ${join(folder, 'entries')}\n`, { mode: 0o755 });
    const url = `tcp://127.0.0.1:${receiver.address().port}`;
    await writeFile(settings, `log-level: warn\nto:\n  - url: ${url}\n  - url: ${url}\n    name: other\n    appName: name\n`);
    const options = ['--journalctl-path', journalctl, '--directory', folder, '--start', 'head', '--no-follow', '--state-dir', join(folder, 'state'), '--config', settings];
    // With the flags of any start, since V8 compares them.
    const { stderr } = await promisify(execFile)(node, [fileURLToPath(new URL('code-cache-run.cjs', import.meta.url)), script, ...options], { env: { PATH: process.env.PATH } });
    if (stderr !== '') throw new Error(`The run for the code cache did not go well: ${stderr}`);
  } finally {
    receiver.close();
    await rm(folder, { recursive: true });
  }
}

/** Some as services log them, in journalctl's export format, and one with a field that is given by its length. */
function entries() {
  const entry = (number) => {
    const cursor = `s=${'1'.repeat(32)};i=${number.toString(16)};b=${'2'.repeat(32)};m=${(1e6 + number).toString(16)};t=${(1.7e15 + number).toString(16)};x=${'3'.repeat(16)}`;
    const fields = { __CURSOR: cursor, __REALTIME_TIMESTAMP: 1.7e15 + number, __MONOTONIC_TIMESTAMP: 1e6 + number, _BOOT_ID: '2'.repeat(32), _MACHINE_ID: '4'.repeat(32), _HOSTNAME: 'host', PRIORITY: 6, SYSLOG_FACILITY: 3, SYSLOG_IDENTIFIER: 'service', _PID: 100, _UID: 0, _COMM: 'service', _SYSTEMD_UNIT: 'some.service', _TRANSPORT: 'stdout', MESSAGE: `What it logs, number ${number}` };
    return Buffer.concat([Buffer.from(Object.entries(fields).map(([name, value]) => `${name}=${value}\n`).join('')), ...(number === 5 ? [binary('DATA', 'two\nlines')] : []), Buffer.from('\n')]);
  };
  return Buffer.concat(Array.from({ length: 50 }, (_, number) => entry(number + 1)));
}

function binary(name, text) {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([Buffer.from(`${name}\n`), length, Buffer.from(`${text}\n`)]);
}
