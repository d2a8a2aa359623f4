import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What the real journalctl prints of a journal file into a pipe, in the given output mode and time zone. */
export async function journalctlOutput(file: string, mode: string, timeZone = 'UTC', more: readonly string[] = []): Promise<Buffer> {
  const child = spawn('journalctl', ['--file', file, '-q', '--no-pager', '-o', mode, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0', TZ: timeZone },
  });
  const parts: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.stderr.on('data', (part: Buffer) => said.push(part));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`journalctl -o ${mode} ended with ${code}: ${Buffer.concat(said).toString('utf8')}`);
  return Buffer.concat(parts);
}
