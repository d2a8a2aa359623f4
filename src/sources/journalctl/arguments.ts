import type { Cursor } from '../../core/entry.js';

/** Which journal is read, and what of it: everything of a journalctl call that does not change while a source lives. */
export interface JournalSelection {
  readonly directory?: string | undefined;
  readonly namespace?: string | undefined;
  readonly units?: readonly string[];
  readonly identifiers?: readonly string[];
  readonly priority?: string | undefined;
  /** Groups of `FIELD=VALUE`: AND within one (by journalctl's rules), OR between several. */
  readonly matches?: readonly (readonly string[])[];
  readonly kernel?: boolean;
  /** Only the entries of this machine; undefined for all that the journal holds. */
  readonly machineId?: string | undefined;
  /** The fields that its entries are read for beside the address fields; undefined for all. journalctl prints all in any case. */
  readonly fields?: readonly string[] | undefined;
  readonly until?: string | undefined;
}

/**
 * Where a call begins: at a cursor's entry (that one included), after an entry that is there and cannot be read, at a
 * time, or at the head.
 */
export type From = { readonly cursor: Cursor } | { readonly afterCursor: Cursor } | { readonly since: string } | undefined;

/**
 * A backlog, to its end: the export format, which journalctl prints three times as fast as JSON and which carries
 * bytes as they are. `-m` crosses machine ids and boots, as the live call does, so that both see the same entries.
 *
 * With all fields: up to systemd 252 journalctl makes a set of `--output-fields` for each entry, which costs it more
 * than printing the others.
 */
export function bulkArguments(selection: JournalSelection, from: From, extraMatches: readonly string[] = []): string[] {
  return ['--output=export', ...common(selection), '--merge', ...begin(from), ...until(selection), ...conditions(selection, extraMatches)];
}

/**
 * What comes after `from`, for ever, in the same format. `--merge`, because `-f` alone implies the current boot; `--no-tail`, because
 * `-f` with a cursor would print 10 entries and then stall until the next event (journalctl 247–252).
 */
export function liveArguments(selection: JournalSelection, from: From, extraMatches: readonly string[], options: { readonly merge: boolean }): string[] {
  return ['--output=export', ...common(selection), '--follow', '--no-tail', ...(options.merge ? ['--merge'] : []), ...begin(from), ...conditions(selection, extraMatches)];
}

/** The newest entry that the selection has, for its cursor. Backwards, since `--lines=1` alone gives none where the journal goes on after `--until` (252). */
export function newestArguments(selection: JournalSelection, extraMatches: readonly string[] = []): string[] {
  return ['--output=export', ...common(selection), '--output-fields=_BOOT_ID', '--merge', '--reverse', '--lines=1', ...until(selection), ...conditions(selection, extraMatches)];
}

/** The same journal without any condition: what its newest entry is tells how far a quiet filter has come. */
export function withoutConditions(selection: JournalSelection): JournalSelection {
  return { directory: selection.directory, namespace: selection.namespace, machineId: selection.machineId };
}

/** True where journalctl is asked for less than all that a machine logged, so that sequence numbers jump by nature. */
export function isConditional(selection: JournalSelection): boolean {
  return conditions({ ...selection, machineId: undefined }, []).length > 0;
}

function common(selection: JournalSelection): string[] {
  const { directory, namespace } = selection;
  return [
    '--all', // no value is shortened
    '--quiet',
    '--no-pager',
    ...(directory === undefined ? [] : [`--directory=${directory}`]),
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
  ];
}

function begin(from: From): string[] {
  if (from === undefined) return [];
  if ('since' in from) return [`--since=${from.since}`];
  if ('afterCursor' in from) return [`--after-cursor=${from.afterCursor}`];
  // Not --after-cursor: before systemd 257 it leaves out one entry too many where the cursor's own is gone or filtered out.
  return [`--cursor=${from.cursor}`];
}

function until(selection: JournalSelection): string[] {
  return selection.until === undefined ? [] : [`--until=${selection.until}`];
}

/** Options and matches that select entries. What must hold in any case is joined to every group of matches. */
function conditions(selection: JournalSelection, extraMatches: readonly string[]): string[] {
  const { units = [], identifiers = [], priority, matches = [], kernel = false, machineId } = selection;
  const always = [...(machineId === undefined ? [] : [`_MACHINE_ID=${machineId}`]), ...(kernel ? ['_TRANSPORT=kernel'] : []), ...extraMatches];
  const groups = matches.length === 0 ? [always] : matches.flatMap((group) => joined(group, always));
  // Where no group can hold, ask for what no entry has: no match at all would ask for everything.
  const terms = groups.length === 0 ? ['_MACHINE_ID=-'] : groups.flatMap((group, index) => (index === 0 ? group : ['+', ...group]));
  return [
    ...units.map((unit) => `--unit=${unit}`),
    ...identifiers.map((identifier) => `--identifier=${identifier}`),
    ...(priority === undefined ? [] : [`--priority=${priority}`]),
    ...terms,
  ];
}

/** A group with the required matches; none where it asks for other values of their fields only: journalctl would take two values of one field as alternatives. */
function joined(group: readonly string[], required: readonly string[]): string[][] {
  let rest = group;
  for (const match of required) {
    const field = match.slice(0, match.indexOf('=') + 1);
    if (rest.some((other) => other.startsWith(field)) && !rest.includes(match)) return [];
    rest = rest.filter((other) => !other.startsWith(field));
  }
  return [[...rest, ...required]];
}
