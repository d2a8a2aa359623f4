// Makes dist/journald-forwarder-linux-ARCH: Node.js and the program in one executable file, with its checksum and the
// licences of all that is in it. `npm run build:binary [-- x64|arm64]`; this machine's architecture by default.
//
// Node.js 24, whose binary needs nothing but the C library and libstdc++ (26's wants libatomic, which CoreOS lacks).
import { createHash } from 'node:crypto';
import { access, chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { inject } from 'postject';
import { bundle, top } from '../bundle/bundle.mjs';
import { makeCodeCaches } from '../bundle/code-cache.mjs';
import { commit } from '../commit.mjs';
import { licenceIn, licences } from '../licences.mjs';

const nodeVersion = '24.21.0';
const program = 'journald-forwarder.cjs';
/** What most runs, or the beginnings of all, do not need: at each start it would be read, and checked, with the program. */
const late = {
  'aws.cjs': ['@aws-sdk/*', '@smithy/*', 'http-proxy-agent', 'https-proxy-agent'],
  'execa.cjs': ['execa'],
  'metrics.cjs': ['prom-client'],
  'settings.cjs': ['yaml', 'zod'],
  'winston.cjs': ['winston'],
};

/** What Node.js looks for in its own binary (nodejs.org, Single executable applications). */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const [architecture = process.arch] = process.argv.slice(2);
if (!['x64', 'arm64'].includes(architecture)) throw new Error(`There is no executable for ${architecture}: x64 and arm64 are known.`);

const work = await mkdtemp(join(tmpdir(), 'build-binary-'));
try {
  const node = await nodeBinary(architecture);
  const { scripts, modules } = await bundleAll();
  const blob = await makeBlob(scripts);
  const file = join(top, 'dist', `journald-forwarder-linux-${architecture}`);
  await assemble(node, blob, file);
  await writeFile(`${file}.sha256`, `${createHash('sha256').update(await readFile(file)).digest('hex')}  journald-forwarder-linux-${architecture}\n`);
  await writeFile(`${file}.licenses.txt`, await licences(top, modules, [`Node.js ${nodeVersion}\n\n${await licenceIn(dirname(dirname(node)), 'MIT; https://github.com/nodejs/node/blob/main/LICENSE')}`]));
  console.log(`dist/${relative(join(top, 'dist'), file)}: ${((await readFile(file)).length / 2 ** 20).toFixed(0)} MiB`);
} finally {
  await rm(work, { recursive: true });
}

/** Node.js as the npm package node-linux-ARCH has it, kept in .cache. */
async function nodeBinary(arch) {
  // This machine's own is the one that the tests run on too.
  const folder = join(top, '.cache', arch === process.arch ? 'node24' : `node24-${arch}`);
  const binary = join(folder, 'node_modules', `node-linux-${arch}`, 'bin/node');
  const manifest = await readFile(join(dirname(dirname(binary)), 'package.json'), 'utf8').catch(() => '{}');
  if (JSON.parse(manifest).version !== nodeVersion) {
    await mkdir(folder, { recursive: true });
    execFileSync('npm', ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--force', `node-linux-${arch}@${nodeVersion}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return binary;
}

/** The program and the scripts beside it, by their names, and the files that went into them all. */
async function bundleAll() {
  const { version } = JSON.parse(await readFile(join(top, 'package.json'), 'utf8'));
  const banner = `
const lateScript = module.compiled;
// Only read where the program is not one file.
const importMetaUrl = require('node:url').pathToFileURL(process.execPath).href;`;
  const { scripts, modules } = await bundle({
    outfile: join(work, program),
    lateFolder: work,
    late,
    banner,
    settings: { target: `node${nodeVersion}`, minifyWhitespace: true, minifySyntax: true, keepNames: true, legalComments: 'none' },
    program: {
      define: { 'import.meta.url': 'importMetaUrl', EXECUTABLE_BUILD: JSON.stringify({ version, commit: commit() }) },
      plugins: [{ name: 'own require', setup: giveOwnRequire }],
    },
  });
  return { scripts: { [program]: join(work, program), ...scripts }, modules };
}

function giveOwnRequire({ onResolve }) {
  onResolve({ filter: /^node:module$/ }, ({ importer }) => (importer.startsWith(join(top, 'src')) ? { path: join(top, 'deploy/binary/bundled-modules.cjs') } : undefined));
}

/** The blob is made by a Node.js of the same version, which also compiles the scripts ahead; for another architecture that is of no use. */
async function makeBlob(scripts) {
  const maker = await nodeBinary(process.arch);
  const isOwn = architecture === process.arch;
  const assets = { ...scripts, 'sample.journal.gz': join(top, 'src/demo/sample.journal.gz') };
  if (isOwn) {
    await makeCodeCaches({ script: scripts[program], node: maker });
    for (const [name, script] of Object.entries(scripts)) {
      if (await access(`${script}.cache`).then(() => true, () => false)) assets[`${name}.cache`] = `${script}.cache`;
    }
  }
  const blob = join(work, 'blob');
  const configuration = join(work, 'sea.json');
  await writeFile(configuration, JSON.stringify({ main: join(top, 'deploy/binary/start.cjs'), output: blob, disableExperimentalSEAWarning: true, useCodeCache: isOwn, assets }));
  execFileSync(maker, ['--experimental-sea-config', configuration], { stdio: ['ignore', 'ignore', 'inherit'] });
  return readFile(blob);
}

/** Strips before it puts the blob in: stripping after that would break the file. */
async function assemble(node, blob, file) {
  const raw = join(work, 'node');
  await copyFile(node, raw);
  await chmod(raw, 0o755);
  // A strip for another architecture is seldom there; such a file is only larger.
  if (architecture === process.arch) execFileSync('strip', [raw]);
  await inject(raw, 'NODE_SEA_BLOB', blob, { sentinelFuse: fuse });
  await mkdir(dirname(file), { recursive: true });
  await copyFile(raw, file);
}
