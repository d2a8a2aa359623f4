import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** Which build this is: set where the program is made into one executable file, absent where Node.js runs its modules. */
declare const EXECUTABLE_BUILD: { readonly version: string; readonly commit: string } | undefined;

/** As package.json has it. */
export function programVersion(): string {
  if (typeof EXECUTABLE_BUILD !== 'undefined') return EXECUTABLE_BUILD.version;
  return (JSON.parse(readFileSync(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8')) as { readonly version: string }).version;
}

/** The version, and of what was built the commit that it was built from. */
export function versionLine(): string {
  const commit = typeof EXECUTABLE_BUILD === 'undefined' ? commitOfBuild() : EXECUTABLE_BUILD.commit;
  return commit === undefined ? programVersion() : `${programVersion()} (${commit})`;
}

/** What the build has put beside the modules; undefined where they run as they were written. */
function commitOfBuild(): string | undefined {
  try {
    return readFileSync(new URL('commit', import.meta.url), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** What starts this very program: its file, or Node.js (`execPath`) and its script. */
export function ownCommand(execPath: string): readonly [program: string, ...first: readonly string[]] {
  return isSea() ? [execPath] : [execPath, fileURLToPath(new URL('../bin/journald-forwarder.js', import.meta.url))];
}

/** The gzipped journal file of `demo`. */
export async function sampleJournal(): Promise<Uint8Array> {
  return isSea() ? new Uint8Array(getAsset('sample.journal.gz')) : readFile(new URL('demo/sample.journal.gz', import.meta.url));
}
