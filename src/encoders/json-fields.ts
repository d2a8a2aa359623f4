import { isUtf8 } from 'node:buffer';
import type { Entry, FieldValue } from '../core/entry.js';

/** Which fields an object has, and under which names. */
export interface FieldSelection {
  /** Fields to keep, beside those of the map; undefined for all. */
  readonly fields: readonly string[] | undefined;
  /** New names; several fields of one name are joined with a space. */
  readonly map: readonly { readonly field: string; readonly name: string }[];
  /** Keep the fields of the map alone. */
  readonly mapOnly: boolean;
  /** Names that the map does not give are put in lower case, without leading underscores. */
  readonly lowercase: boolean;
  readonly added: readonly { readonly name: string; readonly value: string }[];
}

/** What of an entry an object is made of. */
export type Fields = Pick<Entry, 'get' | 'names'>;

/**
 * An entry's fields as they are to be sent: those of the map first, in its order, then the others, then what is added.
 * Where two would have one name, what is added keeps it, else a trusted field (one that journald sets: `_HOSTNAME`), else
 * the one before; the other becomes `user_NAME`.
 */
export class FieldSelector {
  /** The fields that are read; undefined for all. */
  readonly fields: readonly string[] | undefined;
  readonly #selection: FieldSelection;
  /** Of each new name the fields it is made of, in the order of the map. */
  readonly #sources = new Map<string, string[]>();
  readonly #mapped: ReadonlySet<string>;
  readonly #kept: ReadonlySet<string> | undefined;

  constructor(selection: FieldSelection) {
    this.#selection = selection;
    for (const { field, name } of selection.map) this.#sources.set(name, [...(this.#sources.get(name) ?? []), field]);
    this.#mapped = new Set(selection.map.map(({ field }) => field));
    this.#kept = selection.mapOnly ? new Set() : selection.fields && new Set(selection.fields);
    this.fields = this.#kept && [...new Set([...this.#mapped, ...this.#kept])];
  }

  /** Under which name a field is sent, where nothing else has that name; undefined for one that is not sent. */
  nameOf(field: string): string | undefined {
    if (this.#mapped.has(field)) return this.#selection.map.find((pair) => pair.field === field)!.name;
    if (this.#kept?.has(field) === false) return undefined;
    return this.#selection.lowercase ? field.replace(/^_+(?=.)/, '').toLowerCase() : field;
  }

  /** How many names the map gives: they come first. */
  get places(): number {
    return this.#sources.size;
  }

  /** The place of a field's name among them; undefined where the map does not give it. */
  placeOf(field: string): number | undefined {
    return this.#mapped.has(field) ? [...this.#sources.keys()].indexOf(this.nameOf(field)!) : undefined;
  }

  get added(): FieldSelection['added'] {
    return this.#selection.added;
  }

  /** Whether each name has the value of one field, and each field one name. */
  get isOneToOne(): boolean {
    return this.#selection.map.length === this.#sources.size && this.#selection.map.length === this.#mapped.size;
  }

  select(entry: Entry): Fields {
    const selected = new Map<string, Selected>();
    for (const [name, fields] of this.#sources) {
      const value = joined(fields.map((field) => entry.get(field)).filter((one) => one !== undefined));
      if (value !== undefined) put(selected, name, { value, rank: fields.every(isTrusted) ? TRUSTED : OF_USER });
    }
    for (const field of entry.names()) {
      if (this.#mapped.has(field)) continue;
      const name = this.nameOf(field);
      const value = name === undefined ? undefined : entry.get(field);
      if (name === undefined || value === undefined) continue;
      put(selected, name, { value, rank: isTrusted(field) ? TRUSTED : OF_USER });
    }
    for (const { name, value } of this.#selection.added) put(selected, name, { value, rank: ADDED });
    return { names: () => selected.keys(), get: (name) => selected.get(name)?.value };
  }
}

interface Selected {
  readonly value: FieldValue;
  readonly rank: number;
}

const OF_USER = 0;
const TRUSTED = 1;
const ADDED = 2;

function isTrusted(field: string): boolean {
  return field.startsWith('_');
}

function put(selected: Map<string, Selected>, name: string, one: Selected): void {
  const other = selected.get(name);
  if (other === undefined) {
    selected.set(name, one);
    return;
  }
  const keeps = one.rank > other.rank;
  if (keeps) selected.set(name, one);
  put(selected, `user_${name}`, keeps ? other : one);
}

function joined(values: readonly FieldValue[]): FieldValue | undefined {
  if (values.length < 2) return values[0];
  const parts = values.flatMap((value) => (typeof value === 'string' || value instanceof Uint8Array ? [value] : value));
  if (parts.every((part) => typeof part === 'string')) return parts.join(' ');
  const bytes = Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [Buffer.from(part as string)] : [SPACE, Buffer.from(part as string)])));
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

const SPACE = Buffer.from(' ');
