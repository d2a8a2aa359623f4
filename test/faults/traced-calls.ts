import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskCall } from './disk-model.js';

/** A file that the program asked for, and that is not there: how it tells a tracer where it is. */
export interface Asked {
  readonly call: 'access';
  readonly path: string;
}

const calls = 'openat,write,pwrite64,fsync,fdatasync,close,unlink,link,rename,mkdir,access';

/** Runs a program to its end under strace, and resolves to what it did below `folder` (which strace's own output is put into), in order. */
export async function traceCalls(folder: string, command: string, args: readonly string[]): Promise<(DiskCall | Asked)[]> {
  const output = join(folder, 'strace');
  const strace = spawn('strace', ['-f', '-qq', '--seccomp-bpf', '-xx', '-s', '65536', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', output, command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(strace, 'close').catch((cause: unknown) => {
    throw new Error('Cannot run strace: install the Debian package strace.', { cause });
  })) as [number];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code} under strace.`);
  const opened = new Map<string, string>();
  const done: (DiskCall | Asked)[] = [];
  for (const line of wholeLines(await readFile(output, 'latin1'))) {
    const [, call = '', rest = '', result = ''] = /^\d+\s+(\w+)\((.*)\)\s+= (-?\d+)/s.exec(line) ?? [];
    const [path = '', to = ''] = [...rest.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => textOf(hex!));
    const fd = /^\d+/.exec(rest)?.[0] ?? '';
    if (call === 'openat') opened.set(result, path);
    if (call === 'access' && path.startsWith(folder)) done.push({ call, path });
    if (Number(result) < 0) continue;
    const file = opened.get(fd) ?? '';
    if (call === 'openat' && path.startsWith(folder) && rest.includes('O_CREAT')) done.push({ call: 'create', path });
    else if ((call === 'write' || call === 'pwrite64') && file.startsWith(folder)) done.push({ call: 'write', path: file, bytes: Buffer.from(path) });
    else if ((call === 'fsync' || call === 'fdatasync') && file.startsWith(folder)) done.push({ call: 'fsync', path: file });
    else if ((call === 'mkdir' || call === 'unlink') && path.startsWith(folder)) done.push({ call, path });
    else if ((call === 'link' || call === 'rename') && path.startsWith(folder)) done.push({ call, path, to });
    if (call === 'close') opened.delete(fd);
  }
  return done;
}

/** Joins the two lines of a call during which another thread made one: such a call counts from its end on. */
function* wholeLines(trace: string): Generator<string> {
  const begun = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const thread = /^\d+/.exec(line)?.[0] ?? '';
    const resumed = /^\d+\s+<\.\.\. \w+ resumed>(.*)$/s.exec(line)?.[1];
    if (line.endsWith('<unfinished ...>')) begun.set(thread, line.slice(0, -'<unfinished ...>'.length));
    else yield resumed === undefined ? line : (begun.get(thread) ?? '') + resumed;
  }
}

function textOf(hex: string): string {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString('utf8');
}
