import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { commandNames, commands, examples, helpCommand, helpOf, ownFlags, summary } from './commands.js';
import type { CommandName } from './commands.js';
import { shells } from './completion/shells.js';
import type { Shell } from './completion/shells.js';
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
  | { readonly command: 'completion'; readonly shell: Shell }
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

  const program = programWith((command, self) => {
    switch (command) {
      case 'listen':
        return decide({ command, address: readListenAddress(self.args) });
      case 'completion':
        return decide({ command, shell: readShell(self.args) });
      case 'demo':
        refuseOperands(self.args);
        return decide({ command });
      default:
        refuseOperands(self.args);
        return decide({ command, load: load(flagsOf(self, argv)) });
    }
  });
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

const exampleText = `
Examples:
${examples.map(({ title, command }) => `  ${title}:\n    ${command}\n`).join('')}`;

function programWith(onCommand: (command: CommandName, self: Command) => void): Command {
  const { version } = ownFlags;
  const program = new Command('journald-forwarder')
    .description(summary)
    .usage('[command] [options]')
    .option(`${version.short}, ${version.long}`, version.help)
    .on('option:version', () => {
      throw new VersionAsked();
    });
  const withSettings: Command[] = [];
  for (const { name, takes, help, argumentHelp } of commands) {
    const command = program.command(name, { isDefault: name === 'run' }).description(help).allowExcessArguments();
    if (takes === 'options') withSettings.push(command);
    else if (takes !== 'nothing') command.argument(`[${takes}]`, argumentHelp);
    command.usage({ options: '[options]', nothing: ' ', URL: 'URL', SHELL: 'SHELL' }[takes]).action(() => onCommand(name, command));
  }
  const run = program.commands[0]!;
  // To make them takes milliseconds, so that a command gets its options only where it is the one that is meant.
  program.hook('preSubcommand', (_program, command) => void (withSettings.includes(command) && withOptions(command)));
  for (const command of withSettings) command.on('beforeHelp', () => withOptions(command));
  // The default command's options are the program's, as far as its reader is concerned.
  program.configureHelp({ visibleOptions: (command) => [...(command === program ? withOptions(run).options : command.options), ...ownOptions(command, program)] });
  program.helpCommand(`${helpCommand.name} [command]`, helpCommand.help);
  for (const command of [program, run]) command.addHelpText('after', `${settingNames}${exampleText}`);
  return program;
}

function withOptions(command: Command): Command {
  if (command.options.length === 0) for (const row of options) command.addOption(optionFrom(row));
  return command;
}

class VersionAsked extends CommanderError {
  constructor() {
    super(0, 'commander.version', 'version');
  }
}

/** `--help`, and at the top `--version`: commander keeps the former apart from the others. */
function ownOptions(command: Command, program: Command): Option[] {
  const help = new Option(`${ownFlags.help.short}, ${ownFlags.help.long}`, ownFlags.help.help);
  return command === program ? [...program.options, help] : [help];
}

function optionFrom(row: OptionRow & { readonly name: OptionName }): Option {
  const option = new Option(row.argument === undefined ? flagOf(row.name) : `${flagOf(row.name)} <${row.argument}>`, helpOf(row));
  option.helpGroup(`${row.group}:`);
  if (row.argument !== undefined) option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  return option;
}

function flagsOf(command: Command, argv: readonly string[]): Flags {
  const flags: Partial<Record<OptionName, readonly string[]>> = {};
  // They were made of these rows, in their order.
  for (const [index, row] of options.entries()) {
    const attribute = command.options[index]!.attributeName();
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
  return options.some(({ name }) => word === flagOf(name)) || Object.values(ownFlags).some(({ long }) => word === long);
}

function missingValue(row: OptionRow, detail = ''): SettingError {
  const flag = flagOf(row.name);
  const example = row.example?.includes(' ') ? `'${row.example}'` : (row.example ?? row.argument);
  return new SettingError(flag, `Invalid ${flag}: a value is needed, for example ${flag} ${example}${detail}.`);
}

function readShell([word, more]: readonly string[]): Shell {
  if (more !== undefined) throw new SettingError('completion', `Invalid completion: one shell is enough; leave out ${quote(more)}.`);
  const shell = shells.find((name) => name === word);
  if (shell === undefined) throw new SettingError('completion', `Invalid completion${word === undefined ? '' : ` ${quote(word)}`}: a shell is needed, ${anyOf(shells)}.`);
  return shell;
}

function refuseOperands([word]: readonly string[]): void {
  if (word === undefined) return;
  const shown = shownUrl(word);
  if (/^[a-z0-9]+:/i.test(word)) throw new SettingError(shown, `Unexpected argument ${quote(shown)}: a destination follows --to; write --to before it.`);
  if (commandNames.includes(word)) throw new SettingError(shown, `Unexpected argument ${quote(shown)}: write one command, before its options.`);
  throw unknownCommand(word);
}

function unknownCommand(word: string): SettingError {
  const shown = shownUrl(word);
  const near = nearest(word, commandNames);
  return new SettingError(shown, `Unknown command ${quote(shown)}: ${near === undefined ? `use ${anyOf(commandNames)}` : `the nearest known one is ${near}`}.`);
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
