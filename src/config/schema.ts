import * as z from 'zod';
import { options } from './options.js';
import type { OptionRow } from './options.js';

/**
 * The shape of a settings file whose scalars have been left as the texts they are: which keys there are, which of
 * them hold a list, and that only destinations hold mappings. What a text means is read later, by the same code as
 * for flags and environment variables.
 */
export function fileSchema() {
  return z.strictObject(Object.fromEntries(options.filter(({ name }) => name !== 'config').map((row) => [row.name, shapeOf(row).optional()])));
}

const text = z.string({ error: 'write one value here' });

const settingText = z.union([z.string(), z.array(z.string()), z.record(z.string(), z.string())], { error: 'write one value here, a list, or a mapping of names to values' });

const destination = z.preprocess(
  (value) => (typeof value === 'string' ? { url: value } : value),
  z.object({ url: z.string({ error: 'a URL is needed, in quotes if it ends with a colon' }) }, { error: 'write a URL, or a mapping with a url and the destination\'s settings' }).catchall(settingText),
);

function shapeOf(row: OptionRow) {
  if (row.kind !== 'list') return text;
  return z.preprocess(toList, z.array(row.name === 'to' ? destination : text));
}

/** One value may stand without a list around it. */
function toList(value: unknown): unknown {
  return Array.isArray(value) || value === undefined ? value : [value];
}
