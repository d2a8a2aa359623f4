import type { Template, TemplatePart } from '../core/template.js';
import { isFieldName } from './filter.js';
import { nearestAdvice } from './nearest.js';
import { invalid, quote } from './written.js';
import type { Written } from './written.js';

/** The fields that a placeholder stands for, the first that an entry has. */
const placeholders: Readonly<Record<string, readonly string[]>> = {
  hostname: ['_HOSTNAME'],
  unit: ['_SYSTEMD_UNIT'],
  identifier: ['SYSLOG_IDENTIFIER', '_COMM'],
  machineId: ['_MACHINE_ID'],
  bootId: ['_BOOT_ID'],
  priority: ['PRIORITY'],
  transport: ['_TRANSPORT'],
  pod: ['KUBERNETES_POD_NAME'],
  namespace: ['KUBERNETES_NAMESPACE_NAME'],
  container: ['KUBERNETES_CONTAINER_NAME', 'CONTAINER_NAME'],
};

/** The letters of a date, as `renderDate` of the sinks knows them. */
const dateLetters = 'YmdHMj';

/** A template such as `{unit}-{hostname}`. */
export function readTemplate(written: Written, setting: string): Template {
  const parts: TemplatePart[] = [];
  for (const piece of written.text.split(/(\{[^{}]*\})/)) {
    if (piece === '') continue;
    if (/^\{.*\}$/s.test(piece)) parts.push(readPlaceholder(written, setting, piece.slice(1, -1)));
    else if (/[{}]/.test(piece)) throw invalid(written, `in ${setting} a "{" begins a placeholder and a "}" ends it, for example {hostname}`);
    else parts.push(piece);
  }
  if (parts.length === 0) throw invalid(written, `${setting} needs a value, for example {hostname}`);
  return parts;
}

function readPlaceholder(written: Written, setting: string, name: string): TemplatePart {
  if (name.startsWith('date:')) return readDate(written, setting, name.slice('date:'.length));
  if (Object.hasOwn(placeholders, name)) return { fields: placeholders[name]! };
  if (isFieldName(name)) return { fields: [name] };
  const advice = nearestAdvice(name, Object.keys(placeholders), `use one of ${Object.keys(placeholders).join(', ')}, a journal field, or date:%Y-%m-%d`);
  throw invalid(written, `in ${setting} the placeholder ${quote(`{${name}}`)} is not known; ${advice}`);
}

function readDate(written: Written, setting: string, date: string): TemplatePart {
  // `%25` is what is left of a percent sign that was encoded for the URL.
  const format = date.replaceAll('%25', '%');
  const wrong = /%(.?)/gs;
  for (const [, letter = ''] of format.matchAll(wrong)) {
    if (letter === '' || !dateLetters.includes(letter)) throw invalid(written, `in ${setting} a date is made of %Y, %m, %d, %H, %M and %j, for example {date:%Y-%m-%d}`);
  }
  if (format === '') throw invalid(written, `in ${setting} a date needs a form, for example {date:%Y-%m-%d}`);
  return { date: format };
}
