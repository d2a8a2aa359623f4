import { SettingError } from '../core/errors.js';
import { readHostPort, readSocketPath, shownUrl, splitUrl } from './address.js';
import { invalid } from './written.js';

/** Where `listen` waits for what is sent; port 0 lets the kernel choose one. */
export type ListenAddress =
  | { readonly transport: 'tcp' | 'udp' | 'http' | 'relp'; readonly host: string; readonly port: number }
  | { readonly transport: 'unix'; readonly path: string };

/** The one word that follows `listen`. */
export function readListenAddress(words: readonly string[]): ListenAddress {
  const [text, more] = words;
  if (text === undefined) throw new SettingError('listen', `Invalid listen: a URL is needed, ${forms}.`);
  const written = { text, where: 'listen', shown: shownUrl(text) };
  if (more !== undefined) throw invalid({ ...written, shown: shownUrl(more) }, 'one URL is enough; start a second program for another');
  const { scheme, rest, query } = splitUrl(text);
  if (query !== '') throw invalid(written, 'a URL to listen at has no settings; leave out what follows the "?"');
  if (scheme === 'unix') return { transport: 'unix', path: readSocketPath(written, rest) };
  if (scheme !== 'tcp' && scheme !== 'udp' && scheme !== 'http' && scheme !== 'relp') {
    const isLater = ['tls', 'relps', 'https'].includes(scheme);
    throw invalid(written, `${isLater ? `${scheme} is not supported in this version` : 'this does not begin with a known scheme'}; use ${forms}`);
  }
  return { transport: scheme, ...readHostPort(written, scheme, rest, { least: 0 }) };
}

const forms = 'tcp://HOST:PORT, udp://HOST:PORT, relp://HOST:PORT, http://HOST:PORT or unix:///PATH';
