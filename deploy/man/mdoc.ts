/** Text in the language of manuals (mdoc(7)), each sentence on a line of its own. */
export function text(plain: string): string {
  return plain.split(/(?<=[^.][.:]) (?=[A-Z])/).map((line) => escaped(line).replace(/^[.']/, '\\&$&')).join('\n');
}

/** A word or several as one argument of a macro. */
export function argument(plain: string): string {
  return `"${escaped(plain).replaceAll('"', '\\(dq')}"`;
}

/** A list of terms, each a line of macros, with their text. */
export function definitions(rows: readonly (readonly [term: string, body: string])[]): string {
  return ['.Bl -tag -width Ds', ...rows.map(([term, body]) => `.It ${term}\n${body}`), '.El'].join('\n');
}

/** Lines to be copied: they are not filled, and quotes stay straight. */
export function literal(plain: string): string {
  return `.Bd -literal -offset indent\n${escaped(plain).replaceAll('\'', '\\(aq')}\n.Ed`;
}

/** Nothing of it is taken for a request; dashes stay what they are when somebody copies them. */
function escaped(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga')
    .replaceAll(/[^\x20-\x7e]/gu, (sign) => `\\[u${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`);
}
