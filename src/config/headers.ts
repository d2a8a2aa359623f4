import { SecretText } from '../core/secret.js';
import type { SecretSettings } from '../core/secret.js';
import type { GivenSettings } from './given-settings.js';
import { refuseOnCommandLine } from './secret.js';
import type { HeaderSettings } from './settings.js';
import { anyOf, invalid } from './written.js';
import type { Written } from './written.js';

/** All headers that the settings name, each once; none that is not the user's to set, or that credentials make. */
export function readHeaders(given: GivenSettings, hasCredentials: boolean): readonly HeaderSettings[] {
  const headers = new Map<string, HeaderSettings>();
  const add = (name: string, written: Written, value: SecretSettings): void => {
    const header = readHeaderName(name, written);
    if (hasCredentials && header.toLowerCase() === 'authorization') throw invalid(written, 'the credentials make this header, and they are given too; keep one');
    if (headers.has(header.toLowerCase())) throw invalid(written, `the header ${header} is given twice; keep one`);
    headers.set(header.toLowerCase(), { name: header, value });
  };
  for (const { key, written, value } of given.keyed('header')) add(key, written, { setting: `header.${key}`, from: { text: secretHeader(key, written, value) } });
  for (const { key, written, value } of given.keyed('headerFile')) add(key, written, { setting: `headerFile.${key}`, from: { file: value } });
  for (const { key, written, value } of given.keyed('headerEnv')) add(key, written, { setting: `headerEnv.${key}`, from: { variable: value } });
  return [...headers.values()];
}

/** RFC 9110 section 5.5, without what is not ASCII. */
export function readHeaderText(written: Written): string {
  if (!/^[\t -~]*$/.test(written.text)) throw invalid(written, 'a header holds printable ASCII characters');
  return written.text.trim();
}

/** RFC 7617 section 2: the first colon ends it. */
export function readUser(written: Written): string {
  if (!/^[^:\p{Cc}]+$/u.test(written.text)) throw invalid(written, 'user has at least one character, no colon and no control characters');
  return written.text;
}

function secretHeader(name: string, written: Written, value: string): SecretText {
  if (/auth|cookie|key|pass|secret|token/i.test(name)) refuseOnCommandLine(written, `give headerFile.${name}= or headerEnv.${name}=, or write it into the file of --config`);
  return new SecretText(value);
}

/** RFC 9110 section 5.1. */
function readHeaderName(name: string, written: Written): string {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw invalid(written, 'the name of a header has letters, digits and "-", for example header.X-Scope-OrgID');
  if (OURS.includes(name.toLowerCase())) throw invalid(written, `the header ${name} is set by this program, as are ${anyOf(OURS)}; leave it out`);
  return name;
}

/** What says how a request is sent, or is made for each of them. */
const OURS = ['connection', 'content-encoding', 'content-length', 'expect', 'host', 'idempotency-key', 'keep-alive', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
