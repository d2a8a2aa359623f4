// Compiles AssemblyScript: each file of a folder src/*/assembly that no other one there imports, into the TypeScript file
// beside that folder from which the program has it.
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** The scripts that are compiled, by the files that they become; both as paths from the top. */
export async function targets() {
  const found = {};
  for (const room of await readdir(join(top, 'src'), { withFileTypes: true })) {
    if (!room.isDirectory()) continue;
    const folder = join('src', room.name, 'assembly');
    const names = await readdir(join(top, folder)).catch(() => []);
    const texts = await Promise.all(names.map((name) => readFile(join(top, folder, name), 'utf8')));
    for (const name of names.map((file) => basename(file, '.ts'))) {
      if (texts.some((text) => text.includes(` from './${name}';`))) continue;
      found[join('src', room.name, `${name}.wasm.ts`)] = join(folder, `${name}.ts`);
    }
  }
  return found;
}

/** The text of the file that a script becomes. Throws with the compiler's words. */
export async function compiled(source) {
  let code;
  const words = [];
  const word = { write: (chunk) => words.push(String(chunk)) };
  const options = ['-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd', '--outFile', 'code.wasm'];
  const { error } = await main([source, ...options, '--baseDir', top], {
    stdout: word,
    stderr: word,
    writeFile: (name, contents) => {
      if (name.endsWith('code.wasm')) code = contents;
    },
  });
  if (error !== null || code === undefined) throw new Error(`${source} does not compile: ${words.join('') || error}`);
  const from = join(basename(dirname(source)), basename(source));
  return `// Made from ${from} by npm run assembly.\nexport default\n  '${Buffer.from(code).toString('base64').replace(/.{1,120}(?=.)/g, "$&' +\n  '")}';\n`;
}
