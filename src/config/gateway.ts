import type { TlsSettings } from '../core/tls.js';
import { decodePercent, readHostPort, readSocketPath, showHostPort } from './address.js';
import { nearestAdvice } from './nearest.js';
import { readBoolean } from './scalars.js';
import { readFileName, readServerName, readTls } from './tls.js';
import { anyOf, invalid } from './written.js';
import type { Written } from './written.js';

/** Where a systemd-journal-gatewayd listens, and how it is spoken to. */
export interface GatewaySettings {
  /** As it may be shown. */
  readonly label: string;
  readonly address: { readonly host: string; readonly port: number; readonly basePath: string } | { readonly socketPath: string };
  /** Undefined for no TLS. */
  readonly tls: TlsSettings | undefined;
}

/** What systemd-journal-gatewayd.socket listens on. */
const PORT = 19_531;
/** By which journal-2-logentries is told the same; used where `--from gateway:` names no place. */
export const GATEWAY_VARIABLE = 'LOGENTRIES_JOURNAL_SOCKET';

const forms = 'gateway:/run/journald.sock, gateway:http://HOST:19531 or gateway:https://HOST:19531';
const tlsNames = ['ca', 'cert', 'key', 'serverName', 'insecure'] as const;
type TlsName = (typeof tlsNames)[number];

/** Reads `gateway:PLACE`; without a place, what the environment says in journal-2-logentries' way. */
export function readGateway(from: Written, environment: Readonly<Record<string, string | undefined>>): GatewaySettings {
  const text = from.text.slice('gateway:'.length);
  if (text !== '') return readPlace(hidden(from, text), text);
  const place = environment[GATEWAY_VARIABLE]?.trim() ?? '';
  if (place === '') throw invalid(from, `a place is needed; write ${forms}, or set ${GATEWAY_VARIABLE}`);
  return readPlace({ ...hidden({ text: place, where: GATEWAY_VARIABLE }, place), where: GATEWAY_VARIABLE }, place);
}

/** An error shows no query, and nothing that may be a password. */
function hidden(written: Written, place: string): Written {
  const prefix = written.text === place ? '' : 'gateway:';
  return { ...written, shown: place.includes('@') ? `${prefix}…` : `${prefix}${/^[^?#]*/.exec(place)![0]}` };
}

function readPlace(written: Written, place: string): GatewaySettings {
  if (place.includes('#')) throw invalid(written, 'a "#" has no meaning here; write %23 for the sign itself');
  const [before = '', ...queries] = place.split('?');
  const [, scheme, rest] = /^([A-Za-z]+):(\/\/.*)$/s.exec(before) ?? [];
  const given = new GivenTlsSettings(written, queries.join('?'));
  if (scheme?.toLowerCase() === 'https') return atHost(written, 'https', rest!, readTls(given));
  given.refuseAll();
  switch (scheme?.toLowerCase()) {
    case undefined:
      return before.startsWith('/') ? atSocket(readSocketPath(written, `//${before}`)) : atHost(written, 'http', `//${before}`, undefined);
    case 'unix':
      return atSocket(readSocketPath(written, rest!));
    case 'http':
      return atHost(written, 'http', rest!, undefined);
    default:
      throw invalid(written, `write ${forms}`);
  }
}

function atSocket(socketPath: string): GatewaySettings {
  return { label: `gateway:${socketPath}`, address: { socketPath }, tls: undefined };
}

function atHost(written: Written, scheme: string, rest: string, tls: TlsSettings | undefined): GatewaySettings {
  const [, authority = '', path = ''] = /^(\/\/[^/]*)(.*)$/s.exec(rest)!;
  const address = readHostPort(written, `gateway:${scheme}`, authority, { byDefault: PORT });
  // Of a gateway behind a proxy. It is sent as it stands.
  const basePath = path.replace(/\/+$/, '');
  if (!/^[!-~]*$/.test(basePath)) throw invalid(written, 'a path is written in printable ASCII; percent-encode what is not');
  return { label: `gateway:${scheme}://${showHostPort(address)}${basePath}`, address: { ...address, basePath }, tls };
}

/** The settings of TLS in a gateway's query. */
class GivenTlsSettings {
  readonly #given = new Map<TlsName, Written>();

  constructor(written: Written, query: string) {
    for (const part of query.split('&').filter((one) => one !== '')) {
      const [name = '', ...values] = part.split('=');
      const named: Written = { ...written, shown: `${written.shown}?${/^[A-Za-z]+$/.test(name) ? name : '…'}` };
      if (!isTlsName(name)) throw invalid(named, `there is no such setting of a gateway; ${nearestAdvice(name, tlsNames, `it has ${anyOf(tlsNames)}`)}`);
      if (values.length === 0) throw invalid(named, `${name} needs a value`);
      if (this.#given.has(name)) throw invalid(named, `${name} is given twice; keep one`);
      this.#given.set(name, { ...named, text: decodePercent(named, values.join('=')), shown: `${written.shown}?${part}` });
    }
  }

  get(name: Exclude<TlsName, 'insecure'>): string | undefined;
  get(name: 'insecure'): boolean | undefined;
  get(name: TlsName): string | boolean | undefined {
    const setting = this.#given.get(name);
    if (setting === undefined) return undefined;
    if (name === 'insecure') return readBoolean(setting, name);
    return name === 'serverName' ? readServerName(setting) : readFileName(setting, name);
  }

  refuse(name: TlsName, mend: string): Error {
    return invalid(this.#given.get(name)!, mend);
  }

  /** Throws where there is one: without TLS they mean nothing. */
  refuseAll(): void {
    const [first] = this.#given.keys();
    if (first !== undefined) throw this.refuse(first, `${first} is a setting of gateway:https:// only; leave it out`);
  }
}

function isTlsName(name: string): name is TlsName {
  return (tlsNames as readonly string[]).includes(name);
}
