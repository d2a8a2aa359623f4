import { constants } from 'node:fs';
import { access, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../core/errors.js';
import { machineId } from './machine.js';

/** Where journald keeps its files, systemd-journald.service(8). */
const ROOTS = ['/var/log/journal', '/run/log/journal'];

/** Groups whose members journald lets read every file (systemd-journald.service(8)). */
const READERS = ['systemd-journal', 'adm', 'wheel'];

/** As whom we run. */
export interface Identity {
  readonly uid: number;
  readonly groups: readonly number[];
}

/**
 * What keeps us from reading the whole journal, or undefined. journalctl itself may say nothing: without the right it
 * prints the caller's own entries, and exits 0. Only files that hold more than one user's entries are looked at; where
 * there are none yet, what counts is who we are.
 */
export async function findAccessFault(
  { directory, namespace }: { readonly directory?: string | undefined; readonly namespace?: string | undefined },
  identity: Identity,
): Promise<OperatorError | undefined> {
  if (directory !== undefined) return faultOfDirectory(directory);
  const id = machineId();
  let fileCount = 0;
  for (const root of id === undefined ? [] : ROOTS) {
    const { count, fault } = await lookAtFiles(join(root, namespace === undefined ? id! : `${id}.${namespace}`));
    if (fault !== undefined) return fault;
    fileCount += count;
  }
  if (fileCount > 0 || identity.uid === 0 || (await isReader(identity))) return undefined;
  return new OperatorError('ERR_JOURNAL_ACCESS', `Cannot read the journal: this user is neither root nor in the group systemd-journal. ${MEND}`);
}

const MEND = 'Run as root, or as a user in that group (in a unit: SupplementaryGroups=systemd-journal).';

async function isReader({ groups }: Identity): Promise<boolean> {
  const lines = (await readFile('/etc/group', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  return lines.some(([name, , gid]) => READERS.includes(name ?? '') && groups.includes(Number(gid)));
}

async function faultOfDirectory(directory: string): Promise<OperatorError | undefined> {
  try {
    await access(directory, constants.R_OK | constants.X_OK);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such folder' : (error as Error).message;
    return new OperatorError('ERR_JOURNAL_DIRECTORY', `Cannot read --directory "${directory}": ${why}. Name a folder that holds journal files.`, { cause: error });
  }
  // As /var/log/journal, it may hold a folder for each machine.
  const inner = await readdir(directory, { withFileTypes: true });
  for (const folder of [directory, ...inner.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name))]) {
    const { fault } = await lookAtFiles(folder);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

async function lookAtFiles(folder: string): Promise<{ readonly count: number; readonly fault?: OperatorError }> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' || error.code === 'ENOTDIR' ? [] : error));
  if (names instanceof Error) return { count: 0, fault: denied(folder, names) };
  const files = names.filter((name) => /^system.*\.journal$/.test(name)).map((name) => join(folder, name));
  for (const file of files) {
    const error = await access(file, constants.R_OK).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    );
    // A file that was vacuumed between the listing and the look is no fault.
    if (error !== undefined && error.code !== 'ENOENT') return { count: files.length, fault: denied(file, error) };
  }
  return { count: files.length };
}

function denied(path: string, cause: Error): OperatorError {
  return new OperatorError('ERR_JOURNAL_ACCESS', `Cannot read ${path}: permission denied, since this user is neither root nor in the group systemd-journal. ${MEND}`, { cause });
}
