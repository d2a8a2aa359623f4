import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ignitionOf } from './butane.js';
import { checkCloudConfig } from './cloud-config.js';
import { renewed } from './renew.js';
import type { Binary } from './renew.js';

/** The repository's top folder. */
const top = fileURLToPath(new URL('../../', import.meta.url));

/** The texts of which boot configs hold copies, by the names under which machines get them. */
const sources = {
  'journald-forwarder.service': join(top, 'systemd/journald-forwarder.service'),
  'journald-forwarder-fetch': join(top, 'cloud-config/journald-forwarder-fetch'),
};

/** Every boot config of the repository that a person edits. */
export function bootConfigs(): string[] {
  const filesOf = (folder: string, ending: string) => readdirSync(join(top, folder)).filter((name) => name.endsWith(ending)).sort().map((name) => join(top, folder, name));
  return [...filesOf('cloud-config', '.yaml'), ...filesOf('deploy/ignition', '.bu')].map((path) => relative('', path));
}

/** What a boot config and the file that is made from it, if any, must hold: paths and texts. Throws where it has a mistake. */
export function outputs(path: string, binary?: Binary): (readonly [path: string, text: string])[] {
  const texts = Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, readFileSync(source, 'utf8')]));
  const text = renewed(readFileSync(path, 'utf8'), texts, binary);
  if (path.endsWith('.bu')) return [[path, text], [path.replace(/\.bu$/, '.ign'), ignitionOf(text, path)]];
  checkCloudConfig(text, path);
  return [[path, text]];
}
