import { isFieldName } from './filter.js';
import { invalid, quote } from './written.js';
import type { Written } from './written.js';

/** `F,G,…`: names of journal fields. */
export function readFieldList(written: Written): readonly string[] {
  const names = written.text.split(',').map((name) => name.trim());
  for (const name of names) requireField(written, name);
  return [...new Set(names)];
}

/** `A=b,C=d`: the fields and the names they get, in this order. */
export function readFieldMap(written: Written): readonly { readonly field: string; readonly name: string }[] {
  const map = written.text.split(',').map((pair) => {
    const [field = '', name = '', more] = pair.split('=').map((part) => part.trim());
    if (name === '' || more !== undefined) throw invalid(written, `${quote(pair)} is not FIELD=name; write for example MESSAGE=message,_HOSTNAME=host`);
    requireField(written, field);
    return { field, name };
  });
  const twice = map.find(({ field }, index) => map.findIndex((other) => other.field === field) !== index);
  if (twice !== undefined) throw invalid(written, `${twice.field} has two names; keep one`);
  return map;
}

/** `NAME=VALUE`, whose value is everything after the first `=`. */
export function readAddedField(written: Written): { readonly name: string; readonly value: string } {
  const [, name, value] = /^([^=\s]+)=(.*)$/s.exec(written.text) ?? [];
  if (name === undefined || value === undefined) throw invalid(written, 'write NAME=VALUE, for example cluster=blue');
  return { name, value };
}

function requireField(written: Written, name: string): void {
  if (!isFieldName(name)) throw invalid(written, `${quote(name)} is not a journal field, whose name has upper-case letters, digits and "_", for example _SYSTEMD_UNIT`);
}
