/** Why journalctl is started again, or a gateway asked again: few fixed words, fit for a metric's label. */
export type Restart = 'exited' | 'killed' | 'silent' | 'jump' | 'rotated' | 'stalled' | 'malformed' | 'incomplete' | 'disconnected' | 'refused';

/** What only a reading in bulk from the last entry can put right. */
export class ReadAgain extends Error {
  override readonly name = 'ReadAgain';

  constructor(
    readonly why: Restart,
    message: string,
    /** Nothing is wrong; it had to be. */
    readonly isOrdinary = false,
  ) {
    super(message);
  }
}
