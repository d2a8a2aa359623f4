import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { oddEntries } from '../support/odd-entries.js';
import { exportEntry, type Fields } from '../formats/serialise.js';

const program = fileURLToPath(new URL('../../bin/journald-forwarder.js', import.meta.url));

for (const format of ['rfc5424', 'json'] as const) {
  test(`where Node.js has no WebAssembly, ${format} is the same to the byte`, () => {
    const input = Buffer.concat(oddEntries(2000, 7).map(({ fields }, index) => exportEntry([['__CURSOR', `c${index}`], ['__REALTIME_TIMESTAMP', `${1604430000000000 + index}`], ...(Object.entries(fields).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => [name, one])) as Fields)])));
    const [without, usual] = [['--jitless'], []].map((flags) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program, '--from', 'stdin', '--to', `stdout:?format=${format}`], { input, maxBuffer: 64 * 1024 * 1024, env: { PATH: process.env['PATH'] } });
      assert.equal(status, 0, String(stderr));
      return stdout;
    });
    assert.ok(usual!.length > input.length / 4);
    assert.ok(without!.equals(usual!));
  });
}
