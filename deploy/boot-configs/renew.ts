import { basename } from 'node:path';
import { isMap, isScalar, parseDocument, visit } from 'yaml';
import type { Pair, Scalar, YAMLMap } from 'yaml';

/** Where machines get the program, and what they must get. */
export interface Binary {
  readonly url: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * A cloud-config or a Butane config with its embedded copies renewed: each unit, drop-in or file that bears the name
 * of one of `sources` gets that one's text. With `binary`, machines are told to get the program from there. All else,
 * comments included, stays as it is.
 */
export function renewed(text: string, sources: Readonly<Record<string, string>>, binary?: Binary): string {
  const replacements: { readonly from: number; readonly to: number; readonly text: string }[] = [];
  const replace = (pair: Pair | undefined, content: string): void => {
    if (pair === undefined || !isScalar(pair.value) || typeof pair.value.value !== 'string') throw new Error(`There is no text to be replaced: ${String(pair?.key)}`);
    const [from, to] = pair.value.range!;
    replacements.push({ from, to, text: content.includes('\n') ? blockOf(content, columnOf(text, pair) + 2) : content });
  };
  visit(parseDocument(text, { version: '1.1' }), {
    Map(_key, map) {
      const name = nameOf(map);
      if (name === undefined) return;
      const source = sources[name];
      if (source !== undefined) replace(pairOf(map, 'content') ?? pairOf(map, 'contents', 'inline') ?? pairOf(map, 'contents'), source);
      if (binary === undefined) return;
      if (name === 'release') replace(pairOf(map, 'content'), `url='${binary.url}'\nsha256=${binary.sha256}\n`);
      if (name === 'journald-forwarder' && pairOf(map, 'contents', 'source') !== undefined) {
        replace(pairOf(map, 'contents', 'source'), binary.url);
        replace(pairOf(map, 'contents', 'verification', 'hash'), `sha256-${binary.sha256}`);
      }
    },
  });
  return replacements.toSorted((a, b) => b.from - a.from).reduce((all, { from, to, text: content }) => all.slice(0, from) + content + all.slice(to), text);
}

/** What an item of a list is called: a unit's or drop-in's `name`, the last part of a file's `path`. */
function nameOf(map: YAMLMap): string | undefined {
  const name = map.get('name') ?? map.get('path');
  return typeof name === 'string' ? basename(name) : undefined;
}

/** The pair at the end of a path of keys, undefined where there is none. */
function pairOf(map: YAMLMap, ...[key, ...rest]: readonly string[]): Pair | undefined {
  const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key);
  if (pair === undefined || rest.length === 0) return pair;
  return isMap(pair.value) ? pairOf(pair.value, ...rest) : undefined;
}

/** How far a pair's key is indented. */
function columnOf(text: string, pair: Pair): number {
  const [start] = (pair.key as Scalar).range!;
  return start - (text.lastIndexOf('\n', start - 1) + 1);
}

/** A literal block scalar with its header. */
function blockOf(content: string, indent: number): string {
  const lines = content.replace(/\n$/, '').split('\n');
  return `|\n${lines.map((line) => (line === '' ? '' : ' '.repeat(indent) + line)).join('\n')}\n`;
}
