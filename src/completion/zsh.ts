import { commandsByOperand, everySetting, grouped, isBeginning, quoted, settingsByUrl, valuesBySetting } from './tables.js';
import type { FlagWords, OptionWords, UrlWords, Value, Vocabulary } from './vocabulary.js';

/** For zsh's completion system (zshcompsys(1)): in a file of its own on `$fpath`, or read with `source`. */
export function zshScript(vocabulary: Vocabulary): string {
  const { program, commands, helpCommand, options, help, version, urls } = vocabulary;
  const { withOptions, withOperand } = commandsByOperand(vocabulary);
  const names = commands.map(({ name }) => name);
  const operands = [...withOperand, [helpCommand.name, { kind: 'words', words: names }] as const];
  return `#compdef ${program}
# Completes the command lines of ${program} in zsh. Made by: ${program} completion zsh

_${program}() {
  local command=run
  local -a flags=(${flagSpec(help)})
  if (( CURRENT == 2 )); then
    flags+=(${flagSpec(version)} '1: :_${program}_commands')
  elif [[ $words[2] == (${[...names, helpCommand.name].join('|')}) ]]; then
    command=$words[2]
    shift words
    (( CURRENT-- ))
  fi
  case $command in
    (${withOptions.join('|')})
      _arguments $flags \\
${options.map((option) => `        ${optionSpec(option, program)}`).join(' \\\n')}
      ;;
${operands.map(([name, value]) => `    (${name}) _arguments $flags${value.kind === 'nothing' ? '' : ` ${shellQuoted(`1: :${actionOf(value, program)}`)}`} ;;\n`).join('')}  esac
}

_${program}_commands() {
  local -a commands=(
${[...commands, helpCommand].map((command) => `    ${described(command.name, command.help)}\n`).join('')}  )
  _describe -t commands command commands
}

# Words, of which those that end in a colon are beginnings.
_${program}_words() {
  compadd -S '' -- \${(M)@:#*:}
  compadd -- \${@:#*:}
}

_${program}_url() {
  local scheme=\${PREFIX%%:*} setting
  local -a begins forms whole settings
  if ! compset -P '*[?&]'; then
    case $1 in
${Object.entries(urls).map(([kind, all]) => `      (${kind}) ${urlLists(all)} ;;\n`).join('')}    esac
    compadd -S '' -d forms -- $begins
    compadd -- $whole
    return
  fi
  setting=\${PREFIX%%=*}
  if compset -P '*='; then
    case $scheme:$setting in
${grouped(valuesBySetting(urls, (value) => settingAction(value))).map(({ keys, text }) => `      (${keys.join('|')}) ${text} ;;\n`).join('')}    esac
    return
  fi
  local -A help=(
${everySetting(urls).map(({ start, help: text }) => `    ${start} ${shellQuoted(text.replace(/\.$/, ''))}\n`).join('')}  )
  case $1:$scheme in
${grouped(settingsByUrl(urls)).map(({ keys, text }) => `    (${keys.join('|')}) settings=(${text}) ;;\n`).join('')}  esac
  for setting in $settings; do
    [[ $IPREFIX == *[?\\&]$setting* ]] || whole+=("$setting:\${help[$setting]}")
  done
  _describe -t settings setting whole -S ''
}

# Run as the function of this name where it was loaded from $fpath, and read by source otherwise.
if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}

function flagSpec({ short, long, help }: FlagWords): string {
  return `'(- *)'{${short},${long}}${shellQuoted(`[${help}]`)}`;
}

/** As `_arguments` wants it. */
function optionSpec({ flag, help, value, argument, isRepeatable }: OptionWords, program: string): string {
  const text = `[${help.replace(/\.$/, '').replaceAll(/[[\]\\]/g, '\\$&')}]`;
  return shellQuoted(`${isRepeatable ? '*' : ''}${flag}${value === undefined ? text : `=${text}:${argument!.replaceAll(':', '\\:')}:${actionOf(value, program)}`}`);
}

function actionOf(value: Value, program: string): string {
  switch (value.kind) {
    case 'words':
      return value.words.some(isBeginning) ? `{_${program}_words ${value.words.join(' ').replaceAll(':', '\\:')}}` : `(${value.words.join(' ')})`;
    case 'url':
      return `{_${program}_url ${value.of}}`;
    case 'file':
      return '_files';
    case 'folder':
      return '_directories';
    case 'anything':
    case 'nothing':
      return ' ';
  }
}

function settingAction(value: Value): string {
  return value.kind === 'words' ? `compadd -S '' -- ${value.words.map(quoted).join(' ')}` : '_files';
}

function urlLists(urls: readonly UrlWords[]): string {
  const begins = urls.filter(({ start, form }) => start !== form);
  const whole = urls.filter(({ start, form }) => start === form);
  return `begins=(${begins.map(({ start }) => start).join(' ')}) forms=(${begins.map(({ form }) => form).join(' ')}) whole=(${whole.map(({ start }) => start).join(' ')})`;
}

function described(word: string, help: string): string {
  return shellQuoted(`${word.replaceAll(':', '\\:')}:${help.replace(/\.$/, '')}`);
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll('\'', `'\\''`)}'`;
}
