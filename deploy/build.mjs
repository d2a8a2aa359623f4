// Makes dist/: the program and the packages that it needs from its start on, in a few files. To find, read and compile
// hundreds takes Node.js a tenth of a second and more. What is loaded only when it is needed stays a file of its own,
// under the name of its source, and is not loaded before.
import { chmod, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { commit } from './commit.mjs';
import { licences } from './licences.mjs';

const top = fileURLToPath(new URL('..', import.meta.url));
const dist = join(top, 'dist');
const start = 'src/main.ts';

const settings = {
  absWorkingDir: top,
  outdir: dist,
  outbase: 'src',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.18',
  chunkNames: 'shared-[hash]',
  // Used from node_modules: the AWS client, of which parts find others there, and winston, which log.ts requires late.
  external: ['@aws-sdk/*', '@smithy/*', 'winston'],
  // For what was written as CommonJS.
  banner: { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" },
  metafile: true,
  logLevel: 'warning',
};

const { metafile: parts } = await build({ ...settings, entryPoints: [start], write: false });
const late = Object.values(parts.inputs).flatMap(({ imports }) => imports.filter(({ kind, path }) => kind === 'dynamic-import' && path.startsWith('src/')).map(({ path }) => path));
await clear();
const { metafile } = await build({ ...settings, entryPoints: [...new Set([start, ...late])] });
await mkdir(join(dist, 'demo'), { recursive: true });
await copyFile(join(top, 'src/demo/sample.journal.gz'), join(dist, 'demo/sample.journal.gz'));
await chmod(join(dist, 'demo/sample.journal.gz'), 0o644);
await writeFile(join(dist, 'commit'), `${commit()}\n`);
await writeFile(join(dist, 'licenses.txt'), await licences(top, Object.keys(metafile.inputs)));

/** What an earlier build left, but not the executable files. */
async function clear() {
  for (const name of await readdir(dist).catch(() => [])) {
    if (!name.startsWith('journald-forwarder-linux-')) await rm(join(dist, name), { recursive: true });
  }
}
