import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { syslogNgCommand } from '../../test/support/syslog-ng.js';

/** Where a program is, if it is; daemons are not always in a user's PATH. */
export function find(program: string): string | undefined {
  return [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].map((folder) => join(folder, program)).find(existsSync);
}

/** How the installed or unpacked syslog-ng is started; nothing where there is none. */
export function syslogNg(config: string, folder: string): { readonly program: string; readonly args: readonly string[]; readonly env: Record<string, string> } | undefined {
  try {
    const { program, args, env = {} } = syslogNgCommand(config, folder);
    return { program, args, env: env as Record<string, string> };
  } catch {
    return undefined;
  }
}

/** What a program says of its version: the first line that has a number. */
export function versionOf(program: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): string {
  const { stdout, stderr } = spawnSync(program, ['--version', ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', ...env } });
  return `${stdout ?? ''}\n${stderr ?? ''}`.split('\n').find((line) => /\d+\.\d+|\d{3}/.test(line))?.trim() ?? 'unknown';
}

/** The versions of all that runs in the benchmark, for the report. */
export function versions(): string[] {
  const rsyslogd = find('rsyslogd');
  const ncat = find('ncat');
  const syslogNgHere = syslogNg('', '');
  const numberOf = (text: string): string => (/\d+\.\d[\w.~+-]*/.exec(text) ?? /\d+/.exec(text))?.[0] ?? text;
  return [
    `systemd ${numberOf(versionOf('journalctl'))}`,
    `Node.js ${process.version}`,
    ...(rsyslogd === undefined ? [] : [`rsyslog ${numberOf(spawnSync(rsyslogd, ['-v'], { encoding: 'utf8' }).stdout)}`]),
    ...(syslogNgHere === undefined ? [] : [`syslog-ng ${numberOf(versionOf(syslogNgHere.program, syslogNgHere.args.filter((argument) => argument.startsWith('--module-path')), syslogNgHere.env))}`]),
    ...(ncat === undefined ? [] : [`ncat ${numberOf(versionOf(ncat))}`]),
  ];
}
