import { execFile } from 'node:child_process';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** The one executable file, of this machine's architecture. */
export const executable = `${top}dist/journald-forwarder-linux-${arch}`;

/** Builds it, unless it is newer than all that goes into it. Whoever asks while another builds it waits for that. */
export async function buildExecutable(): Promise<void> {
  const script = 'test -s "$1.licenses.txt" && test -z "$(find src deploy/binary deploy/man package.json package-lock.json -newer "$1.licenses.txt" -print -quit)" || exec npm run --silent build:binary';
  await promisify(execFile)('flock', ['deploy/binary/build.mjs', 'sh', '-c', script, 'sh', executable], { cwd: top });
}
