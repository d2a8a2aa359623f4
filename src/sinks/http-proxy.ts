import { SettingError } from '../core/errors.js';

/** The proxy that stands between, and the hosts to which there is none; as `undici`'s EnvHttpProxyAgent takes them. */
export interface ProxySettings {
  /** Empty for none. It may hold a password. */
  readonly proxy: string;
  readonly noProxy: string;
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

function readProxyUrl(variable: string, text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new SettingError(variable, `Invalid ${variable}: a proxy is written http://HOST:PORT, with USER:PASSWORD@ before the host where it wants them; mend the variable.`);
  }
  return url;
}
