import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where journald keeps its files, systemd-journald.service(8). */
const ROOTS = ['/var/log/journal', '/run/log/journal'];
/** A folder within a root, sd-journal.c: a machine id, and a namespace behind a dot. */
const FOLDER = /^[0-9a-f]{32}(\..+)?$/;

/**
 * The folders that hold a journal's files. A file that appears, is renamed (a rotation) or goes (a vacuum) changes its
 * folder's time, and so does a folder that appears. Asking for it costs a stat a folder, misses nothing, and needs
 * none of the watches of which a machine has only so many.
 */
export class JournalFolders {
  readonly #roots: readonly string[];
  readonly #listings = new Map<string, { readonly state: string; readonly folders: readonly string[] }>();

  constructor({ directory }: { readonly directory?: string | undefined }) {
    this.#roots = directory === undefined ? ROOTS : [directory];
  }

  /** A text that changes whenever files come, go, or change their names. */
  async state(): Promise<string> {
    return (await Promise.all(this.#roots.map((root) => this.#stateOf(root)))).join(' ');
  }

  /** A text that changes whenever something is written to a file: journald sets a file's time behind each entry, so that its readers wake. */
  async written(): Promise<string> {
    await this.state();
    const folders = this.#roots.flatMap((root) => [root, ...(this.#listings.get(root)?.folders ?? [])]);
    const files = await Promise.all(folders.map(async (folder) => (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.journal')).map((name) => join(folder, name))));
    return (await Promise.all(files.flat().map(stateOfFile))).join(' ');
  }

  async #stateOf(root: string): Promise<string> {
    const own = await stateOfFile(root);
    let listing = this.#listings.get(root);
    if (listing?.state !== own) {
      const names = await readdir(root).catch(() => []);
      listing = { state: own, folders: names.filter((name) => FOLDER.test(name)).map((name) => join(root, name)) };
      this.#listings.set(root, listing);
    }
    return [own, ...(await Promise.all(listing.folders.map(stateOfFile)))].join(' ');
  }
}

async function stateOfFile(path: string): Promise<string> {
  try {
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}:${mtimeNs}`;
  } catch {
    return '-';
  }
}
