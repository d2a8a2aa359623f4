// Makes dist/: the program and the packages that it needs, in a few scripts, for bin/journald-forwarder.js to load.
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { bundle, top } from './bundle/bundle.mjs';
import { makeCodeCaches } from './bundle/code-cache.mjs';
import { commit } from './commit.mjs';
import { licences } from './licences.mjs';

const dist = join(top, 'dist');
const main = join(dist, 'main.js');
const late = {
  'execa.js': ['execa'],
  'metrics.js': ['prom-client'],
  'proxies.js': ['http-proxy-agent', 'https-proxy-agent'],
  'settings.js': ['yaml', 'zod'],
};
const banner = `
const importMetaUrl = require('node:url').pathToFileURL(__filename).href;
const lateScript = (name) => module.compiled(require('node:path').join(__dirname, 'late', name));`;

await clear();
const { modules, scripts } = await bundle({
  outfile: main,
  lateFolder: join(dist, 'late'),
  late,
  banner,
  settings: { target: 'node20.18' },
  program: { define: { 'import.meta.url': 'importMetaUrl' } },
  // Used from node_modules: the AWS client, of which parts find others there, and winston, which log.ts requires late.
  external: ['@aws-sdk/*', '@smithy/*', 'winston'],
});
await mkdir(join(dist, 'demo'), { recursive: true });
await copyFile(join(top, 'src/demo/sample.journal.gz'), join(dist, 'demo/sample.journal.gz'));
await chmod(join(dist, 'demo/sample.journal.gz'), 0o644);
await writeFile(join(dist, 'commit'), `${commit()}\n`);
await writeFile(join(dist, 'licenses.txt'), await licences(top, modules));
await makeCodeCaches({ script: main });
for (const script of [main, ...Object.values(scripts)]) await sealCache(script);

/** What an earlier build left, but not the executable files. */
async function clear() {
  for (const name of await readdir(dist).catch(() => [])) {
    if (!name.startsWith('journald-forwarder-linux-')) await rm(join(dist, name), { recursive: true });
  }
}

/** Puts behind a script's code cache a checksum of both: V8 compares no more of the script than its length, and nothing of the cache. */
async function sealCache(script) {
  const [source, data] = [await readFile(script), await readFile(`${script}.cache`).catch(() => undefined)];
  if (data === undefined) return;
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(data, crc32(source)));
  await writeFile(`${script}.${process.versions.v8}-${process.arch}.cache`, Buffer.concat([data, checksum]));
  await rm(`${script}.cache`);
}
