import { commands, helpCommand, ownFlags } from './commands.js';
import type { CommandRow } from './commands.js';
import { shells } from './completion/shells.js';
import type { SettingWords, UrlWords, Value, Vocabulary } from './completion/vocabulary.js';
import { destinationSettings, settingRow } from './config/destination-settings.js';
import type { SettingName } from './config/destination-settings.js';
import { certificateSettings, listenForms } from './config/listen-address.js';
import { flagOf, options } from './config/options.js';
import type { OptionRow } from './config/options.js';
import { schemes } from './config/schemes.js';
import type { Scheme } from './config/setting-rows/row.js';

/** What a command line may hold, from the tables that it is read with. */
export function vocabulary(): Vocabulary {
  return {
    program: 'journald-forwarder',
    commands: commands.map((row) => ({ name: row.name, help: row.help, takes: row.takes === 'options' ? 'options' : operandOf(row) })),
    helpCommand,
    options: options.map((row) => ({
      flag: flagOf(row.name),
      help: row.help,
      isRepeatable: row.kind === 'list',
      ...(row.argument === undefined ? {} : { argument: row.argument, value: valueOf(row, row.name) }),
    })),
    help: ownFlags.help,
    version: ownFlags.version,
    urls: {
      destination: Object.entries(schemes).map(([scheme, { form, settingPrefix = '' }]) => urlWords(scheme, form, settingsOf(scheme as Scheme, settingPrefix))),
      receiver: Object.entries(listenForms).map(([scheme, form]) => urlWords(scheme, form, scheme === 'tls' ? certificateSettings.map(fileSetting) : [])),
    },
  };
}

function operandOf({ takes }: CommandRow): Value {
  if (takes === 'SHELL') return { kind: 'words', words: shells };
  return takes === 'URL' ? { kind: 'url', of: 'receiver' } : { kind: 'nothing' };
}

function valueOf({ choices, completes }: OptionRow, name: string): Value {
  if (name === 'to') return { kind: 'url', of: 'destination' };
  const words = choices ?? completes ?? 'anything';
  return typeof words === 'string' ? { kind: words } : { kind: 'words', words };
}

function urlWords(scheme: string, form: string, settings: readonly SettingWords[]): UrlWords {
  return { scheme, form, start: /^[^A-Z]*/.exec(form)![0], settings };
}

/** Those that may stand in a URL on a command line, where secrets are refused. */
function settingsOf(scheme: Scheme, prefix: string): SettingWords[] {
  return Object.keys(destinationSettings).flatMap((name) => {
    const { schemes: known, isSecret, isKeyed, choices, argument, help } = settingRow(name as SettingName);
    if (!known.includes(scheme) || isSecret) return [];
    const words = choices?.(scheme);
    return [{
      start: `${prefix}${name}${isKeyed ? '.' : '='}`,
      help,
      value: words !== undefined ? { kind: 'words' as const, words } : { kind: argument === 'FILE' && !isKeyed ? ('file' as const) : ('anything' as const) },
    }];
  });
}

function fileSetting(name: string): SettingWords {
  return { start: `${name}=`, help: 'A PEM file.', value: { kind: 'file' } };
}
