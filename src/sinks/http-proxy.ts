import { isIPv6 } from 'node:net';
import { SettingError } from '../core/errors.js';

/** The proxy that stands between, and the hosts to which there is none. */
export interface ProxySettings {
  /** Its URL; empty for none. It may hold a password. */
  readonly proxy: string;
  readonly noProxy: string;
}

/** A proxy as it is connected to. */
export interface Proxy {
  readonly scheme: 'http' | 'https';
  readonly address: { readonly host: string; readonly port: number };
  /** The value of Proxy-Authorization (RFC 7617); undefined where the proxy's URL names no user. */
  readonly authorization: string | undefined;
}

/**
 * What the environment says of proxies: `https_proxy` for https, `http_proxy` for http, `no_proxy`; or the same in
 * capitals, as curl and others read them. Throws a SettingError, which does not show the value.
 */
export function readProxy(scheme: 'http' | 'https', environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const variable = [`${scheme}_proxy`, `${scheme}_proxy`.toUpperCase()].find((name) => (environment[name] ?? '') !== '');
  const noProxy = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
  return { proxy: variable === undefined ? '' : readProxyUrl(variable, environment[variable]!.trim()), noProxy };
}

/** The proxy on the way to a place; undefined where there is none. `host` is a name or an address without brackets. */
export function proxyTo({ host, port }: { readonly host: string; readonly port: number }, { proxy, noProxy }: ProxySettings): Proxy | undefined {
  if (proxy === '' || isExempt(host.toLowerCase(), port, noProxy)) return undefined;
  const { protocol, hostname, port: written, username, password } = new URL(proxy);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return {
    scheme,
    address: { host: withoutBrackets(hostname), port: written === '' ? DEFAULT_PORTS[scheme] : Number(written) },
    authorization: username === '' ? undefined : `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`,
  };
}

const DEFAULT_PORTS = { http: 80, https: 443 };

function readProxyUrl(variable: string, text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new SettingError(variable, `Invalid ${variable}: a proxy is written http://HOST:PORT, with USER:PASSWORD@ before the host where it wants them; mend the variable.`);
  }
  return url;
}

/** Names and addresses between commas or spaces, each with a port or for all of them; `.example.com` and `*.example.com` are `example.com`, or "*" alone is everything. */
function isExempt(host: string, port: number, noProxy: string): boolean {
  if (noProxy === '*') return true;
  return noProxy.toLowerCase().split(/[,\s]+/).some((entry) => {
    const [, before = entry, ownPort] = isIPv6(entry) ? [] : (/^(.+):(\d+)$/.exec(entry) ?? []);
    const name = withoutBrackets(before).replace(/^\*?\./, '');
    return name !== '' && (ownPort === undefined || Number(ownPort) === port) && (host === name || host.endsWith(`.${name}`));
  });
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** What the percent forms in it stand for; as it is, where they are none. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
