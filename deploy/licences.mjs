// The notices that the licences of packages ask to be passed on with their code.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The texts that go with the program: its own licence, `first`, and those of the packages that files such as `node_modules/NAME/…` are of. */
export async function licences(top, files, first = []) {
  const folders = [...new Set(files.map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter((folder) => folder !== undefined))].sort();
  const parts = [`journald-forwarder\n\n${await readFile(join(top, 'LICENSE'), 'utf8')}`, ...first];
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(join(top, folder, 'package.json'), 'utf8'));
    parts.push(`${name} ${version}\n\n${await licenceIn(join(top, folder), String(license))}`);
  }
  return parts.join(`\n\n${'-'.repeat(80)}\n\n`);
}

/** The licence's text in a package's folder, or `otherwise`. */
export async function licenceIn(folder, otherwise) {
  for (const name of ['LICENSE', 'LICENSE.md', 'license', 'LICENSE.txt', 'LICENCE', 'License']) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return otherwise;
}
