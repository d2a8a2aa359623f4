import { execFile } from 'node:child_process';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { locked } from './locked.js';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** The path of the one executable file, dist/journald-forwarder-linux-ARCH; made first where it is older than what goes into it. */
export async function executable(): Promise<string> {
  const file = join(top, `dist/journald-forwarder-linux-${process.arch}`);
  await mkdir(join(top, '.cache'), { recursive: true });
  await locked(join(top, '.cache/executable.lock'), async () => {
    if ((await changedAt(file)) > (await newestOf(['src', 'deploy/binary', 'deploy/bundle', 'deploy/man', 'deploy/commit.mjs', 'deploy/licences.mjs', 'package.json', 'package-lock.json']))) return;
    await promisify(execFile)('npm', ['run', '--silent', 'build:binary'], { cwd: top });
  });
  return file;
}

async function newestOf(paths: readonly string[]): Promise<number> {
  const times = paths.map(async (path) => {
    const within = await readdir(join(top, path), { recursive: true }).catch(() => []);
    return Math.max(...(await Promise.all([path, ...within.map((name) => join(path, name))].map((name) => changedAt(join(top, name))))));
  });
  return Math.max(...(await Promise.all(times)));
}

/** 0 where there is no such file. */
async function changedAt(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
}
