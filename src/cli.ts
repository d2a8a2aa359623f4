import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { shownUrl } from './config/address.js';
import { destinationSettings } from './config/destination-settings.js';
import { readListenAddress } from './config/listen-address.js';
import type { ListenAddress } from './config/listen-address.js';
import { loadSettings } from './config/load.js';
import type { LoadedSettings } from './config/load.js';
import type { Flags } from './config/layers.js';
import { nearest, nearestAdvice } from './config/nearest.js';
import { flagOf, options, reservedOptions } from './config/options.js';
import type { OptionName, OptionRow } from './config/options.js';
import { anyOf, quote } from './config/written.js';
import { SettingError } from './core/errors.js';
import { versionLine } from './packaging.js';

export type { ListenAddress };

/** What the words of a command line ask for. */
export type CommandLine =
  | {
      readonly command: 'run' | 'check' | 'status';
      /** Reads flags, environment and file; rejects with a SettingError. May be called again, to read a changed file. */
      load(): Promise<LoadedSettings>;
    }
  | { readonly command: 'listen'; readonly address: ListenAddress }
  | { readonly command: 'demo' }
  | { readonly command: 'print'; readonly text: string; readonly exitCode: 0 };

/** What the reading of settings needs to know of its surroundings. */
export interface CommandLineIo {
  /** 0 for root. */
  readonly uid: number;
  readonly homeDirectory: string;
  /** The text of a file; throws as `readFileSync` does, which is the default. */
  readonly readFile?: (path: string) => string;
  /** The width of the terminal, for the help. */
  readonly columns?: number | undefined;
}

/**
 * Reads a command line: `argv` holds the words after the program's name. Throws a SettingError, for which the exit
 * code is 2; settings themselves are read by `load` only.
 */
export function parseCommandLine(argv: readonly string[], env: Readonly<Record<string, string | undefined>>, io: CommandLineIo): CommandLine {
  let parsed: CommandLine | undefined;
  let printed = '';
  const decide = (commandLine: CommandLine) => void (parsed = commandLine);
  const load = (flags: Flags) => () => loadSettings({ flags, env, uid: io.uid, homeDirectory: io.homeDirectory, readFile: io.readFile ?? readText });

  const program = programWith((command, self) => decide({ command, load: load(flagsOf(self, argv)) }), (words) => decide({ command: 'listen', address: readListenAddress(words) }), () => decide({ command: 'demo' }));
  configureOutput(program, io, (text) => void (printed += text));
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error instanceof VersionAsked) return { command: 'print', text: `${versionLine()}\n`, exitCode: 0 };
    // Its own exit code for help is the one that the process happens to have.
    const isHelp = error.code === 'commander.help' || error.code === 'commander.helpDisplayed';
    if (isHelp && printed !== '') return { command: 'print', text: printed, exitCode: 0 };
    throw isHelp ? unknownCommand(argv[1] ?? '') : sentenceOf(error);
  }
  return parsed!;
}

const settingNames = `
Settings in a destination's query, as in tcp://loghost:514?format=rfc3164&facility=local0:
  ${Object.keys(destinationSettings).join(', ')}
  (docs/options.md describes them)
`;

const examples = `
Examples:
  In place of journalctl -f | ncat loghost 514:
    journald-forwarder --to 'tcp://loghost:514?format=rfc3164'
  In a unit, which reads its settings from a file:
    journald-forwarder --config /etc/journald-forwarder/config.yaml
  In cloud-config or a container, which give settings as environment variables:
    JOURNALD_FORWARDER_TO=tcp://loghost:514 journald-forwarder
  From the shell:
    journalctl -o json -f | journald-forwarder --from stdin --to tcp://HOST:514
  To two destinations, each of which keeps its own place:
    journald-forwarder --to tcp://loghost:514 --to 'udp://collector:514?format=json'
`;

type SettingsCommand = 'run' | 'check' | 'status';

function programWith(onSettings: (command: SettingsCommand, self: Command) => void, onListen: (words: readonly string[]) => void, onDemo: () => void): Command {
  const program = new Command('journald-forwarder')
    .description('Carries this machine\'s systemd journal to syslog and JSON destinations, and loses nothing on the way.')
    .usage('[command] [options]')
    .option('-V, --version', 'print the version')
    .on('option:version', () => {
      throw new VersionAsked();
    });
  program.command('run', { isDefault: true }).description('Forward entries (the default command).');
  program.command('check').description('Say what is wrong with settings, rights, journal and destinations, and send nothing.');
  program.command('status').description('Say what each destination has, and how far behind it is.');
  for (const command of program.commands) {
    for (const row of options) command.addOption(optionFrom(row));
    command.usage('[options]').allowExcessArguments().action((_options, self: Command) => {
      refuseOperands(self);
      onSettings(self.name() as SettingsCommand, self);
    });
  }
  const run = program.commands[0]!;
  program.command('listen').usage('URL').argument('[URL]', 'where to listen: tcp://HOST:PORT, tls://HOST?cert=FILE&key=FILE, udp://HOST:PORT, relp://HOST:PORT, http://HOST:PORT or unix:///PATH')
    .description('Receive, and print what arrives: something to try destinations with.')
    .allowExcessArguments().action((_url, _options, self: Command) => onListen(self.args));
  program.command('demo').usage(' ').description('Forward a bundled sample journal into a receiver of this program\'s own.')
    .allowExcessArguments().action((_options, self: Command) => {
      refuseOperands(self);
      onDemo();
    });
  // The default command's options are the program's, as far as its reader is concerned.
  program.configureHelp({ visibleOptions: (command) => [...(command === program ? run.options : command.options), ...ownOptions(command, program)] });
  program.helpCommand('help [command]', 'Print the options of a command.');
  for (const command of [program, run]) command.addHelpText('after', `${settingNames}${examples}`);
  return program;
}

