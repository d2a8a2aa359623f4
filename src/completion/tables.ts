import type { SettingWords, UrlKind, UrlWords, Value, Vocabulary } from './vocabulary.js';

/** A word as bash and zsh take it literally. */
export function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll('\'', `'\\''`)}'`;
}

/** Whether more must follow it. */
export function isBeginning(word: string): boolean {
  return /[:/=.]$/.test(word);
}

/** Rows of one text joined: the keys of each text, in order. */
export function grouped(rows: Iterable<readonly [key: string, text: string]>): { readonly keys: readonly string[]; readonly text: string }[] {
  const groups = new Map<string, string[]>();
  for (const [key, text] of rows) groups.set(text, [...(groups.get(text) ?? []), key]);
  return [...groups].map(([text, keys]) => ({ keys, text }));
}

/** The names of commands by what they take: `options`, or a value. */
export function commandsByOperand({ commands }: Vocabulary): { readonly withOptions: readonly string[]; readonly withOperand: readonly (readonly [name: string, value: Value])[] } {
  return {
    withOptions: commands.filter(({ takes }) => takes === 'options').map(({ name }) => name),
    withOperand: commands.flatMap(({ name, takes }) => (takes === 'options' ? [] : [[name, takes] as const])),
  };
}

/** The settings of each kind of URL, with what they begin with; `KIND:SCHEME` is the key. */
export function settingsByUrl(urls: Vocabulary['urls']): [key: string, starts: string][] {
  return eachUrl(urls).flatMap(([kind, { scheme, settings }]): [string, string][] => (settings.length === 0 ? [] : [[`${kind}:${scheme}`, settings.map(({ start }) => start).join(' ')]]));
}

/** Each setting of any URL once, as the first URL has it. */
export function everySetting(urls: Vocabulary['urls']): readonly SettingWords[] {
  const all = eachUrl(urls).flatMap(([, { settings }]) => settings);
  return all.filter(({ start }, at) => all.findIndex((other) => other.start === start) === at);
}

/**
 * What a setting's value may be, as `text` writes it. The key is a pattern of the shells: `SCHEME:SETTING`, or
 * `*:SETTING` where it is the same for all schemes.
 */
export function valuesBySetting(urls: Vocabulary['urls'], text: (value: SettingWords['value']) => string): [pattern: string, text: string][] {
  const rows = eachUrl(urls).flatMap(([, { scheme, settings }]) => settings.map(({ start, value }) => ({ scheme, name: start.slice(0, -1), text: value.kind === 'anything' ? '' : text(value) })));
  return rows
    .filter((row) => row.text !== '')
    .map((row): [string, string] => [rows.every(({ name, text: other }) => name !== row.name || other === row.text) ? `*:${row.name}` : `${row.scheme}:${row.name}`, row.text])
    .filter(([pattern], at, all) => all.findIndex(([other]) => other === pattern) === at);
}

function eachUrl(urls: Vocabulary['urls']): (readonly [UrlKind, UrlWords])[] {
  return Object.entries(urls).flatMap(([kind, all]) => all.map((url) => [kind as UrlKind, url] as const));
}
