import { SecretText } from '../core/secret.js';
import { readHostPort, showHostPort } from './address.js';
import type { SettingName } from './destination-settings.js';
import type { GivenSettings } from './given-settings.js';
import { readHeaders } from './headers.js';
import { readJson } from './json-settings.js';
import { readChoice } from './scalars.js';
import type { Place } from './schemes.js';
import { readSecret } from './secret.js';
import { bodies } from './setting-rows/message.js';
import type { HttpCredentialSettings, HttpSettings } from './settings.js';
import { readTls } from './tls.js';
import { invalid } from './written.js';
import type { Written } from './written.js';

/** What stands behind `http:` or `https:`. The path is shown, and the query is not: it is where servers take secrets. */
export function httpPlace(written: Written, scheme: 'http' | 'https', rest: string): Place {
  const [, authority = '', path = ''] = /^(\/\/[^/]*)(.*)$/s.exec(rest) ?? [];
  if (authority.includes('@')) throw invalid(written, 'a user or password in a URL is not supported; give jf.user= and jf.passwordFile= instead');
  const address = readHostPort(written, scheme, authority === '' ? rest : authority, { byDefault: scheme === 'http' ? 80 : 443 });
  if (!isUrlText(path)) throw invalid(written, `a path ${urlText}`);
  return {
    label: `${scheme}://${showHostPort(address)}${path === '' ? '/' : path}`,
    nameParts: [address.host, String(address.port), ...path.split('/').filter((part) => part !== '')],
    settle: (given, base, serverQuery): HttpSettings => {
      if (!isUrlText(serverQuery)) throw invalid(written, `a query ${urlText}`);
      const format = given.written('format');
      const credentials = readCredentials(given);
      const json = readJson(given);
      return {
        kind: 'http',
        ...base,
        encoding: { format: 'json', maxBytes: given.get('maxBytes') ?? 8 * 1024 * 1024, structuredData: [], appName: undefined, hostname: undefined, facility: undefined, bom: false, ...(json === undefined ? {} : { json }) },
        scheme,
        address,
        path: path === '' ? '/' : path,
        query: new SecretText(serverQuery),
        body: format === undefined ? 'ndjson' : readChoice(format, 'over http and https, format is', bodies),
        compress: given.get('compress') ?? 'none',
        batchMessages: given.get('batchMessages') ?? 10_000,
        // Below the megabyte that nginx takes by default (client_max_body_size).
        batchBytes: given.get('batchBytes') ?? 1_000_000,
        maxAgeMs: given.get('maxAgeMs') ?? 20,
        inFlight: given.get('inFlight') ?? 1,
        timeoutMs: given.get('timeoutMs') ?? 60_000,
        headers: readHeaders(given, credentials !== undefined),
        credentials,
        tls: scheme === 'https' ? readTls(given) : undefined,
      };
    },
  };
}

function readCredentials(given: GivenSettings): HttpCredentialSettings | undefined {
  const token = readSecret(given, 'token');
  const password = readSecret(given, 'password');
  const user = given.get('user');
  if (token !== undefined) {
    if (user !== undefined || password !== undefined) throw given.refuse(token.setting as SettingName, 'user and password are given too; keep the one or the other');
    return { token };
  }
  if (user !== undefined && password === undefined) throw given.refuse('user', 'a user needs a password; give passwordFile= too');
  if (password !== undefined && user === undefined) throw given.refuse(password.setting as SettingName, 'a password needs a user; give user= too');
  return user === undefined || password === undefined ? undefined : { user, password };
}

/** What cannot break a request line, nor be the end of a password with a "/" or a "?" in it. */
function isUrlText(text: string): boolean {
  return /^[!-?A-~]*$/.test(text);
}

const urlText = 'holds printable ASCII characters without spaces and "@"; write others in their percent form, as %40';
