import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Shell } from '../../src/completion/shells.js';

/** What the key Tab does to a command line. */
export interface Completed {
  /** All that the shell offers for the word, in order of the alphabet; what stands before it in the word is left out. */
  readonly words: readonly string[];
  /** The line as it is after the key: gone on with what is common to all. */
  readonly line: string;
}

/**
 * An interactive shell at a terminal of its own, which has read a completion script and nothing else of its user's.
 * Lines are typed in, never run.
 */
export class ShellLine {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;
  readonly #folder: string;
  #screen = '';

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#lines = createInterface(child.stdio[3] as Readable);
    this.#answers = this.#lines[Symbol.asyncIterator]();
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => void (this.#screen += text));
  }

  /** Starts a shell whose current folder is `cwd`. */
  static async start(shell: Shell, script: string, cwd: string): Promise<ShellLine> {
    const folder = await mkdtemp(join(tmpdir(), 'completion-test-'));
    await writeFile(join(folder, completionFile[shell]), script);
    await writeFile(join(folder, startFile[shell]), starts[shell].replaceAll('FOLDER', folder));
    // script(1) makes the terminal. What the shell is asked it answers on descriptor 3.
    const env = { PATH: process.env['PATH'], HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, ZDOTDIR: folder, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
    const child = spawn('script', ['--quiet', '--return', '--command', `exec ${commands[shell].replaceAll('FOLDER', folder)}`, '/dev/null'], { cwd, env, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    await once(child, 'spawn').catch((cause: unknown) => {
      throw new Error('script(1) is missing: install the Debian package bsdutils.', { cause });
    });
    const line = new ShellLine(child, folder);
    await line.#answer();
    return line;
  }

  /** Types a line, presses Tab at its end, and empties it again. */
  async complete(typed: string): Promise<Completed> {
    this.#child.stdin!.write(`${typed}\t\x18d`);
    const words = new Set<string>();
    for (;;) {
      const answer = await this.#answer();
      if (answer.startsWith('line:')) return { words: [...words].sort(), line: answer.slice('line:'.length) };
      words.add(wordOf(answer.slice('word:'.length)));
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await ended;
    this.#lines.close();
    await rm(this.#folder, { recursive: true });
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`the shell has ended; is its Debian package installed?\n${this.#screen}`);
    return value as string;
  }
}

/** Without the option that it is a value of, and without what only holds the place of one. */
function wordOf(word: string): string {
  return word.replace(/^(--[a-z-]+)=$/, '$1').replace(/^--[a-z-]+=/, '');
}

const commands = {
  bash: 'bash --noprofile --rcfile FOLDER/.bashrc -i',
  zsh: 'zsh --interactive --no-globalrcs',
  // Without this feature fish 3.6 takes a question mark for a wildcard at Tab, within quotes too.
  fish: 'fish --features qmark-noglob --interactive --no-config --init-command "source FOLDER/start.fish"',
} as const satisfies Record<Shell, string>;

const startFile = { bash: '.bashrc', zsh: '.zshrc', fish: 'start.fish' } as const satisfies Record<Shell, string>;

/** zsh looks for it among its functions. */
const completionFile = { bash: 'completion', zsh: '_journald-forwarder', fish: 'completion' } as const satisfies Record<Shell, string>;

/** Tab tells the words before it completes; Ctrl-X d tells the line, and empties it. */
const starts = {
  bash: `
source FOLDER/completion
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind 'set page-completions off'
registered=$(complete -p journald-forwarder)
function_name=\${registered#*-F } function_name=\${function_name%% *}
tell_words() {
  "$function_name" "$@"
  (( \${#COMPREPLY[@]} == 0 )) || printf 'word:%s\\n' "\${COMPREPLY[@]}" >&3
}
eval "\${registered/"$function_name"/tell_words}"
tell_line() { printf 'line:%s\\n' "$READLINE_LINE" >&3; READLINE_LINE='' READLINE_POINT=0; }
bind -x '"\\C-xd": tell_line'
echo ready >&3
`,
  // zsh's own compadd is called for what is to be offered, and with -O, -A or -D by functions that only want to know.
  zsh: `
fpath=(FOLDER $fpath)
autoload -Uz compinit
compinit -D -u
setopt no_beep no_auto_menu
compadd() {
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a hits
    builtin compadd -O hits "$@"
    (( $#hits == 0 )) || print -rl -u 3 -- "word:"$IPREFIX$^hits
  fi
  builtin compadd "$@"
}
tell_line() { print -r -u 3 -- "line:$BUFFER"; BUFFER='' }
zle -N tell_line
bindkey '^Xd' tell_line
print -u 3 ready
`,
  fish: `
source FOLDER/completion
function tell_words
    complete -C (commandline) | string replace -r '\\t.*' '' | string replace -r '^' 'word:' >&3
    commandline -f complete
end
bind \\t tell_words
function tell_line
    echo "line:"(commandline) >&3
    commandline ''
end
bind \\cxd tell_line
echo ready >&3
`,
} as const satisfies Record<Shell, string>;
