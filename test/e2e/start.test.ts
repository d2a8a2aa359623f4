import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeJournal } from '../support/make-journal.js';
import { RunningForwarder } from '../support/forwarder.js';

// To find, read and compile a module takes a good part of a millisecond. Their number tells of the time, on any machine.
describe('from its start to its first byte', { timeout: 60_000 }, () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'start-'));
    await makeJournal(join(folder, 'journal', 'one.journal'), [{ time: 1_604_430_000_000_000, fields: { MESSAGE: 'first' } }]);
  });

  after(() => rm(folder, { recursive: true }));

  for (const [what, args] of [
    ['the version', ['--version']],
    ['tcp', ['--to', 'tcp:']],
    ['http', ['--to', 'http:']],
    ['tcp: and a settings file', ['--to', 'tcp:', '--config']],
  ] as const) {
    it(`${what}: the program loads very few files of its own, and no package`, async () => {
      const receiver = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
      await once(receiver, 'listening');
      const { port } = receiver.address() as AddressInfo;
      const trace = join(folder, 'trace');
      const settings = join(folder, 'settings.yaml');
      const forward = args.length === 1 ? args : ['--directory', join(folder, 'journal'), '--no-follow', '--no-checkpoint', '--to', `${args[1]}//127.0.0.1:${port}`, ...(args.length === 3 ? ['--config', settings] : [])];
      await writeFile(settings, 'log-level: error\n');
      const forwarder = new RunningForwarder(forward, { spawn: (command, words, options) => spawn('strace', ['-D', '-f', '-qq', '-o', trace, '-e', 'trace=openat', command, ...words], options) });
      if (args.length === 1) {
        await forwarder.exit;
      } else {
        const exit = await Promise.race([once(receiver, 'connection').then(() => undefined), forwarder.exit]);
        assert.equal(exit?.stderr, undefined);
        await forwarder.stop('SIGKILL');
      }
      receiver.close();
      const opened = (await readFile(trace, 'utf8')).matchAll(/"([^"]*\.(?:[cm]?js|json))".* = \d/g);
      const files = [...new Set([...opened].map(([, file]) => file!))];
      assert.ok(files.some((file) => file.endsWith('/dist/main.js')), files.join('\n'));
      assert.deepEqual(files.filter((file) => file.includes('/node_modules/')), []);
      assert.ok(files.length <= 8, files.join('\n'));
    });
  }
});
