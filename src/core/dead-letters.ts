import type { RejectionKind } from './sink.js';

/** What is wrong with a letter, in one of few words: the receiver refused it, or the input was malformed, or could not be read. */
export type DeadLetterKind = RejectionKind | 'malformed' | 'unreadable';

/** A message or an input line that was set aside for good, with all that is needed to mend and send it. */
export interface DeadLetter {
  /** The destination's name, or the source's where the input itself was malformed. */
  readonly from: string;
  readonly kind: DeadLetterKind;
  /** What is wrong, in words that hold nothing of the content: a log says them too. */
  readonly reason: string;
  /** Where in the input it stood, for example `line 2`. */
  readonly place?: string;
  readonly cursor?: string;
  /** Microseconds since the epoch. */
  readonly timestamp?: number;
  /** What was refused: the message as it would have been sent, or the input as it came. */
  readonly content: Uint8Array;
}

export interface DeadLetters {
  /** Resolves once the letter is safely on disk; waits, retrying, as long as it cannot be written. Rejects only when `signal` aborts. */
  write(letter: DeadLetter, signal: AbortSignal): Promise<void>;
}
