import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonKind, type ReceivedMessage, SyslogDaemon, type TlsInputs, microseconds } from './syslog-daemon.js';

export interface SyslogNgOptions {
  /** A longer frame makes syslog-ng close the connection. 64 KiB by default, as syslog-ng has it. */
  readonly maxMessageBytes?: number;
  /** Further inputs, which count octets as RFC 5425 has it. */
  readonly tls?: TlsInputs;
}

/** A real syslog-ng, stricter about RFC 5424 and RFC 6587 than rsyslog: UDP, TCP with octet counting, TCP with LF. */
export async function startSyslogNg(options: SyslogNgOptions = {}): Promise<SyslogDaemon> {
  const { program, env, modules } = installation();
  const { ca = '', inputs = {} } = options.tls ?? {};
  const names = Object.keys(inputs);
  const version = /\d+\.\d+/.exec(execFileSync(program, ['--version', ...modules], { env, encoding: 'utf8' }))?.[0];
  return SyslogDaemon.start({
    name: 'syslog-ng',
    sockets: { udp: 'udp', lf: 'tcp', octets: 'tcp', ...Object.fromEntries(names.map((name) => [name, 'tcp' as const])) },
    socketOf: { udp: 'udp', 'octet-counting': 'octets', lf: 'lf' },
    config: (ports, output) => `@version: ${version}
      options { keep-hostname(yes); chain-hostnames(no); use-dns(no); use-fqdn(no); dns-cache(no); frac-digits(6);
        log-msg-size(${options.maxMessageBytes ?? 65536}); stats-freq(0); };
      source udp { syslog(ip("127.0.0.1") port(${ports['udp']}) transport("udp") flags(store-raw-message) tags("udp")); };
      source lf { network(ip("127.0.0.1") port(${ports['lf']}) transport("tcp") flags(syslog-protocol, store-raw-message) tags("lf")); };
      source octets { syslog(ip("127.0.0.1") port(${ports['octets']}) transport("tcp") flags(store-raw-message) tags("octet-counting")); };
      ${Object.entries(inputs).map(([name, { cert, key }]) => `
      source ${name} { syslog(ip("127.0.0.1") port(${ports[name]}) transport("tls") flags(store-raw-message) tags("${name}")
        tls(key-file("${key}") cert-file("${cert}") ca-file("${ca}") peer-verify(required-trusted))); };`).join('')}
      template received { template("${columns.map((macro) => `$(base64-encode \\"\${${macro}}\\")`).join(' ')}\\n"); };
      destination file { file("${output}" template(received) flush-lines(1)); };
      log { ${['udp', 'lf', 'octets', ...names].map((name) => `source(${name}); `).join('')}destination(file); };
    `,
    command: syslogNgCommand,
    parse: (line) => parse(line, ['udp', 'lf', 'octet-counting', ...names]),
  });
}

/** How the installed or unpacked syslog-ng is started. */
export function syslogNgCommand(configFile: string, folder: string): ReturnType<DaemonKind['command']> {
  const { program, env, modules } = installation();
  return { program, args: ['-F', '--no-caps', '--stderr', ...modules, `--cfgfile=${configFile}`, ...['persist-file', 'pidfile', 'control'].map((name) => `--${name}=${join(folder, name)}`)], env };
}

const columns = ['TAGS', 'FACILITY_NUM', 'LEVEL_NUM', 'S_ISODATE', 'HOST', 'PROGRAM', 'PID', 'MSGID', 'SDATA', 'MESSAGE', 'RAWMSG'];

function parse(line: Buffer, inputs: readonly string[]): ReceivedMessage {
  const [tags, facility, severity, time, host, app, pid, messageId, structuredData, message, raw] = line.toString('latin1').split(' ').map((column) => Buffer.from(column, 'base64'));
  const text = (value: Buffer | undefined) => value?.toString('utf8') ?? '';
  return {
    input: text(tags).split(',').find((tag) => inputs.includes(tag)) ?? '',
    facility: Number(text(facility)),
    severity: Number(text(severity)),
    timestamp: microseconds(text(time)),
    host: text(host),
    app: text(app),
    pid: text(pid),
    messageId: text(messageId),
    structuredData: text(structuredData),
    bytes: message ?? Buffer.alloc(0),
    text: text(message),
    raw: raw ?? Buffer.alloc(0),
  };
}

/** Debian's syslog-ng and rsyslog exclude each other, so test/run unpacks this one below .cache. */
function installation(): { readonly program: string; readonly env: NodeJS.ProcessEnv; readonly modules: readonly string[] } {
  const prefix = ['/', fileURLToPath(new URL('../../.cache/syslog-ng/', import.meta.url))].find((path) => existsSync(join(path, 'usr/sbin/syslog-ng')));
  if (prefix === undefined) throw new Error('syslog-ng is missing: test/run unpacks the Debian package syslog-ng-core, where apt-get can download it.');
  if (prefix === '/') return { program: '/usr/sbin/syslog-ng', env: { PATH: '/usr/bin:/bin' }, modules: [] };
  const triplets = ['usr/lib', 'lib'].flatMap((folder) => (existsSync(join(prefix, folder)) ? readdirSync(join(prefix, folder)).map((name) => join(prefix, folder, name)) : []));
  const libraries = [...triplets, join(prefix, 'usr/lib/syslog-ng')];
  const modules = readdirSync(join(prefix, 'usr/lib/syslog-ng'), { withFileTypes: true }).flatMap((item) => (item.isDirectory() ? [join(prefix, 'usr/lib/syslog-ng', item.name)] : []));
  return { program: join(prefix, 'usr/sbin/syslog-ng'), env: { PATH: '/usr/bin:/bin', LD_LIBRARY_PATH: libraries.join(':') }, modules: [`--module-path=${modules.join(':')}`] };
}
