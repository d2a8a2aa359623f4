import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Does some work while no other process that asks for the same file does. A process that ends lets go of it. */
export async function locked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; read -r _'], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const said = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]))[0] as unknown;
    if (!Buffer.isBuffer(said)) throw new Error(`Cannot lock ${file}: flock ended with ${String(said)}. Install the Debian package util-linux.`);
    return await work();
  } finally {
    holder.stdin.end();
  }
}
