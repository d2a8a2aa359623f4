import type { DeadLetterKind, DeadLetters } from '../core/dead-letters.js';

/** How many dead letters were written, by where they come from, and by what is wrong with them. */
export type DeadLetterCounts = ReadonlyMap<string, ReadonlyMap<DeadLetterKind, number>>;

/** Dead letters that are counted once they are safely on disk. */
export function countedDeadLetters(letters: DeadLetters, counts: Map<string, Map<DeadLetterKind, number>>): DeadLetters {
  return {
    async write(letter, signal) {
      await letters.write(letter, signal);
      const ofSender = counts.get(letter.from) ?? new Map<DeadLetterKind, number>();
      counts.set(letter.from, ofSender.set(letter.kind, (ofSender.get(letter.kind) ?? 0) + 1));
    },
  };
}
