import type { DeadLetters } from '../core/dead-letters.js';

/** Dead letters that are counted, by where they come from, once they are safely on disk. */
export function countedDeadLetters(letters: DeadLetters, counts: Map<string, number>): DeadLetters {
  return {
    async write(letter, signal) {
      await letters.write(letter, signal);
      counts.set(letter.from, (counts.get(letter.from) ?? 0) + 1);
    },
  };
}
