import { commandsByOperand, grouped, isBeginning, quoted, settingsByUrl, valuesBySetting } from './tables.js';
import type { UrlWords, Value, Vocabulary } from './vocabulary.js';

/** For bash 4.3 and later (`words[-1]`), with or without the package bash-completion. */
export function bashScript(vocabulary: Vocabulary): string {
  const { program, commands, helpCommand, options, help, version, urls } = vocabulary;
  const { withOptions, withOperand } = commandsByOperand(vocabulary);
  const names = commands.map(({ name }) => name);
  const values = grouped(options.flatMap(({ flag, value }) => (value === undefined ? [] : [[flag, replyOf(value)] as const])));
  const operands = [...withOperand, [helpCommand.name, { kind: 'words', words: names }] as const];
  return `# Completes the command lines of ${program} in bash. Made by: ${program} completion bash

_journald_forwarder() {
  local quote='' beginning=''
  COMPREPLY=()
  _journald_forwarder_complete
  # Within quotes readline would end a beginning that is alone: with what it could become beside it, it is not.
  if [[ -n $quote && -n $beginning ]] && (( \${#COMPREPLY[@]} == 1 )); then COMPREPLY+=("\${COMPREPLY[0]}$beginning"); fi
}

_journald_forwarder_complete() {
  local words=() word line=\${COMP_LINE:0:COMP_POINT} rest i
  # What is typed of the word and is to be gone on from; what stands before that; what of both readline leaves alone.
  local cur before='' cut=''

  # readline breaks words at ":" and "=", which URLs hold: what has no space between is put together again.
  for (( i = 0; i <= COMP_CWORD; i++ )); do
    rest=\${line#"\${line%%[![:space:]]*}"}
    if (( i == 0 )) || [[ $rest != "$line" ]]; then words+=(''); fi
    word=\${COMP_WORDS[i]}
    (( i < COMP_CWORD )) || word=$rest
    words[-1]+=$word
    line=\${rest#"$word"}
  done
  cur=\${words[-1]}

  local command=run count=\${#words[@]} option
  if (( count > 2 )) && [[ ' ${[...names, helpCommand.name].join(' ')} ' == *" \${words[1]} "* ]]; then command=\${words[1]}; fi
  if [[ $cur == --*=* ]]; then
    option=\${cur%%=*} before=\${cur%%=*}= cur=\${cur#*=}
  elif (( count > 2 )); then
    option=\${words[-2]}
  fi
  _journald_forwarder_begin

  if (( count == 2 )) && [[ \${words[-1]} != -* ]]; then
    _journald_forwarder_reply ${[...names, helpCommand.name].join(' ')}
    return
  fi
  case $command in
    ${withOptions.join('|')})
      case $option in
${values.map(({ keys, text }) => `        ${keys.join('|')}) ${text}return ;;\n`).join('')}      esac
      [[ -z $before ]] || return
      for option in ${options.map(({ flag }) => flag).join(' ')}; do
        case $option in
          ${options.filter(({ isRepeatable }) => isRepeatable).map(({ flag }) => flag).join('|')}) ;;
          # Given already, and once is all.
          *) [[ " \${words[*]:1:count-2} " != *" $option"[\\ =]* ]] || continue ;;
        esac
        _journald_forwarder_reply "$option"
      done
      (( count > 2 )) || _journald_forwarder_reply ${version.long} ${version.short}
      ;;
${operands.map(([name, value]) => `    ${name}) (( count > 3 )) || { ${replyOf(value)}:; } ;;\n`).join('')}  esac
  [[ $cur != -* ]] || _journald_forwarder_reply ${help.long} ${help.short}
}

# Takes the quote from the beginning of the word. Unless there is one, readline replaces what follows the last ":" or "=".
_journald_forwarder_begin() {
  local breaks=\${COMP_WORDBREAKS//[!:=]/} whole=$before$cur
  case $cur in
    [\\'\\"]*) quote=\${cur:0:1} cur=\${cur:1} before='' ;;
    *) [[ -z $breaks ]] || cut=\${whole%"\${whole##*[$breaks]}"} ;;
  esac
}

# Replies with those of the words that go on from what is typed.
_journald_forwarder_reply() {
  local word
  for word; do
    [[ $word == "$cur"* ]] || continue
    word=$before$word
    COMPREPLY+=("\${word#"$cut"}")
  done
}

# The same with the beginning of a word, which no space is to follow, and what may come behind it.
_journald_forwarder_begins() {
  [[ $1 == "$cur"* ]] || return
  compopt -o nospace
  beginning=$2
  _journald_forwarder_reply "$1"
}

_journald_forwarder_url() {
  local scheme=\${cur%%:*} settled setting
  if [[ $cur != *\\?* ]]; then
    case $1 in
${Object.entries(urls).map(([kind, all]) => `      ${kind})\n${all.map(beginningOf).join('')}        ;;\n`).join('')}    esac
    return
  fi
  settled=\${cur%"\${cur##*[?&]}"} setting=\${cur##*[?&]}
  [[ $setting != *=* ]] || settled+=\${setting%%=*}=
  before+=$settled cur=\${cur#"$settled"}
  compopt -o nospace
  if [[ $setting == *=* ]]; then
    case $scheme:\${setting%%=*} in
${grouped(valuesBySetting(urls, replyOf)).map(({ keys, text }) => `      ${keys.join('|')}) ${text};;\n`).join('')}    esac
    return
  fi
  case $1:$scheme in
${grouped(settingsByUrl(urls)).map(({ keys, text }) => `    ${keys.join('|')}) set -- ${text} ;;\n`).join('')}    *) return ;;
  esac
  for setting; do
    [[ $settled == *[?\\&]"$setting"* ]] || _journald_forwarder_begins "$setting" …
  done
}

# Names of files behind a setting, where readline would take the whole URL for one.
_journald_forwarder_files() {
  local file
  while read -r file; do
    if [[ -d $file ]]; then _journald_forwarder_begins "$file/" …; else _journald_forwarder_reply "$file"; fi
  done < <(compgen -f -- "$cur")
}

complete -F _journald_forwarder ${program}
`;
}

/** The call that replies with what a value may be, with a semicolon behind it. */
function replyOf(value: Value): string {
  switch (value.kind) {
    case 'words': {
      const whole = value.words.filter((word) => !isBeginning(word));
      return `_journald_forwarder_reply ${whole.map(quoted).join(' ')}; ${value.words.filter(isBeginning).map((word) => `_journald_forwarder_begins ${quoted(word)} …; `).join('')}`;
    }
    case 'url':
      return `_journald_forwarder_url ${value.of}; `;
    // readline's own completion of names, which knows quotes and tildes; it cannot begin inside of a URL.
    case 'file':
      return '[[ $before == *\\?* ]] && _journald_forwarder_files || compopt -o default; ';
    case 'folder':
      return 'compopt -o dirnames; ';
    case 'anything':
    case 'nothing':
      return '';
  }
}

function beginningOf({ start, form }: UrlWords): string {
  return start === form ? `        _journald_forwarder_reply ${start}\n` : `        _journald_forwarder_begins ${start} ${form.slice(start.length)}\n`;
}
