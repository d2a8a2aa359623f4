import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { compiled, targets } from '../../deploy/assembly/compile.mjs';

test('what is compiled from AssemblyScript is what npm run assembly makes of it', async () => {
  const all = Object.entries(await targets());
  assert.deepEqual(all.map(([target]) => target).sort(), ['src/encoders/json-object.wasm.ts', 'src/encoders/rfc5424-message.wasm.ts', 'src/formats/export-scan.wasm.ts']);
  for (const [target, source] of all) assert.equal(await readFile(fileURLToPath(new URL(`../../${target}`, import.meta.url)), 'utf8'), await compiled(source), target);
});
