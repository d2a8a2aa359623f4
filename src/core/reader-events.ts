/** Entries that are missing from what a reader gave, as far as it can tell. */
export interface Gap {
  /** `sequence`: the numbers jump; `vacuum`: the saved entry is gone; `rate-limit`: journald dropped them (`N_DROPPED`); `poison`: an entry that journalctl cannot print; `file`: a journal file that is truncated or damaged. */
  readonly kind: 'sequence' | 'vacuum' | 'rate-limit' | 'poison' | 'file';
  /** How many entries are missing, where that is known. */
  readonly count: number | undefined;
  /** The time just before the gap, in microseconds since the epoch, where it is known. */
  readonly afterUs: number | undefined;
  /** One sentence for a person. */
  readonly explanation: string;
}

/** What happens to a reader that an operator may want to count. Whoever reports it has also logged it, in one line. */
export interface ReaderEvents {
  /** journalctl was started again, or the gateway asked again. `why` is one of few fixed words, fit for a label: `exited`, `killed`, `silent`, `jump`, `rotated`, `stalled`, `malformed`, `incomplete`, `disconnected`, `refused`. */
  restarted(why: string): void;
  gap(gap: Gap): void;
}
