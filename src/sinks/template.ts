import { textOf, type Entry } from '../core/entry.js';
import type { Template } from '../core/template.js';

/** What stands for a field that an entry does not have, or has without content. */
const MISSING = 'unknown';

export interface TemplateRules {
  /** The characters that the destination refuses, each of which becomes `-`; with the flag `g`. */
  readonly refused: RegExp;
  /** In UTF-16 units; a longer name is cut, and never empty. */
  readonly maxLength: number;
}

/** Fills a template in, entry by entry. The same text again costs no more than making it. */
export class TemplateRenderer {
  /** The journal fields it reads. */
  readonly fields: readonly string[];
  readonly #template: Template;
  readonly #rules: TemplateRules;
  #raw = '';
  #name = '';
  #minute = -1;
  #dates = new Map<string, string>();

  constructor(template: Template, rules: TemplateRules) {
    this.#template = template;
    this.#rules = rules;
    this.fields = template.flatMap((part) => (typeof part === 'object' && 'fields' in part ? part.fields : []));
  }

  render(entry: Entry): string {
    let raw = '';
    for (const part of this.#template) {
      if (typeof part === 'string') raw += part;
      else raw += 'date' in part ? this.#date(part.date, entry.timestamp) : firstOf(entry, part.fields);
    }
    if (raw !== this.#raw) {
      this.#raw = raw;
      this.#name = cut(raw.replace(this.#rules.refused, '-'), this.#rules.maxLength);
    }
    return this.#name;
  }

  #date(format: string, timestampUs: number): string {
    const minute = Math.floor(timestampUs / 60_000_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#dates.clear();
    }
    const known = this.#dates.get(format);
    if (known !== undefined) return known;
    const text = renderDate(format, minute * 60_000);
    this.#dates.set(format, text);
    return text;
  }
}

/** A time in UTC by a format of strftime(3) with `%Y`, `%m`, `%d`, `%H`, `%M` and `%j`. */
export function renderDate(format: string, timeMs: number): string {
  const iso = new Date(timeMs).toISOString();
  const letters: Readonly<Record<string, string>> = { Y: iso.slice(0, 4), m: iso.slice(5, 7), d: iso.slice(8, 10), H: iso.slice(11, 13), M: iso.slice(14, 16), j: dayOfYear(timeMs) };
  return format.replace(/%(.)/g, (_, letter: string) => letters[letter] ?? '');
}

function dayOfYear(timeMs: number): string {
  const startMs = Date.UTC(new Date(timeMs).getUTCFullYear(), 0, 1);
  return String(Math.floor((timeMs - startMs) / 86_400_000) + 1).padStart(3, '0');
}

function firstOf(entry: Entry, fields: readonly string[]): string {
  for (const field of fields) {
    const text = textOf(entry, field);
    if (text !== undefined && text !== '') return text;
  }
  return MISSING;
}

function cut(name: string, maxLength: number): string {
  if (name.length <= maxLength) return name;
  const last = name.charCodeAt(maxLength - 1);
  return name.slice(0, last >= 0xd800 && last <= 0xdbff ? maxLength - 1 : maxLength);
}