class VersionAsked extends CommanderError {
  constructor() {
    super(0, 'commander.version', 'version');
  }
}

/** `--help`, and at the top `--version`: commander keeps the former apart from the others. */
function ownOptions(command: Command, program: Command): Option[] {
  const help = new Option('-h, --help', 'print this');
  return command === program ? [...program.options, help] : [help];
}

function optionFrom(row: OptionRow & { readonly name: OptionName }): Option {
  const option = new Option(row.argument === undefined ? flagOf(row.name) : `${flagOf(row.name)} <${row.argument}>`, helpOf(row));
  option.helpGroup(`${row.group}:`);
  if (row.argument !== undefined) option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  return option;
}

function helpOf({ help, kind, choices, default: value, defaultNote }: OptionRow): string {
  const notes = [
    ...(kind === 'list' ? ['repeatable'] : []),
    ...(choices === undefined ? [] : [anyOf(choices)]),
    ...(value === undefined ? [] : [`default: ${value}`]),
    ...(defaultNote === undefined ? [] : [`default: ${defaultNote}`]),
  ];
  return notes.length === 0 ? help : `${help} (${notes.join('; ')})`;
}

function flagsOf(command: Command, argv: readonly string[]): Flags {
  const flags: Partial<Record<OptionName, readonly string[]>> = {};
  for (const row of options) {
    const option = command.options.find(({ long }) => long === flagOf(row.name))!;
    const attribute = option.attributeName();
    if (command.getOptionValueSource(attribute) !== 'cli') continue;
    flags[row.name] = row.argument === undefined ? ['true'] : requireWords(row, command.getOptionValue(attribute) as readonly string[], argv);
  }
  return flags;
}

/** commander takes the next flag for the value of one whose value was forgotten; behind a `=` it is meant. */
function requireWords(row: OptionRow, words: readonly string[], argv: readonly string[]): readonly string[] {
  const swallowed = words.find((word) => isFlag(word) && !argv.includes(`${flagOf(row.name)}=${word}`));
  if (swallowed !== undefined) throw missingValue(row, `; ${swallowed} follows it`);
  return words;
}

function isFlag(word: string): boolean {
  return options.some(({ name }) => word === flagOf(name)) || word === '--help' || word === '--version';
}

function missingValue(row: OptionRow, detail = ''): SettingError {
  const flag = flagOf(row.name);
  const example = row.example?.includes(' ') ? `'${row.example}'` : (row.example ?? row.argument);
  return new SettingError(flag, `Invalid ${flag}: a value is needed, for example ${flag} ${example}${detail}.`);
}

const commandNames = ['run', 'check', 'status', 'listen', 'demo'];

function refuseOperands(command: Command): void {
  const word = command.args[0];
  if (word === undefined) return;
  const shown = shownUrl(word);
  if (/^[a-z0-9]+:/i.test(word)) throw new SettingError(shown, `Unexpected argument ${quote(shown)}: a destination follows --to; write --to before it.`);
  if (commandNames.includes(word)) throw new SettingError(shown, `Unexpected argument ${quote(shown)}: write one command, before its options.`);
  throw unknownCommand(word);
}

function unknownCommand(word: string): SettingError {
  const shown = shownUrl(word);
  const near = nearest(word, commandNames);
  const advice = near === undefined ? `use ${anyOf(commandNames)}` : `the nearest known one is ${near}`;
  return new SettingError(shown, `Unknown command ${quote(shown)}: ${word === 'completion' ? `it is not supported in this version; ${advice}` : advice}.`);
}

function configureOutput(program: Command, io: CommandLineIo, write: (text: string) => void): void {
  const columns = io.columns ?? 100;
  for (const command of [program, ...program.commands]) {
    command.exitOverride((error) => {
      throw error;
    });
    command.configureOutput({
      writeOut: write,
      // What it would say here comes again as the thrown error.
      writeErr: () => {},
      getOutHelpWidth: () => columns,
      getOutHasColors: () => false,
    });
  }
}

/**
 * commander's own complaints, in the form of all others. Its texts name what is wrong in single quotes, the value of
 * a mistyped option included: for that reason it is not kept as the cause.
 */
function sentenceOf(error: CommanderError): SettingError {
  const [, subject = ''] = /'([^']*)'/.exec(error.message) ?? [];
  // Without the value, which may be a secret.
  const flag = /^[^=\s]*/.exec(subject)![0];
  const row = options.find(({ name }) => flagOf(name) === flag);
  switch (error.code) {
    case 'commander.unknownOption': {
      if (reservedOptions.some((name) => flagOf(name) === flag)) {
        return new SettingError(flag, `Unknown option ${flag}: it is not supported in this version; leave it out.`);
      }
      if (row !== undefined) return new SettingError(flag, `Invalid ${flag}: ${subject === flag ? 'this command does not know it; leave it out' : `it takes no value; write ${flag} alone`}.`);
      const advice = nearestAdvice(flag, options.map(({ name }) => flagOf(name)), 'journald-forwarder --help lists those there are');
      return new SettingError(flag, `Unknown option ${flag}: ${advice}.`);
    }
    case 'commander.optionMissingArgument':
      return row === undefined ? new SettingError(flag, `Invalid ${flag}: a value is needed.`) : missingValue(row);
    default:
      return new SettingError(flag, `${error.message.replace(/^error: /, '').replace(/\.?$/, '.')}`);
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
