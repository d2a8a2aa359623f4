import { writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, type Contestant, type Place } from './contestant.js';
import { find, syslogNg, versionOf } from './installed.js';

const rsyslogd = find('rsyslogd');
const imjournal = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].some((folder) => existsSync(join(folder, 'rsyslog/imjournal.so')));
const ncat = find('ncat');
const upload = ['/usr/lib/systemd', '/lib/systemd'].map((folder) => join(folder, 'systemd-journal-upload')).find(existsSync);

/** Programs of the distribution that people use for the same task, each set up as fast as it goes. */
export const peers: readonly Contestant[] = [
  {
    name: 'rsyslog tcp RFC 5424',
    kind: 'peer',
    protocol: 'tcp',
    ...(rsyslogd !== undefined && imjournal ? {} : { missing: 'Debian package rsyslog' }),
    prepare: (place) => rsyslog(place),
  },
  {
    name: 'syslog-ng tcp RFC 5424',
    kind: 'peer',
    protocol: 'tcp',
    note: 'ends messages at a NUL byte',
    ...(syslogNg('', '') === undefined ? { missing: 'test/run unpacks it into .cache' } : {}),
    prepare: (place) => startSyslogNg(place),
  },
  {
    name: 'journalctl -o short to ncat',
    kind: 'peer',
    protocol: 'tcp',
    note: 'shows no bytes that are not text, makes several messages of several lines, and begins anew after each stop',
    ...(ncat === undefined ? { missing: 'Debian package ncat' } : {}),
    // To the end of the journal, without -f, in favour of the pipe: it could not go on from there.
    prepare: ({ port }) => ({ program: 'sh', args: ['-c', `journalctl -o short --no-pager --quiet | ncat 127.0.0.1 ${port}`] }),
  },
  {
    name: 'systemd-journal-upload',
    kind: 'peer',
    protocol: 'http',
    note: 'the export format, over HTTP',
    ...(upload === undefined ? { missing: 'Debian package systemd-journal-remote' } : {}),
    prepare: ({ port, folder }) => ({ program: upload ?? '', args: [`--url=http://127.0.0.1:${port}`, '--follow=no', `--save-state=${join(folder, 'state')}`] }),
  },
];

/** What the distribution does not have; the table says that nobody has forgotten it. */
export const absentPeers: readonly { readonly name: string; readonly why: string }[] = [
  { name: 'Fluent Bit', why: 'not in Debian' },
  { name: 'Vector', why: 'not in Debian' },
];

async function rsyslog({ port, folder }: Place): Promise<Command> {
  const config = join(folder, 'rsyslog.conf');
  await writeFile(
    config,
    `global(workDirectory="${folder}" maxMessageSize="64k")
     module(load="imjournal" StateFile="state" Ratelimit.Interval="0" IgnorePreviousMessages="off" PersistStateInterval="5000")
     action(type="omfwd" target="127.0.0.1" port="${port}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")\n`,
  );
  return { program: rsyslogd ?? '', args: ['-n', '-f', config, '-i', join(folder, 'pid')] };
}

async function startSyslogNg({ port, folder }: Place): Promise<Command> {
  const config = join(folder, 'syslog-ng.conf');
  const installed = syslogNg(config, folder);
  if (installed === undefined) throw new Error('syslog-ng is missing');
  const version = /(\d+)\.(\d+)/.exec(versionOf(installed.program, installed.args.filter((argument) => argument.startsWith('--module-path')), installed.env))?.[0];
  await writeFile(
    config,
    `@version: ${version}
     options { stats-freq(0); keep-hostname(yes); time-reopen(1); log-msg-size(65536); };
     source journal { systemd-journal(read-old-records(yes) max-field-size(65536) log-fetch-limit(1000)); };
     destination there { syslog("127.0.0.1" port(${port}) transport("tcp") flush-lines(100)); };
     log { source(journal); destination(there); flags(flow-control); };\n`,
  );
  return installed;
}
