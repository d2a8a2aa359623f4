// Renews the boot configs: the units and scripts that they hold, and the Ignition file beside each Butane file.
//   npm run boot-configs                                                  those of the repository
//   npm run boot-configs -- --binary URL --sha256 HEX-OR-FILE FILE...     copies of yours, filled in
// FILE is a Butane file (.bu) or a cloud-config (.yaml), and is changed in its place.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { parseArgs } from 'node:util';
import { bootConfigs, outputs } from './files.js';
import type { Binary } from './renew.js';

try {
  const { values, positionals } = parseArgs({ args: argv.slice(2), options: { binary: { type: 'string' }, sha256: { type: 'string' } }, allowPositionals: true });
  const binary = binaryOf(values.binary, values.sha256);
  if (binary !== undefined && positionals.length === 0) throw new Error('Name the files to fill in: copies of those in cloud-config and deploy/ignition.');
  for (const file of positionals.length > 0 ? positionals : bootConfigs()) {
    for (const [path, text] of outputs(file, binary)) {
      // An Ignition file holds the secrets of its Butane file; those of the repository are only examples.
      const mode = positionals.length > 0 && path.endsWith('.ign') ? 0o600 : undefined;
      writeFileSync(path, text, { mode });
      if (mode !== undefined) chmodSync(path, mode);
      console.log(path);
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  exit(1);
}

function binaryOf(url: string | undefined, sha256: string | undefined): Binary | undefined {
  if (url === undefined && sha256 === undefined) return undefined;
  if (url === undefined || !/^https?:\/\/[^\s'"]+$/.test(url)) throw new Error('--binary must be the URL from which machines get the program, beside --sha256.');
  if (sha256 === undefined) throw new Error('--sha256 is needed beside --binary: the digest of the program, or the file that build:binary wrote it to.');
  const digest = /^[0-9a-f]{64}$/.test(sha256) ? sha256 : readFileSync(sha256, 'utf8').split(/\s/)[0]!;
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new Error(`${sha256} does not begin with a SHA-256 in hexadecimal; name the file .sha256 that build:binary wrote.`);
  return { url, sha256: digest };
}
