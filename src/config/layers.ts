import { environmentNameOf, environmentPrefix, flagOf, optionOf, options } from './options.js';
import type { OptionName } from './options.js';
import { nearest } from './nearest.js';
import { readBoolean } from './scalars.js';
import { invalid, misplaced } from './written.js';
import type { Written } from './written.js';

/** What one place, such as the command line, says; options that it does not name are absent. */
export type Layer = ReadonlyMap<OptionName, readonly Written[]>;

/** The words of a command line: the values of each option that was given, `true` for a boolean. */
export type Flags = Partial<Record<OptionName, readonly string[]>>;

export function flagLayer(flags: Flags): Layer {
  const layer = new Map<OptionName, readonly Written[]>();
  for (const { name, kind } of options) {
    const written = flags[name]?.map((text) => ({ text, where: flagOf(name) }));
    if (written === undefined) continue;
    if (kind !== 'list' && written.length > 1) throw invalid(written[1]!, 'it is given twice; keep one');
    layer.set(name, written);
  }
  return layer;
}

/**
 * The JOURNALD_FORWARDER_ variables. An empty one counts as not given; an unknown one only warns, since Kubernetes
 * makes some of its own from the names of services.
 */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>, warnings: string[]): Layer {
  const layer = new Map<OptionName, readonly Written[]>();
  const known = new Map(options.map((row) => [environmentNameOf(row.name), row]));
  for (const [where, value] of Object.entries(env)) {
    if (!where.startsWith(environmentPrefix) || value === undefined || value.trim() === '') continue;
    const row = known.get(where);
    if (row === undefined) {
      const near = nearest(where.slice(environmentPrefix.length), options.map(({ name }) => name));
      warnings.push(`The environment variable ${where} is not known and has no effect${near === undefined ? '' : `; the nearest known one is ${environmentNameOf(near)}`}.`);
      continue;
    }
    const texts = row.separator === undefined ? [value.trim()] : value.split(row.separator === 'space' ? /\s+/ : /\r?\n/).map((text) => text.trim());
    layer.set(row.name, texts.filter((text) => text !== '').map((text) => ({ text, where })));
  }
  return layer;
}

/** Several layers seen as one: for each option the first layer that has it decides, lists included. */
export class Layers {
  readonly #layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    this.#layers = layers;
    for (const layer of layers) for (const [name, all] of layer) requireValues(name, all);
  }

  /** The option's values as written; empty where it is not given. */
  all(name: OptionName): readonly Written[] {
    return this.#layers[this.rank(name)]?.get(name) ?? [];
  }

  one(name: OptionName): Written | undefined {
    return this.all(name)[0];
  }

  /** Whether a boolean option is given and not `false`. */
  has(name: OptionName): boolean {
    const written = this.one(name);
    return written !== undefined && readBoolean(written, name);
  }

  /** Which layer decides, 0 for the first; the number of layers where none does. */
  rank(name: OptionName): number {
    const rank = this.#layers.findIndex((layer) => layer.has(name));
    return rank < 0 ? this.#layers.length : rank;
  }

  /** The error for an option that is right in itself. */
  refuse(name: OptionName, mend: string): Error {
    const written = this.one(name)!;
    return optionOf(name).argument === undefined ? misplaced(written.where, mend) : invalid(written, mend);
  }
}

function requireValues(name: OptionName, all: readonly Written[]): void {
  const { example } = optionOf(name);
  for (const written of all) {
    if (written.text.trim() === '') throw invalid(written, example === undefined ? 'a value is needed' : `a value is needed, for example ${example}`);
  }
}
