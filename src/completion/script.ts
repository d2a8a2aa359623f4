import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import type { Shell } from './shells.js';
import type { Vocabulary } from './vocabulary.js';
import { zshScript } from './zsh.js';

/** A script that, read by the shell, has it complete the program's command lines. It starts no process while somebody types. */
export function completionScript(shell: Shell, vocabulary: Vocabulary): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](vocabulary);
}
