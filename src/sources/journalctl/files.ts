import { setImmediate as turn } from 'node:timers/promises';
import { readComplaints } from './complaints.js';
import { JournalFolders } from './folders.js';
import type { Journalctl } from './process.js';
import { ReadAgain } from './read-again.js';
import type { Sift } from './sift.js';

/** The journal's files: whether journalctl has opened them all, and whether it is still the same files that hold the journal. */
export class JournalFiles {
  readonly #folders: JournalFolders;
  readonly #isContiguous: boolean;
  /** Files that journalctl ignores, and whether that was told: a file that is just being made looks damaged, too. */
  readonly #damaged = new Map<string, 'suspected' | 'told'>();
  #state = '';

  /** `isContiguous`: sequence numbers tell of what a rotation skips. */
  constructor(selection: { readonly directory?: string | undefined }, isContiguous: boolean) {
    this.#folders = new JournalFolders(selection);
    this.#isContiguous = isContiguous;
  }

  /** Notes which files there are. Called before a bulk reading begins. */
  async note(): Promise<void> {
    this.#state = await this.#folders.state();
  }

  /**
   * Whether a file has come, gone or changed its name since it was asked or noted last. Throws ReadAgain where
   * entries may have been skipped at that and no number would tell.
   */
  async haveChanged(): Promise<boolean> {
    const state = await this.#folders.state();
    if (state === this.#state) return false;
    if (!this.#isContiguous) throw new ReadAgain('rotated', 'the journal\'s files were rotated', true);
    this.#state = state;
    return true;
  }

  /** A text that changes whenever an entry is written. */
  written(): Promise<string> {
    return this.#folders.written();
  }

  /** What was printed after a rotation may have been skipped to: throws ReadAgain where there was one and no number would tell. */
  async checkWhileFollowing(): Promise<void> {
    if (!this.#isContiguous) await this.haveChanged();
  }

  /**
   * Looks at what journalctl said while it opened the files, before anything that it printed is taken. Throws
   * ReadAgain where it may not have opened all of them.
   */
  async checkOpening(journalctl: Journalctl, sift: Sift): Promise<void> {
    // It wrote to stderr first, but two pipes are read in any order: after two turns of the loop both have been.
    await turn();
    await turn();
    const { damaged, incomplete } = readComplaints(journalctl.stderr());
    if (incomplete !== undefined) throw new ReadAgain('incomplete', `it could not open every journal file (${incomplete})`);
    const unknown = damaged.filter(({ path }) => !this.#damaged.has(path));
    for (const { path } of unknown) this.#damaged.set(path, 'suspected');
    if (unknown.length > 0) throw new ReadAgain('incomplete', `it ignores ${unknown[0]!.path}, which ${unknown[0]!.reason}: looking once more`, true);
    for (const { path, reason } of damaged) if (this.#damaged.get(path) === 'suspected') this.#tell(path, reason, sift);
    if (!this.#isContiguous) await this.haveChanged();
  }

  #tell(path: string, reason: string, sift: Sift): void {
    this.#damaged.set(path, 'told');
    sift.report(`file:${path}`, {
      kind: 'file',
      count: undefined,
      afterUs: undefined,
      explanation: `journalctl ignores ${path}, which ${reason}: its entries are missing; journalctl --verify tells more`,
    });
  }
}
