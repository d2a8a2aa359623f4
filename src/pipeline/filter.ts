import type { Entry } from '../core/entry.js';
import { unitMatcher } from './unit-name.js';

/** Conditions on an entry: all that are set must hold; within one, any of its values. */
export interface FilterConditions {
  /** Unit names as journalctl's `--unit` takes them; a name without a type means `.service`. */
  readonly units?: readonly string[];
  readonly identifiers?: readonly string[];
  /** `P` for P and all that is more urgent, or `A..B`; numbers 0–7. */
  readonly priority?: string | undefined;
  /** Groups of `FIELD=VALUE`: within a group, values of one field are alternatives and different fields must all hold; groups are alternatives. */
  readonly matches?: readonly (readonly string[])[];
  readonly kernel?: boolean;
  readonly excludeUnits?: readonly string[];
  readonly excludeMatches?: readonly { readonly field: string; readonly value: string }[];
  /** Trusted fields that all hold for our own entries, which are then left out. */
  readonly self?: Readonly<Record<string, string>> | undefined;
}

export interface Filter {
  /** The fields that it reads; a source must not leave them out. */
  readonly fields: readonly string[];
  /** It has no condition: every entry is accepted. */
  readonly isOpen: boolean;
  accepts(entry: Entry): boolean;
}

type Condition = (entry: Entry) => boolean;

/** MESSAGE_ID of a core dump, SD_MESSAGE_COREDUMP in sd-messages.h. */
const COREDUMP_MESSAGE_ID = 'fc2e22bc6ee647b6b90729ab34a250b1';
const UNIT_FIELDS = ['_SYSTEMD_UNIT', '_SYSTEMD_SLICE', 'UNIT', 'OBJECT_SYSTEMD_UNIT', 'COREDUMP_UNIT', 'MESSAGE_ID', '_PID', '_UID'];

/** Builds a filter. Never throws on an entry, whatever its fields hold. */
export function createFilter(conditions: FilterConditions): Filter {
  const fields = new Set<string>();
  const all: Condition[] = [];
  const reading = (names: readonly string[], condition: Condition): void => {
    for (const name of names) fields.add(name);
    all.push(condition);
  };

  const { units = [], identifiers = [], priority, matches = [], kernel = false, excludeUnits = [], excludeMatches = [], self } = conditions;
  if (units.length > 0) reading(UNIT_FIELDS, belongsToUnit(units));
  if (identifiers.length > 0) reading(['SYSLOG_IDENTIFIER'], (entry) => identifiers.some((value) => has(entry, 'SYSLOG_IDENTIFIER', value)));
  if (priority !== undefined) reading(['PRIORITY'], hasPriority(priority));
  if (matches.length > 0) reading(matches.flat().map(fieldOf), matchesAnyGroup(matches));
  if (kernel) reading(['_TRANSPORT'], (entry) => has(entry, '_TRANSPORT', 'kernel'));
  if (excludeUnits.length > 0) {
    const excluded = belongsToUnit(excludeUnits);
    reading(UNIT_FIELDS, (entry) => !excluded(entry));
  }
  for (const { field, value } of excludeMatches) reading([field], (entry) => !has(entry, field, value));
  if (self !== undefined) {
    const marks = Object.entries(self);
    reading(Object.keys(self), (entry) => !marks.every(([field, value]) => has(entry, field, value)));
  }

  return {
    fields: [...fields],
    isOpen: all.length === 0,
    accepts: (entry) => {
      for (const condition of all) if (!condition(entry)) return false;
      return true;
    },
  };
}

/** True where one of a field's values is just this text. */
function has(entry: Entry, field: string, value: string): boolean {
  const found = entry.get(field);
  return found === value || (Array.isArray(found) && found.includes(value));
}

/**
 * What journalctl's `--unit` selects (add_matches_for_unit in systemd): what the unit's processes logged, what systemd
 * says of the unit, what others with the right to say so log about it, its core dumps, and a slice's members.
 */
function belongsToUnit(names: readonly string[]): Condition {
  const matchers = names.map(unitMatcher);
  const is = (entry: Entry, field: string, suffix = ''): boolean => {
    const value = entry.get(field);
    if (value === undefined) return false;
    const values = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    return values.some((one) => typeof one === 'string' && one.endsWith(suffix) && matchers.some((matches) => matches(one)));
  };
  return (entry) =>
    is(entry, '_SYSTEMD_UNIT') ||
    is(entry, '_SYSTEMD_SLICE', '.slice') ||
    (has(entry, '_PID', '1') && is(entry, 'UNIT')) ||
    (has(entry, '_UID', '0') && is(entry, 'OBJECT_SYSTEMD_UNIT')) ||
    (has(entry, 'MESSAGE_ID', COREDUMP_MESSAGE_ID) && has(entry, '_UID', '0') && is(entry, 'COREDUMP_UNIT'));
}

function hasPriority(range: string): Condition {
  const [first, last] = range.split('..') as [string, string?];
  const from = last === undefined ? 0 : Number(first);
  const to = Number(last ?? first);
  const [low, high] = from <= to ? [from, to] : [to, from];
  // All of them is no condition to journalctl: then an entry without a priority counts too.
  if (low === 0 && high === 7) return () => true;
  return (entry) => {
    for (let severity = low; severity <= high; severity++) if (has(entry, 'PRIORITY', String(severity))) return true;
    return false;
  };
}

function matchesAnyGroup(groups: readonly (readonly string[])[]): Condition {
  const conditions = groups.map((group) => {
    const byField = new Map<string, string[]>();
    for (const match of group) {
      const field = fieldOf(match);
      const values = byField.get(field) ?? [];
      values.push(match.slice(field.length + 1));
      byField.set(field, values);
    }
    return (entry: Entry) => [...byField].every(([field, values]) => values.some((value) => has(entry, field, value)));
  });
  return (entry) => conditions.some((condition) => condition(entry));
}

function fieldOf(match: string): string {
  return match.slice(0, match.indexOf('='));
}
