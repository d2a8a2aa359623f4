import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import type { TlsSettings } from '../core/tls.js';
import { invalid } from './written.js';
import type { Written } from './written.js';

/** What is asked of settings that were given: those of a destination, or of something else that uses TLS. */
export interface GivenTls {
  get(name: 'ca' | 'cert' | 'key' | 'serverName'): string | undefined;
  get(name: 'insecure'): boolean | undefined;
  /** The error for a setting that is right in itself. */
  refuse(name: 'ca' | 'cert' | 'key', mend: string): Error;
}

/** The settings of TLS. Throws the sentence for those that do not fit together. */
export function readTls(given: GivenTls): TlsSettings {
  const settings: TlsSettings = { ca: given.get('ca'), cert: given.get('cert'), key: given.get('key'), serverName: given.get('serverName'), insecure: given.get('insecure') ?? false };
  if (settings.cert !== undefined && settings.key === undefined) throw given.refuse('cert', 'a certificate needs its key; give key= too');
  if (settings.key !== undefined && settings.cert === undefined) throw given.refuse('key', 'a key is of use with its certificate alone; give cert= too');
  if (settings.ca !== undefined && settings.insecure) throw given.refuse('ca', 'insecure=true asks nobody; leave out one of the two');
  return settings;
}

/** The absolute path of a file, or the name of a credential (systemd.exec(5)). An error shows nothing of what may be a key. */
export function readFileName(written: Written, name: string): string {
  const { text } = written;
  const hidden = { ...written, shown: `${name}=…` };
  if (text.includes('-----BEGIN') || /[\0\n]/.test(text)) throw invalid(hidden, `${name} is the path of a file, and not its content`);
  if (!isAbsolute(text) && !/^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$/.test(text)) throw invalid(written, `${name} is an absolute path, for example /etc/ssl/forwarder.pem, or the name of a file in $CREDENTIALS_DIRECTORY`);
  return text;
}

/** A name or an address that stands in a certificate. */
export function readServerName(written: Written): string {
  const name = written.text.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const isName = name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?$/.test(name);
  if (isIP(name) === 0 && !isName) throw invalid(written, 'serverName is the name or the IP address in the server\'s certificate, for example loghost.example.com');
  return name;
}
