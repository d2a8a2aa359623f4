import type { OptionRow } from './config/options.js';
import { anyOf } from './config/written.js';

/** One command: what the command line takes, what `--help`, the manual and the completion of shells say of it. */
export interface CommandRow {
  readonly name: string;
  /** `options`: those of the table of options; the others are one word that follows the command. */
  readonly takes: 'options' | 'URL' | 'SHELL' | 'nothing';
  /** One sentence. */
  readonly help: string;
  /** What stands for the word, in words. */
  readonly argumentHelp?: string;
}

const table = [
  { name: 'run', takes: 'options', help: 'Forward entries (the default command).' },
  { name: 'check', takes: 'options', help: 'Say what is wrong with settings, rights, journal and destinations, and send nothing.' },
  { name: 'status', takes: 'options', help: 'Say what each destination has, and how far behind it is.' },
  {
    name: 'listen', takes: 'URL', help: 'Receive, and print what arrives: something to try destinations with.',
    argumentHelp: 'where to listen: tcp://HOST:PORT, tls://HOST?cert=FILE&key=FILE, udp://HOST:PORT, relp://HOST:PORT, http://HOST:PORT or unix:///PATH',
  },
  { name: 'demo', takes: 'nothing', help: 'Forward a bundled sample journal into a receiver of this program\'s own.' },
  { name: 'completion', takes: 'SHELL', help: 'Print a script that completes command lines in a shell.', argumentHelp: 'bash, zsh or fish' },
] as const satisfies readonly CommandRow[];

export type CommandName = (typeof table)[number]['name'];

export const commands: readonly (CommandRow & { readonly name: CommandName })[] = table;

export const commandNames: readonly string[] = table.map(({ name }) => name);

/** What the first lines of `--help` and of the manual say of the whole. */
export const summary = 'Carries this machine\'s systemd journal to syslog and JSON destinations, and loses nothing on the way.';

/** Flags that are no settings. */
export const ownFlags = {
  help: { short: '-h', long: '--help', help: 'print this' },
  version: { short: '-V', long: '--version', help: 'print the version' },
} as const;

export const helpCommand = { name: 'help', help: 'Print the options of a command.' } as const;

/** Command lines to begin with. */
export const examples: readonly { readonly title: string; readonly command: string }[] = [
  { title: 'In place of journalctl -f | ncat loghost 514', command: 'journald-forwarder --to \'tcp://loghost:514?format=rfc3164\'' },
  { title: 'In a unit, which reads its settings from a file', command: 'journald-forwarder --config /etc/journald-forwarder/config.yaml' },
  { title: 'In cloud-config or a container, which give settings as environment variables', command: 'JOURNALD_FORWARDER_TO=tcp://loghost:514 journald-forwarder' },
  { title: 'From the shell', command: 'journalctl -o json -f | journald-forwarder --from stdin --to tcp://HOST:514' },
  { title: 'To two destinations, each of which keeps its own place', command: 'journald-forwarder --to tcp://loghost:514 --to \'udp://collector:514?format=json\'' },
];

/** An option's sentence, with what its row says beside it. */
export function helpOf({ help, kind, choices, default: value, defaultNote }: OptionRow): string {
  const notes = [
    ...(kind === 'list' ? ['repeatable'] : []),
    ...(choices === undefined ? [] : [anyOf(choices)]),
    ...(value === undefined ? [] : [`default: ${value}`]),
    ...(defaultNote === undefined ? [] : [`default: ${defaultNote}`]),
  ];
  return notes.length === 0 ? help : `${help} (${notes.join('; ')})`;
}
