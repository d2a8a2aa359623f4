import { severities } from './filter.js';

/**
 * Every option there is: the command line, the environment variables, the keys of the file, `--help` and
 * docs/options.md are all made from this one table.
 */
export interface OptionRow {
  /** Without the dashes; also the key in the file. */
  readonly name: string;
  readonly group: 'Source' | 'Filter' | 'Destinations' | 'State' | 'This program';
  /**
   * `list` may be repeated; `negated` is a boolean whose name begins with `no-`; the others hold one value.
   */
  readonly kind: 'text' | 'list' | 'choice' | 'duration' | 'boolean' | 'negated';
  /** What stands for the value in `--help`; absent for booleans. */
  readonly argument?: string;
  /** One sentence. */
  readonly help: string;
  readonly choices?: readonly string[];
  /** The value where it is not given. */
  readonly default?: string;
  /** The default in words, where it is not one value. */
  readonly defaultNote?: string;
  /** A value that works, for error messages. */
  readonly example?: string;
  /** What separates several values in an environment variable: white space, or line ends where values hold spaces. */
  readonly separator?: 'space' | 'line';
  /** What a shell may complete its value with, where that is not `choices`: words that are not all there are, or names of files or folders. */
  readonly completes?: 'file' | 'folder' | readonly string[];
  /** It says which part of a journal to read, and stdin has no such parts; `local`: a gateway cannot be asked for it either. */
  readonly journalOnly?: 'local' | 'any';
}

