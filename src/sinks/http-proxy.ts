import { BlockList, isIP } from 'node:net';
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
 * capitals, as curl and others read them. An empty variable says nothing. Throws a SettingError, which does not show
 * the value.
 */
export function readProxy(scheme: 'http' | 'https', environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const variableFor = (name: string): string | undefined => [name, name.toUpperCase()].find((variable) => (environment[variable] ?? '') !== '');
  const [variable, exempting] = [variableFor(`${scheme}_proxy`), variableFor('no_proxy')];
  return {
    proxy: variable === undefined ? '' : readProxyUrl(variable, environment[variable]!.trim()),
    noProxy: exempting === undefined ? '' : environment[exempting]!,
  };
}

/** The proxy on the way to a place; undefined where there is none. `host` is a name or an address, in brackets or without. */
export function proxyTo({ host, port }: { readonly host: string; readonly port: number }, { proxy, noProxy }: ProxySettings): Proxy | undefined {
  if (proxy === '' || isExempt(withoutBrackets(host.toLowerCase()), port, noProxy)) return undefined;
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

/**
 * Whether NO_PROXY names a place: what curl or Go's net/http takes for an exemption is one. Between commas or spaces
 * stand names, which count for all below them, with or without `.` or `*.` before; addresses, and ranges such as
 * `10.0.0.0/8`; each for all ports or, as in `[::1]:443`, for one. `*` is everything.
 */
function isExempt(host: string, port: number, noProxy: string): boolean {
  return noProxy.toLowerCase().split(/[,\s]+/).some((entry) => {
    const [, before = entry, ownPort] = isIP(entry) > 0 ? [] : (/^(.+):(\d+)$/.exec(entry) ?? []);
    if (ownPort !== undefined && Number(ownPort) !== port) return false;
    const place = withoutBrackets(before);
    return place === '*' || (isIP(host) > 0 ? holdsAddress(place, host) : holdsName(place, host));
  });
}

function holdsName(domain: string, host: string): boolean {
  const name = withoutRootDot(domain.replace(/^\*?\./, ''));
  return name !== '' && `.${withoutRootDot(host)}`.endsWith(`.${name}`);
}

/** `range`: an address, or one with the length of a prefix (CIDR). */
function holdsAddress(range: string, address: string): boolean {
  const [base = '', length] = range.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(base)]!;
  const prefix = Number(length ?? bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > bits) return false;
  const list = new BlockList();
  list.addSubnet(base, prefix, familyOf(base));
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function withoutRootDot(name: string): string {
  return name.replace(/\.$/, '');
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
