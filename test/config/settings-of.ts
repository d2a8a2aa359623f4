import { parseCommandLine } from '../../src/cli.js';
import type { LoadedSettings } from '../../src/config/load.js';

export interface Given {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The content of `config.yaml`, which `--config` then names. */
  readonly file?: string;
  readonly uid?: number;
}

/** What a command line, an environment and a file amount to; reads no file but the given one. */
export async function loadedFrom({ argv = [], env = {}, file, uid = 0 }: Given): Promise<LoadedSettings> {
  const words = file === undefined ? argv : [...argv, '--config', 'config.yaml'];
  const readFile = (path: string): string => {
    if (path !== 'config.yaml' || file === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return file;
  };
  const commandLine = parseCommandLine(words, env, { uid, homeDirectory: '/home/ada', readFile });
  if (!('load' in commandLine)) throw new Error(`${commandLine.command} has no settings`);
  return commandLine.load();
}
