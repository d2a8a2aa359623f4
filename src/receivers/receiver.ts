export interface ReceiveHandlers {
  /**
   * Takes messages in the order in which one sender sent them, without their frames. Its sender is not read further
   * until the promise, if it returns one, has resolved (a datagram socket cannot wait).
   */
  onMessages(messages: readonly Buffer[]): void | Promise<void>;
  /** What went wrong with one sender, as a clause; the others are not affected. */
  onProblem(problem: string): void;
}

export interface Receiver {
  /** Where it listens, with the port that was really taken. */
  readonly url: string;
  /** Takes no new senders, reads what the present ones still send until they hang up, and then resolves; once `signal` aborts, hangs up on them. */
  close(signal: AbortSignal): Promise<void>;
}
