import { nearest } from './nearest.js';
import { anyOf, invalid, quote } from './written.js';
import type { Written } from './written.js';

/** A unit's name or glob as journalctl's `--unit` takes it. */
export function readUnit(written: Written): string {
  if (/[\s,]/.test(written.text)) throw invalid(written, 'this is more than one unit; give the setting once for each');
  return written.text;
}

/** The severities as journalctl's `-p` takes them, in numbers: `3`, `2..4`. */
export function readPriority(written: Written): string {
  const [first = '', second, more] = written.text.split('..');
  if (more !== undefined) throw invalid(written, 'a range has two ends, for example warning..emerg');
  const from = readSeverity(written, first);
  if (second === undefined) return String(from);
  const to = readSeverity(written, second);
  return `${Math.min(from, to)}..${Math.max(from, to)}`;
}

/** The field and value pairs of one `--match`, each `FIELD=VALUE` without quotes. */
export function readMatch(written: Written): readonly string[] {
  const { text } = written;
  const pair = /\s*([^\s=]+)=(?:"((?:\\.|[^"\\])*)"(?!\S)|((?!")\S*))\s*/y;
  const pairs: string[] = [];
  while (pair.lastIndex < text.length) {
    const start = pair.lastIndex;
    const found = pair.exec(text);
    if (found === null) throw invalid(written, pairAdvice(text.slice(start).trim()));
    const [, field = '', quoted, bare = ''] = found;
    requireMatchField(written, field);
    pairs.push(`${field}=${quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1')}`);
  }
  return pairs;
}

/** One `FIELD=VALUE`, whose value is everything after the first `=`. */
export function readExcludeMatch(written: Written): { readonly field: string; readonly value: string } {
  const at = written.text.indexOf('=');
  if (at < 0) throw invalid(written, 'write FIELD=VALUE, for example SYSLOG_IDENTIFIER=cron');
  const field = written.text.slice(0, at);
  requireMatchField(written, field);
  return { field, value: written.text.slice(at + 1) };
}

/** Whether journald would accept a field of this name (systemd.journal-fields(7)), address fields included. */
export function isFieldName(name: string): boolean {
  return /^[A-Z_][A-Z0-9_]{0,63}$/.test(name);
}

export const severities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

function readSeverity(written: Written, word: string): number {
  const severity = /^[0-7]$/.test(word) ? Number(word) : severities.indexOf(word);
  if (severity >= 0) return severity;
  const near = nearest(word, severities);
  const hint = near === undefined ? '' : `; the nearest is ${near}`;
  throw invalid(written, `${quote(word)} is no severity, which is 0 to 7 or ${anyOf(severities)}${hint}`);
}

function pairAdvice(rest: string): string {
  if (/^\+(\s|$)/.test(rest)) return 'an alternative to the fields before the "+" is a --match of its own';
  if (/^[^\s=]+="/.test(rest)) return 'a value in double quotes ends with one, and a space follows';
  const word = /^\S*/.exec(rest)![0];
  return `${quote(word)} is not FIELD=VALUE; a value with spaces stands in double quotes, for example MESSAGE="disk full"`;
}

function requireMatchField(written: Written, field: string): void {
  if (field.startsWith('__')) throw invalid(written, `${field} is an address, not a field, and cannot be matched; use --since or --until for a time`);
  if (isFieldName(field)) return;
  const upper = field.toUpperCase();
  const example = isFieldName(upper) ? upper : '_SYSTEMD_UNIT';
  throw invalid(written, `${quote(field)} is not a journal field, whose name has upper-case letters, digits and "_", for example ${example}`);
}
