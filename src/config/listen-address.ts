import { SettingError } from '../core/errors.js';
import { decodePercent, readHostPort, readSocketPath, shownUrl, splitUrl } from './address.js';
import { anyOf, invalid } from './written.js';
import type { Written } from './written.js';

/** Where `listen` waits for what is sent; port 0 lets the kernel choose one. */
export type ListenAddress =
  | { readonly transport: 'tcp' | 'udp' | 'http' | 'relp'; readonly host: string; readonly port: number }
  | ({ readonly transport: 'tls'; readonly host: string; readonly port: number } & ListenCertificates)
  | { readonly transport: 'unix'; readonly path: string };

/** PEM files: the certificate to show and its key; and the authorities that a client's must come from, where it needs one. */
export interface ListenCertificates {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
}

/** The one word that follows `listen`. */
export function readListenAddress(words: readonly string[]): ListenAddress {
  const [text, more] = words;
  if (text === undefined) throw new SettingError('listen', `Invalid listen: a URL is needed, ${forms}.`);
  const written = { text, where: 'listen', shown: shownUrl(text) };
  if (more !== undefined) throw invalid({ ...written, shown: shownUrl(more) }, 'one URL is enough; start a second program for another');
  const { scheme, rest, query } = splitUrl(text);
  if (scheme === 'tls') return { transport: scheme, ...readHostPort(written, scheme, rest, { least: 0, byDefault: 6514 }), ...readCertificates(written, query) };
  if (query !== '') throw invalid(written, 'a URL to listen at has no settings; leave out what follows the "?"');
  if (scheme === 'unix') return { transport: 'unix', path: readSocketPath(written, rest) };
  if (scheme !== 'tcp' && scheme !== 'udp' && scheme !== 'http' && scheme !== 'relp') {
    const isLater = ['relps', 'https'].includes(scheme);
    throw invalid(written, `${isLater ? `${scheme} is not supported in this version` : 'this does not begin with a known scheme'}; use ${forms}`);
  }
  return { transport: scheme, ...readHostPort(written, scheme, rest, { least: 0 }) };
}

function readCertificates(written: Written, query: string): ListenCertificates {
  const files = new Map<string, string>();
  for (const part of query.split('&').filter((text) => text !== '')) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    if (!(certificateSettings as readonly string[]).includes(name)) throw invalid(written, `a URL to listen at with TLS has the settings cert, key and ca, ${example}`);
    const file = at < 0 ? '' : decodePercent(written, part.slice(at + 1));
    if (file === '' || file.includes('\0')) throw invalid(written, `${name} is the path of a PEM file, ${example}`);
    if (files.has(name)) throw invalid(written, `${name} is given twice; keep one`);
    files.set(name, file);
  }
  const [cert, key] = [files.get('cert'), files.get('key')];
  if (cert === undefined || key === undefined) throw invalid(written, `TLS needs a certificate and its key, ${example}`);
  return { cert, key, ca: files.get('ca') };
}

const example = "for example 'tls://127.0.0.1:6514?cert=server.crt&key=server.key'";
/** The forms that such a URL has, by scheme. */
export const listenForms = { tcp: 'tcp://HOST:PORT', tls: 'tls://HOST', udp: 'udp://HOST:PORT', relp: 'relp://HOST:PORT', http: 'http://HOST:PORT', unix: 'unix:///PATH' } as const;
/** Files that `tls` takes in its query. */
export const certificateSettings = ['cert', 'key', 'ca'] as const;
const forms = anyOf(Object.values(listenForms));
