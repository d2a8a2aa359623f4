import { readFileSync } from 'node:fs';
import { commands, examples, helpCommand, helpOf, ownFlags, summary } from '../../src/commands.js';
import { destinationSettings, settingRow } from '../../src/config/destination-settings.js';
import type { SettingName } from '../../src/config/destination-settings.js';
import { options } from '../../src/config/options.js';
import type { OptionRow } from '../../src/config/options.js';
import { schemes } from '../../src/config/schemes.js';
import { programVersion } from '../../src/packaging.js';
import { argument, definitions, literal, text } from './mdoc.js';

/** A page of the manual, in mdoc(7). */
export interface ManualPage {
  /** As it is installed: `journald-forwarder.1`. */
  readonly name: string;
  readonly source: string;
}

/**
 * The manual: what is written by hand stands in the files beside this one, and a line such as `@options@` in them is
 * replaced by what the tables say, from which `--help` is made too.
 */
export function manualPages(date: Date): ManualPage[] {
  const parts: Readonly<Record<string, () => string>> = { synopsis, commands: commandList, options: optionLists, flags: flagList, schemes: schemeList, settings: settingList, keys: keyLists, examples: exampleList, summary: () => text(summary) };
  return ['journald-forwarder.1', 'journald-forwarder.yaml.5'].map((name) => ({
    name,
    source: readFileSync(new URL(name, import.meta.url), 'utf8')
      .replace('@date@', date.toLocaleDateString('en-US', { dateStyle: 'long', timeZone: 'UTC' }))
      .replace('@version@', `journald-forwarder ${programVersion()}`)
      .replaceAll(/^@(\w+)@$/gm, (_line, part: string) => parts[part]!()),
  }));
}

function synopsis(): string {
  return commands.map(({ name, takes }) => {
    const command = name === 'run' ? `Op Cm ${name}` : `Cm ${name}`;
    return `.Nm\n.${command}${takes === 'nothing' ? '' : takes === 'options' ? '\n.Op Ar options' : ` Ar ${takes}`}`;
  }).join('\n');
}

function commandList(): string {
  const rows = commands.map(({ name, takes, help, argumentHelp }): [string, string] => {
    const operand = takes === 'URL' || takes === 'SHELL' ? ` Ar ${takes}` : '';
    return [`Cm ${name}${operand}`, argumentHelp === undefined ? text(help) : `${text(help)}\n.Ar ${takes}\nis ${text(argumentHelp)}.`];
  });
  return definitions([...rows, [`Cm ${helpCommand.name} Op Ar command`, text(helpCommand.help)]]);
}

function optionLists(): string {
  return byGroup((row) => [`Fl ${argument(`-${row.name}`)}${row.argument === undefined ? '' : ` Ar ${argument(row.argument)}`}`, text(helpOf(row))]);
}

function keyLists(): string {
  return byGroup((row) => [`Cm ${argument(row.name)} : Ar ${argument(row.kind === 'list' ? `[${row.argument!}, ...]` : (row.argument ?? 'true'))}`, text(helpOf(row))], 'config');
}

function byGroup(item: (row: OptionRow) => [string, string], without?: string): string {
  const groups = [...new Set(options.map(({ group }) => group))];
  return groups.map((group) => `.Ss ${group}\n${definitions(options.filter((row) => row.group === group && row.name !== without).map(item))}`).join('\n');
}

function flagList(): string {
  return definitions(Object.values(ownFlags).map(({ short, long, help }): [string, string] => [`Fl ${argument(short.slice(1))} , Fl ${argument(long.slice(1))}`, `${help[0]!.toUpperCase()}${text(help.slice(1))}.`]));
}

function schemeList(): string {
  return ['.Bl -item -compact -offset indent', ...Object.values(schemes).map(({ form }) => `.It\n.Li ${argument(form)}`), '.El'].join('\n');
}

function settingList(): string {
  return definitions(Object.keys(destinationSettings).map((name): [string, string] => {
    const { argument: placeholder, help, default: value, schemes: known, formats, isKeyed } = settingRow(name as SettingName);
    const where = known.length === Object.keys(schemes).length ? [] : [`Destinations: ${known.join(', ')}.`];
    const when = formats === undefined ? [] : [`Formats: ${formats.join(', ')}.`];
    return [`Cm ${argument(`${name}${isKeyed ? '.NAME' : ''}`)} Ns = Ns Ar ${argument(placeholder)}`, [help, `Default: ${value}.`, ...where, ...when].map(text).join('\n')];
  }));
}

function exampleList(): string {
  return examples.map(({ title, command }) => `${text(title)}:\n${literal(command)}`).join('\n.Pp\n');
}
