import { SettingError } from '../core/errors.js';
import type { Layer } from './layers.js';
import { nearestAdvice } from './nearest.js';
import { options } from './options.js';
import type { OptionName } from './options.js';
import { invalid, misplaced } from './written.js';
import type { Written, WrittenSetting } from './written.js';

/**
 * What a settings file says. Scalars are taken as the text that stands there (`007` stays `007`), a key without a
 * value counts as not given. No error shows a line of the file, which may hold a secret.
 */
export async function readFileLayer(config: Written, readFile: (path: string) => string): Promise<Layer> {
  const content = contentOf(config, readFile);
  // Loaded only for a file: together they take as long as Node itself to start.
  const [{ LineCounter, parseDocument, visit }, { fileSchema }] = await Promise.all([import('./yaml.js'), import('./schema.js')]);

  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const what = problem.code.toLowerCase().replaceAll('_', ' ');
    throw new SettingError(config.text, `Invalid ${config.text}, line ${line}, column ${col}: this is not YAML (${what}); mend that line, where a value with a colon may need quotes.`);
  }
  visit(document, {
    Scalar(_key, node) {
      if (node.value !== null && typeof node.value !== 'string') node.value = node.source ?? String(node.value);
    },
    Pair(_key, pair) {
      const { value } = pair as { value: { value?: unknown } | null };
      return value === null || value.value === null ? visit.REMOVE : undefined;
    },
  });

  const raw = plainOf(config.text, () => document.toJS());
  const parsed = fileSchema().safeParse(raw);
  if (!parsed.success) throw shapeError(config.text, parsed.error.issues[0]!);
  return layerOf(config.text, raw, parsed.data);
}

function contentOf(config: Written, readFile: (path: string) => string): string {
  try {
    return readFile(config.text);
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    throw invalid(config, `the file cannot be read (${typeof code === 'string' ? code : 'no reason is known'}); mend its path or its rights`, { cause });
  }
}

function plainOf(file: string, toPlain: () => unknown): Readonly<Record<string, unknown>> {
  try {
    return (toPlain() ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    // The cause is not kept: it holds the alias's name, and a value that was not quoted may look like one.
    throw new SettingError(file, `Invalid ${file}: an alias ("*name") has no anchor before it; quote a value that begins with "*".`);
  }
}

interface ShapeIssue {
  readonly code?: string | undefined;
  readonly message: string;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
}

function shapeError(file: string, issue: ShapeIssue): SettingError {
  const unknown = issue.keys?.[0];
  if (unknown !== undefined) {
    const known = options.map(({ name }) => name).filter((name) => name !== 'config');
    const advice = unknown === 'config' ? 'a file cannot name another' : nearestAdvice(unknown, known, 'docs/options.md lists those there are');
    return misplaced(`${file}: ${showKey(unknown)}`, `there is no such setting; ${advice}`);
  }
  if (issue.path.length === 0) return new SettingError(file, `Invalid ${file}: settings are a mapping; write for example "to: tcp://loghost:514".`);
  return misplaced(`${file}: ${showPath(issue.path)}`, issue.message);
}

/** `to[1].format`. */
function showPath(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${showKey(String(part))}`)).join('');
}

/** A key that is no plain word may be the rest of a value that was not quoted. */
function showKey(key: string): string {
  return /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(key) ? key : '(a key that is no plain word)';
}

type Item = string | { readonly url: string; readonly [setting: string]: string | readonly string[] | Readonly<Record<string, string>> };

function layerOf(file: string, raw: Readonly<Record<string, unknown>>, data: Readonly<Record<string, unknown>>): Layer {
  const layer = new Map<OptionName, readonly Written[]>();
  for (const { name } of options) {
    const value = data[name] as string | readonly Item[] | undefined;
    if (value === undefined) continue;
    const where = `${file}: ${name}`;
    const isList = Array.isArray(raw[name]);
    layer.set(name, typeof value === 'string' ? [{ text: value, where }] : value.map((item, index) => writtenItem(item, isList ? `${where}[${index}]` : where)));
  }
  return layer;
}

function writtenItem(item: Item, where: string): Written {
  if (typeof item === 'string') return { text: item, where };
  const { url, ...settings } = item;
  const names = Object.keys(settings);
  return {
    text: url,
    where: names.length === 0 ? where : `${where}.url`,
    settings: names.flatMap((name) => writtenSettings(name, settings[name]!, `${where}.${showKey(name)}`)),
  };
}

/** One setting; of a mapping (`header: {X-Scope: a}`) one for each of its keys (`header.X-Scope: a`). */
function writtenSettings(name: string, value: string | readonly string[] | Readonly<Record<string, string>>, where: string): WrittenSetting[] {
  if (typeof value === 'string') return [{ name, where, text: value }];
  if (Array.isArray(value)) return [{ name, where, text: value.join(',') }];
  return Object.entries(value).map(([key, text]) => ({ name: `${name}.${key}`, where: `${where}.${showKey(key)}`, text: text as string }));
}
