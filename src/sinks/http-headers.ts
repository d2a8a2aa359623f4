import { SettingError } from '../core/errors.js';
import type { Secret } from '../core/secret.js';

export interface HeaderOptions {
  readonly headers: readonly { readonly name: string; readonly value: Secret }[];
  readonly credentials?: { readonly token: Secret } | { readonly user: string; readonly password: Secret } | undefined;
}

/** The headers that the user asks for, credentials included, as they are now. Rejects with a SettingError where one cannot be had. */
export async function readHeaders({ headers, credentials }: HeaderOptions): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const { name, value } of headers) read[name] = fit(name, await value.read());
  if (credentials === undefined) return read;
  if ('token' in credentials) read['Authorization'] = fit('Authorization', `Bearer ${await credentials.token.read()}`);
  else read['Authorization'] = `Basic ${Buffer.from(`${credentials.user}:${await credentials.password.read()}`).toString('base64')}`;
  return read;
}

/** RFC 9110 section 5.5; what else stands in a file is a mistake, as a second line is. */
function fit(name: string, value: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(value)) throw new SettingError(name, `Cannot send the header ${name}: its value holds more than one line, or characters that are not ASCII; mend the file or the variable.`);
  return value.trim();
}
