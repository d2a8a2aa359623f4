/** What journalctl's stderr says of the files that it has opened. */
export interface Complaints {
  /** Files that it ignores because of what they hold, with the reason. */
  readonly damaged: readonly { readonly path: string; readonly reason: string }[];
  /** Why it has not opened all that it could have, where another attempt may. */
  readonly incomplete: string | undefined;
  /** What else it says. */
  readonly rest: string;
}

/** systemd 247 colours its warnings even in a pipe, unless SYSTEMD_LOG_COLOR says no. */
const COLOUR = /\u001b\[[0-9;]*m/g;

/**
 * The warnings of `journal_access_check_and_warn` in systemd's journal-util.c, worded alike from 247 to 257. They
 * come before the first entry, with or without `--quiet`, and the exit code is 0 all the same.
 */
export function readComplaints(stderr: string): Complaints {
  const damaged: { path: string; reason: string }[] = [];
  const rest: string[] = [];
  let incomplete: string | undefined;
  for (const line of stderr.replace(COLOUR, '').split('\n')) {
    const known = /^Journal file (.+?) (is truncated|corrupted|uses an unsupported feature), ignoring file\.$/.exec(line);
    const other = /^An error was encountered while opening journal file or directory (.+), ignoring file: (.+)$/.exec(line);
    if (known !== null) damaged.push({ path: known[1]!, reason: known[2]! === 'corrupted' ? 'is corrupted' : known[2]! });
    // Shortage passes, and a file that is gone was renamed or vacuumed between the listing and the opening.
    else if (other !== null && /Too many open files|Cannot allocate memory|No such file|Stale file handle/.test(other[2]!)) incomplete ??= other[2]!;
    else if (other !== null) damaged.push({ path: other[1]!, reason: `cannot be opened (${other[2]!})` });
    else if (line.includes('Too many open files')) incomplete ??= 'Too many open files';
    else if (line.trim() !== '' && !line.startsWith('Use SYSTEMD_LOG_LEVEL=debug')) rest.push(line);
  }
  return { damaged, incomplete, rest: rest.join('\n') };
}
