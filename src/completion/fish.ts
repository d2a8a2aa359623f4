import { commandsByOperand, everySetting, grouped, settingsByUrl, valuesBySetting } from './tables.js';
import type { FlagWords, Value, Vocabulary } from './vocabulary.js';

/** For fish (tried with 3.6). A word that ends in a colon, a slash or an equals sign is followed by no space there anyway. */
export function fishScript(vocabulary: Vocabulary): string {
  const { program, commands, helpCommand, options, help, version, urls } = vocabulary;
  const { withOptions, withOperand } = commandsByOperand(vocabulary);
  const names = [...commands.map(({ name }) => name), helpCommand.name];
  const operands = [...withOperand, [helpCommand.name, { kind: 'words', words: commands.map(({ name }) => name) }] as const];
  const rule = (condition: string, rest: string) => `complete -c ${program} -n '${condition}' ${rest}\n`;
  const isFirst = '__journald_forwarder_follows 1';
  return `# Completes the command lines of ${program} in fish. Made by: ${program} completion fish

# Whether the command is one of these; without one it is ${withOptions[0]}.
function __journald_forwarder_runs
    set -l words (commandline -opc)
    set -l command ${withOptions[0]}
    contains -- "$words[2]" ${names.join(' ')}; and set command $words[2]
    contains -- $command $argv
end

# Whether so many words stand before the one that is typed.
function __journald_forwarder_follows
    test (count (commandline -opc)) -eq $argv[1]
end

# What is typed of a value, without quotes.
function __journald_forwarder_typed
    commandline -ct | string replace -r '^--[a-z-]+=' '' | string replace -r '^[\\'"]' '' | string replace -ar '\\\\\\\\(.)' '$1'
end

function __journald_forwarder_url -a kind
    set -l typed (__journald_forwarder_typed)
    if not string match -qr '\\?' -- "$typed"
        switch $kind
${Object.entries(urls).map(([kind, all]) => `            case ${kind}\n                printf '%s\\t%s\\n' ${all.map(({ start, form }) => `${start} ${form}`).join(' ')}\n`).join('')}        end
        return
    end
    set -l scheme (string replace -r ':.*' '' -- $typed)
    set -l settled (string replace -r '[^?&]*$' '' -- $typed)
    set -l setting (string replace -r '.*[?&]' '' -- $typed)
    if string match -q '*=*' -- $setting
        set -l name (string replace -r '=.*' '' -- $setting)
        set settled $settled$name=
        switch $scheme:$name
${grouped(valuesBySetting(urls, settingCall)).map(({ keys, text }) => `            case ${keys.map(fishQuoted).join(' ')}\n                ${text}\n`).join('')}        end
        return
    end
    set -l settings
    switch $kind:$scheme
${grouped(settingsByUrl(urls)).map(({ keys, text }) => `        case ${keys.join(' ')}\n            set settings ${text}\n`).join('')}    end
    for setting in $settings
        string match -qr '[?&]'(string escape --style=regex -- $setting) -- $settled; and continue
        printf '%s\\t%s\\n' $settled$setting (__journald_forwarder_help $setting)
    end
end

function __journald_forwarder_help -a setting
    switch $setting
${grouped(everySetting(urls).map(({ start, help: text }) => [start, text])).map(({ keys, text }) => `        case ${keys.join(' ')}\n            echo ${fishQuoted(text.replace(/\.$/, ''))}\n`).join('')}    end
end

complete -c ${program} -f
${[...commands, helpCommand].map(({ name, help: text }) => rule(isFirst, `-a ${name} -d ${fishQuoted(text)}`)).join('')}${flagRule(program, help)}${rule(isFirst, flag(version))}
${operands.map(([name, value]) => (value.kind === 'nothing' ? '' : rule(`__journald_forwarder_runs ${name}; and __journald_forwarder_follows 2`, valueOf(value)))).join('')}
${options.map((option) => rule(`__journald_forwarder_runs ${withOptions.join(' ')}`, `-l ${option.flag.slice(2)} ${option.value === undefined ? '' : `${option.value.kind === 'file' ? '-r' : '-x'} ${valueOf(option.value)}`}-d ${fishQuoted(option.help)}`)).join('')}`;
}

function flagRule(program: string, words: FlagWords): string {
  return `complete -c ${program} ${flag(words)}\n`;
}

function flag({ short, long, help }: FlagWords): string {
  return `-s ${short.slice(1)} -l ${long.slice(2)} -d ${fishQuoted(help)}`;
}

function valueOf(value: Value): string {
  switch (value.kind) {
    case 'words':
      return `-a '${value.words.join(' ')}' `;
    case 'url':
      return `-a '(__journald_forwarder_url ${value.of})' `;
    case 'file':
      return '-F ';
    case 'folder':
      return `-a '(__fish_complete_directories (__journald_forwarder_typed))' `;
    case 'anything':
    case 'nothing':
      return '';
  }
}

function settingCall(value: Value): string {
  if (value.kind === 'words') return `string replace -r '^' -- "$settled" ${value.words.join(' ')}`;
  return `printf '%s\\n' $settled(__fish_complete_path (string replace -r '.*=' '' -- $setting) | string replace -r '\\t.*' '')`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
