import type { ByteWriter } from '../core/byte-writer.js';
import type { Entry } from '../core/entry.js';

/**
 * The SD-ELEMENT that carries journal fields. We own no private enterprise number, and names without `@` are IANA's
 * to give (RFC 5424 section 6.3.2). 32473 is nobody's and never will be anybody's (RFC 5612), so this name cannot
 * collide with that of a registered owner.
 */
export const structuredDataId = 'journald@32473';

/**
 * STRUCTURED-DATA of RFC 5424 section 6.3: one element with a parameter for each value of the chosen fields, in the
 * order in which they were chosen, or `-` where the entry has none of them. Invalid UTF-8 becomes U+FFFD, NUL `#000`,
 * and on a single line LF `#012`.
 */
export class StructuredData {
  /** What it reads; address fields such as `__CURSOR` come with every entry. */
  readonly fields: readonly string[];
  readonly #parameters: readonly { readonly field: string; readonly opening: string }[];
  readonly #escaped: RegExp;

  constructor(fields: readonly string[], singleLine: boolean) {
    const chosen = [...new Set(fields)];
    this.fields = chosen.filter((field) => !field.startsWith('__'));
    this.#parameters = chosen.map((field) => ({ field, opening: ` ${parameterName(field)}="` }));
    this.#escaped = singleLine ? /["\\\]\n\0]/g : /["\\\]\0]/g;
  }

  get isEmpty(): boolean {
    return this.#parameters.length === 0;
  }

  append(entry: Entry, out: ByteWriter): void {
    let element = '';
    for (const { field, opening } of this.#parameters) {
      const value = entry.get(field);
      if (value === undefined) continue;
      const values = typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
      for (const one of values) element += `${opening}${this.#escape(one)}"`;
    }
    out.text(element === '' ? '-' : `[${structuredDataId}${element}]`);
  }

  #escape(value: string | Uint8Array): string {
    const text = typeof value === 'string' ? value : Buffer.from(value).toString('utf8');
    return text.replace(this.#escaped, escapeOf);
  }
}

function escapeOf(character: string): string {
  return character === '\n' ? '#012' : character === '\0' ? '#000' : `\\${character}`;
}

/** SD-NAME: 1 to 32 characters of printable US-ASCII without `=`, space, `]` and `"`. */
function parameterName(field: string): string {
  const name = field.replace(/[^!-~]|[=\]"]/gu, '_').slice(0, 32);
  return name === '' ? '_' : name;
}
