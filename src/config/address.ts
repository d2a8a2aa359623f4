import { isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { invalid } from './written.js';
import type { Written } from './written.js';

export interface HostPort {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A URL's parts, still percent-encoded. */
export interface UrlParts {
  /** In lower case; empty where the text has none. */
  readonly scheme: string;
  /** Everything between the scheme's colon and the query. */
  readonly rest: string;
  readonly query: string;
}

export function splitUrl(text: string): UrlParts {
  const queryAt = text.indexOf('?');
  const before = queryAt < 0 ? text : text.slice(0, queryAt);
  const [, scheme = '', rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(before) ?? [];
  return { scheme: scheme.toLowerCase(), rest, query: queryAt < 0 ? '' : text.slice(queryAt + 1) };
}

/**
 * A URL as an error may show it: without its query, and without anything behind the scheme where an `@` tells that
 * it may hold a password (one with a `?` in it included).
 */
export function shownUrl(text: string): string {
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/*/.exec(text)?.[0] ?? '';
  if (text.includes('@')) return scheme.includes('//') ? `${scheme}…` : '…';
  return /^[^?#]*/.exec(text)![0];
}

export interface PortRules {
  /** 1 if absent; 0 lets the kernel choose one. */
  readonly least?: number;
  /** For a URL that names none; absent where each must. */
  readonly byDefault?: number;
}

/** The `//HOST:PORT` of a URL, which is what stands in `rest`; `scheme` makes the example in an error. */
export function readHostPort(written: Written, scheme: string, rest: string, { least = 1, byDefault }: PortRules = {}): HostPort {
  const usual = byDefault ?? 514;
  const example = `for example ${scheme}://loghost:${usual}`;
  if (!rest.startsWith('//')) throw invalid(written, `two slashes are needed before the host, ${example}`);
  const authority = /^\/\/(.*?)\/?$/s.exec(rest)![1]!;
  if (authority.includes('@')) throw invalid(written, 'a user or password in a URL is not supported; leave out what stands before the "@"');
  if (authority.includes('/')) throw invalid(written, `nothing may follow the port, ${example}`);

  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/s.exec(authority) ?? [];
  if (bracketed === undefined && plain === undefined) {
    throw invalid(written, `an IPv6 address stands in brackets and a port follows it, for example ${scheme}://[::1]:${usual}`);
  }
  const host = bracketed === undefined ? readName(written, plain!, example) : readIPv6(written, bracketed, `${scheme}://[::1]:${usual}`);
  const shownHost = bracketed === undefined ? host : `[${host}]`;
  if (portText === undefined && byDefault !== undefined) return { host, port: byDefault };
  if (portText === undefined || portText === '') throw invalid(written, `a port is needed, for example ${scheme}://${shownHost}:${usual}`);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : NaN;
  if (!(port >= least && port <= 65_535)) throw invalid(written, `a port is a number from ${least} to 65535, for example ${scheme}://${shownHost}:${usual}`);
  return { host, port };
}

/** `HOST:PORT`, with brackets where the host is an IPv6 address. */
export function showHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The `///PATH` of a URL. A socket's path has at most 107 bytes (unix(7), sun_path). */
export function readSocketPath(written: Written, rest: string): string {
  const example = 'for example unix:///run/log.sock';
  if (!rest.startsWith('///')) throw invalid(written, `an absolute path stands behind two slashes, ${example}`);
  const path = decodePercent(written, rest.slice(2));
  if (path === '/' || path.includes('\0')) throw invalid(written, `the path of a socket is needed, ${example}`);
  if (Buffer.byteLength(path) > 107) throw invalid(written, 'the path of a socket has at most 107 bytes; choose a shorter one');
  return path;
}

export function decodePercent(written: Written, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid(written, 'a "%" begins two hexadecimal digits of UTF-8; write %25 for the sign itself', { cause });
  }
}

function readName(written: Written, encoded: string, example: string): string {
  const decoded = decodePercent(written, encoded);
  if (decoded === '') throw invalid(written, `a host is needed, ${example}`);
  const host = domainToASCII(decoded).toLowerCase();
  // `0x7f.1` is an address to the URL standard, and a mistake here.
  if (isIP(host)) return decoded.toLowerCase() === host ? host : refuseHost(written, example);
  const isName = host.length <= 253 && /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/.test(host);
  return isName && !/^[\d.]+$/.test(host) ? host : refuseHost(written, example);
}

function refuseHost(written: Written, example: string): never {
  throw invalid(written, `the host is neither a name nor an IP address, ${example}`);
}

function readIPv6(written: Written, encoded: string, example: string): string {
  const host = decodePercent(written, encoded);
  if (!isIPv6(host)) throw invalid(written, `only an IPv6 address stands in brackets, for example ${example}`);
  return host;
}