const table = [
  {
    name: 'from', group: 'Source', kind: 'text', argument: 'SOURCE', default: 'journal', example: 'stdin', completes: ['journal', 'stdin', 'gateway:'],
    help: 'Where entries come from: journal, this machine\'s; stdin (JSON lines, export format or plain lines, recognised from the first bytes); or gateway:PLACE, a systemd-journal-gatewayd.',
  },
  { name: 'directory', group: 'Source', kind: 'text', argument: 'DIR', example: '/var/log/journal', completes: 'folder', journalOnly: 'local', help: 'Read the journal files in this folder, of whichever machine they are.' },
  { name: 'namespace', group: 'Source', kind: 'text', argument: 'NS', example: 'web', journalOnly: 'local', help: 'Read the journal of this namespace.' },
  { name: 'all-machines', group: 'Source', kind: 'boolean', journalOnly: 'local', help: 'Read the journals of other machines too that lie below /var/log/journal.' },
  { name: 'journalctl-path', group: 'Source', kind: 'text', argument: 'PATH', default: 'journalctl', example: '/usr/bin/journalctl', completes: 'file', journalOnly: 'local', help: 'The journalctl program to run.' },
  {
    name: 'start', group: 'Source', kind: 'choice', argument: 'PLACE', choices: ['head', 'boot', 'now'], default: 'boot', example: 'head', journalOnly: 'any',
    help: 'Where a first run starts: at the oldest entry, at this boot, or at what comes from now on; a saved checkpoint wins.',
  },
  {
    name: 'since', group: 'Source', kind: 'text', argument: 'TIME', example: 'yesterday', journalOnly: 'any',
    help: 'Start a first run at this time instead, written as for journalctl or as RFC 3339.',
  },
  { name: 'until', group: 'Source', kind: 'text', argument: 'TIME', example: '2026-11-20 08:00', journalOnly: 'local', help: 'Read entries up to this time, and stop; it does not wait for a time to come. Implies --no-follow.' },
  { name: 'no-follow', group: 'Source', kind: 'negated', help: 'Stop at the end of the journal, when everything is delivered.' },
  { name: 'report-gaps', group: 'Source', kind: 'boolean', journalOnly: 'any', help: 'Put an entry of its own into the stream wherever entries are missing, so that the reader at the far end knows.' },
  { name: 'join-lines', group: 'Source', kind: 'boolean', help: 'Stitch a line of a service\'s output together again that journald has split into pieces of 48 KiB.' },

  { name: 'unit', group: 'Filter', kind: 'list', argument: 'UNIT', example: 'nginx.service', separator: 'space', help: 'Forward this unit\'s entries; .service is implied, globs are allowed.' },
  { name: 'identifier', group: 'Filter', kind: 'list', argument: 'ID', example: 'sshd', separator: 'line', help: 'Forward entries with this SYSLOG_IDENTIFIER.' },
  {
    name: 'priority', group: 'Filter', kind: 'text', argument: 'P or A..B', example: 'warning', completes: severities,
    help: 'Forward this severity and all that are more urgent, or a range of severities, by number (0 to 7) or by name (emerg to debug).',
  },
  {
    name: 'match', group: 'Filter', kind: 'list', argument: 'F=V …', example: '_TRANSPORT=audit _UID=0', separator: 'line',
    help: 'Forward entries that have all of these fields, or all of those of another --match; a value with spaces stands in double quotes.',
  },
  { name: 'kernel', group: 'Filter', kind: 'boolean', help: 'Forward the kernel\'s entries only.' },
  { name: 'exclude-unit', group: 'Filter', kind: 'list', argument: 'UNIT', example: 'cron.service', separator: 'space', help: 'Leave out this unit\'s entries.' },
  { name: 'exclude-match', group: 'Filter', kind: 'list', argument: 'F=V', example: 'SYSLOG_IDENTIFIER=cron', separator: 'line', help: 'Leave out entries that have this field; the value is everything after the first "=".' },
  { name: 'include-self', group: 'Filter', kind: 'boolean', help: 'Forward this program\'s own entries too.' },

  {
    name: 'to', group: 'Destinations', kind: 'list', argument: 'URL', default: 'stdout:', example: 'tcp://loghost:514', separator: 'space',
    help: 'Where entries go: stdout:, tcp://HOST:PORT, tls://HOST, udp://HOST:PORT, relp://HOST:PORT, relps://HOST:PORT, http://HOST, https://HOST, unix:///PATH, logentries: or cloudwatch:GROUP, with the destination\'s own settings in the query.',
  },
  { name: 'fields', group: 'Destinations', kind: 'text', argument: 'F,G,…', example: 'MESSAGE,PRIORITY,_HOSTNAME', help: 'Send only these journal fields as JSON.' },
  {
    name: 'field-map', group: 'Destinations', kind: 'text', argument: 'A=b,C=d', example: 'MESSAGE=message,_HOSTNAME=host',
    help: 'Send journal fields under other names as JSON; fields of one name are joined with a space.',
  },
  { name: 'field-map-strict', group: 'Destinations', kind: 'boolean', help: 'Send only the fields of the map.' },
  { name: 'add-field', group: 'Destinations', kind: 'list', argument: 'NAME=VALUE', example: 'cluster=blue', separator: 'line', help: 'Put a fixed field into every JSON message.' },

  {
    name: 'state-dir', group: 'State', kind: 'text', argument: 'DIR', example: '/srv/forwarder-state', completes: 'folder',
    defaultNote: '$STATE_DIRECTORY, else /var/lib/journald-forwarder for root, else $XDG_STATE_HOME/journald-forwarder, else ~/.local/state/journald-forwarder',
    help: 'The folder of checkpoints and dead letters.',
  },
  {
    name: 'no-checkpoint', group: 'State', kind: 'negated',
    help: 'Keep no position and take no lock; implied by --from stdin, and where stdout: is the only destination, unless --state-dir is given.',
  },
  { name: 'reset-checkpoint', group: 'State', kind: 'boolean', help: 'Forget the saved position, and start as a first run does.' },

  {
    name: 'metrics', group: 'This program', kind: 'text', argument: 'HOST:PORT', example: '127.0.0.1:9619',
    help: 'Serve Prometheus metrics at /metrics, and health at /healthz and /readyz; port 0 takes a free one, which the log names.',
  },
  {
    name: 'shutdown-timeout', group: 'This program', kind: 'duration', argument: 'TIME', default: '10s', example: '30s',
    help: 'How long a stop may take to deliver what is under way (500ms, 10s, 2m).',
  },
  { name: 'log-level', group: 'This program', kind: 'choice', argument: 'LEVEL', choices: ['debug', 'info', 'warn', 'error'], default: 'info', example: 'debug', help: 'How much this program says about itself, on stderr.' },
  { name: 'log-format', group: 'This program', kind: 'choice', argument: 'FORMAT', choices: ['text', 'json'], default: 'text', example: 'json', help: 'The form in which it says so.' },
  { name: 'config', group: 'This program', kind: 'text', argument: 'FILE', example: '/etc/journald-forwarder/config.yaml', completes: 'file', help: 'Read settings from this YAML file; flags and environment variables win over it.' },
] as const satisfies readonly OptionRow[];

export type OptionName = (typeof table)[number]['name'];

type ChoiceRow = Extract<(typeof table)[number], { kind: 'choice' }>;
export type ChoiceName = ChoiceRow['name'];
/** The words that an option of kind `choice` may hold. */
export type ChoiceOf<N extends ChoiceName> = Extract<ChoiceRow, { name: N }>['choices'][number];

export const options: readonly (OptionRow & { readonly name: OptionName })[] = table;

/** Options that are promised under these names and not there yet. */
export const reservedOptions: readonly string[] = [
  'exclude-namespace',
];

export function optionOf(name: OptionName): OptionRow {
  return options.find((row) => row.name === name)!;
}

export function flagOf(name: string): string {
  return `--${name}`;
}

export const environmentPrefix = 'JOURNALD_FORWARDER_';

export function environmentNameOf(name: string): string {
  return environmentPrefix + name.toUpperCase().replaceAll('-', '_');
}
