// The program and its packages in a few scripts, since to find, read and compile hundreds of modules takes longer than to
// start. In CommonJS: for one script a code cache can be made ahead, and none for ES modules.
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

export const top = fileURLToPath(new URL('../..', import.meta.url));

/** As Node.js wraps a CommonJS module: each script is one function, for who loads it to call. Strict, as the ES modules are that go into it. */
const wrapper = { before: '(function (exports, require, module, __filename, __dirname) {"use strict";', after: '})' };

/**
 * Writes the program to `outfile`, and into `lateFolder` what `late` has: scripts with the packages that most runs, or
 * the beginnings of all, do not need. `banner` begins the program's script: its `lateScript(name)` gives the function
 * that a late one is. Returns the paths of these, and of the files that went into them all.
 */
export async function bundle({ outfile, lateFolder, late, banner, settings, program = {}, external = [] }) {
  const common = { absWorkingDir: top, bundle: true, platform: 'node', format: 'cjs', metafile: true, logLevel: 'warning', supported: { 'dynamic-import': false }, ...settings };
  const main = { ...common, ...program, entryPoints: ['src/main.ts'], outfile, external: [...Object.values(late).flat(), ...external] };
  const { metafile } = await build({ ...main, write: false });
  const needed = [...new Set(Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external, path }) => external && !isBuiltin(path)).map(({ path }) => path)))];
  const metafiles = [metafile];
  const scripts = {};
  const packages = {};
  for (const [name, patterns] of Object.entries(late)) {
    const names = needed.filter((name) => patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern))).sort();
    for (const each of names) packages[each] = name;
    const contents = names.map((each) => `exports[${JSON.stringify(each)}] = () => require(${JSON.stringify(each)});`).join('\n');
    scripts[name] = join(lateFolder, name);
    metafiles.push((await build({ ...common, stdin: { contents, resolveDir: top }, outfile: scripts[name], external, banner: { js: wrapper.before }, footer: { js: wrapper.after } })).metafile);
  }
  const begin = [`${wrapper.before}const LATE_PACKAGES = ${JSON.stringify(packages)};`, banner, await readFile(join(top, 'deploy/bundle/late-packages.cjs'), 'utf8')];
  await build({ ...main, banner: { js: begin.join('\n') }, footer: { js: wrapper.after } });
  for (const script of [outfile, ...Object.values(scripts)]) await expectAscii(script);
  return { scripts, modules: metafiles.flatMap(({ inputs }) => Object.keys(inputs)) };
}

/** The scripts are read as Latin-1, which is quickest. In comments that does no harm; in a string, esbuild escapes what is not ASCII. */
async function expectAscii(script) {
  const { code } = await transform(await readFile(script, 'utf8'), { minifyWhitespace: true, legalComments: 'none' });
  const found = /[^\x00-\x7f]/.exec(code);
  if (found !== null) throw new Error(`${script} is not ASCII: ${JSON.stringify(code.slice(Math.max(0, found.index - 60), found.index + 20))}. Write an escape in its place.`);
}
