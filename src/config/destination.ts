import { decodePercent, readHostPort, readSocketPath, showHostPort, shownUrl, splitUrl } from './address.js';
import { destinationSettings, mostDatagramBytes, settingRow } from './destination-settings.js';
import type { Scheme, SettingName, SettingValue } from './destination-settings.js';
import { nearest, nearestAdvice } from './nearest.js';
import type { DestinationSettings, EncodingSettings, Format } from './settings.js';
import { anyOf, invalid, misplaced, quote } from './written.js';
import type { Written } from './written.js';

/**
 * What a URL and the settings in its query, or beside it in a file, say of one destination. An error shows no query
 * but the one setting that is wrong, and nothing that may be a password.
 */
export function readDestination(asWritten: Written): DestinationSettings {
  const written: Written = { ...asWritten, shown: shownUrl(asWritten.text) };
  const { scheme: schemeText, rest, query } = splitUrl(written.text);
  const scheme = requireScheme(written, schemeText);
  if (written.text.includes('#')) throw invalid(written, 'a "#" has no meaning here; write %23 for the sign itself');

  const place = readPlace(written, scheme, rest);
  const given = new GivenSettings(scheme, [...readQuery(written, query), ...readSettings(written)]);
  const base = { name: given.get('name') ?? nameOf(written, place), label: place.label, encoding: readEncoding(given, scheme) };
  switch (place.scheme) {
    case 'stdout':
      return { kind: 'stdout', ...base };
    case 'udp':
      return { kind: 'syslog-datagram', ...base, address: place.address };
    default:
      return {
        kind: 'syslog-stream',
        ...base,
        address: place.address,
        framing: given.get('framing') ?? (base.encoding.format === 'rfc5424' ? 'octet-counting' : 'lf'),
        confirmAfterMs: given.get('confirmAfterMs') ?? 1000,
        confirmBytes: given.get('confirmBytes') ?? 8 * 1024 * 1024,
      };
  }
}

/** All destinations; no two may share a name, since the name is where the checkpoint is kept. */
export function readDestinations(all: readonly Written[]): readonly DestinationSettings[] {
  const names = new Set<string>();
  let hasStdout = false;
  return all.map((asWritten) => {
    const written = { ...asWritten, shown: shownUrl(asWritten.text) };
    const destination = readDestination(asWritten);
    if (destination.kind === 'stdout' && hasStdout) throw invalid(written, 'there is only one stdout; leave out one of the two');
    if (names.has(destination.name)) {
      throw invalid(written, `another destination has the name ${quote(destination.name)} too; leave out one of the two, or give one a name= of its own`);
    }
    hasStdout ||= destination.kind === 'stdout';
    names.add(destination.name);
    return destination;
  });
}

const schemes: readonly Scheme[] = ['stdout', 'tcp', 'udp', 'unix'];
const laterSchemes = ['tls', 'relp', 'relps', 'http', 'https', 'cloudwatch', 's3', 'firehose', 'logentries'];
const schemeForms = 'tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH or stdout:';

function requireScheme(written: Written, scheme: string): Scheme {
  const known = schemes.find((name) => name === scheme);
  if (known !== undefined) return known;
  if (laterSchemes.includes(scheme)) {
    // Such a URL may be a secret from end to end, as a web hook's is.
    throw invalid({ ...written, shown: `${scheme}:…` }, `${scheme} is not supported in this version; use ${schemeForms}`);
  }
  if (written.text === 'stdout' || written.text === '-') throw invalid(written, 'standard output is written with a colon, stdout:');
  const near = /^[^:]*:\//.test(written.text) ? nearest(scheme, schemes) : undefined;
  if (near !== undefined) throw invalid(written, `the scheme ${quote(scheme)} is not known, and the nearest known one is ${near}`);
  throw invalid(written, `this does not begin with a known scheme; use ${schemeForms}`);
}

type Place =
  | { readonly scheme: 'stdout'; readonly label: string }
  | { readonly scheme: 'tcp' | 'udp'; readonly label: string; readonly address: { readonly host: string; readonly port: number } }
  | { readonly scheme: 'unix'; readonly label: string; readonly address: { readonly path: string } };

function readPlace(written: Written, scheme: Scheme, rest: string): Place {
  if (scheme === 'stdout') {
    if (rest !== '') throw invalid(written, 'nothing but settings may follow stdout:, for example stdout:?format=short');
    return { scheme, label: 'stdout:' };
  }
  if (scheme === 'unix') {
    const path = readSocketPath(written, rest);
    return { scheme, label: `unix://${path}`, address: { path } };
  }
  const address = readHostPort(written, scheme, rest);
  return { scheme, label: `${scheme}://${showHostPort(address)}`, address };
}

/** `tcp-loghost-514`, `unix-run-log.sock`: made of the place alone, so that another setting keeps the checkpoint. */
function nameOf(written: Written, place: Place): string {
  if (place.scheme === 'stdout') return 'stdout';
  const parts = 'path' in place.address ? [place.address.path.slice(1)] : [place.address.host, String(place.address.port)];
  const name = [place.scheme, ...parts].join('-').replace(/[^A-Za-z0-9._-]/g, '-');
  if (name.length > 128) throw invalid(written, 'the destination needs a name of at most 128 characters; add name=');
  return name;
}

interface GivenSetting extends Written {
  readonly name: SettingName;
}

function readQuery(written: Written, query: string): GivenSetting[] {
  return query.split('&').filter((part) => part !== '').map((part) => {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    // Not shown: it may be a token, or the second half of a password with a "?" in it.
    if (!/^[A-Za-z][A-Za-z0-9.-]*$/.test(name) || (at < 0 && !isSettingName(name))) throw invalid(written, 'its query is not of the form ?setting=value&setting=value');
    const named = { ...written, shown: `${written.shown}?${name}` };
    if (!isSettingName(name)) throw invalid(named, noSuchSetting(name));
    if (at < 0) throw invalid(named, `${name} needs a value; write ${name}=${settingRow(name).argument}`);
    return { name, where: written.where, text: decodePercent(named, part.slice(at + 1)), shown: `${written.shown}?${part}` };
  });
}

function readSettings(written: Written): GivenSetting[] {
  return (written.settings ?? []).map((setting) => {
    const { name } = setting;
    if (!isSettingName(name)) throw misplaced(setting.where, noSuchSetting(name));
    return { ...setting, name };
  });
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(destinationSettings, name);
}

function noSuchSetting(name: string): string {
  return `there is no such setting; ${nearestAdvice(name, Object.keys(destinationSettings), 'docs/options.md lists those there are')}`;
}

/** The settings of one destination, each read when asked for. */
class GivenSettings {
  readonly #given = new Map<SettingName, GivenSetting>();

  constructor(scheme: Scheme, settings: readonly GivenSetting[]) {
    for (const setting of settings) {
      const { name } = setting;
      const row = settingRow(name);
      if (!row.schemes.includes(scheme)) throw invalid(setting, `${name} is a setting of ${anyOf(row.schemes)} destinations only; leave it out`);
      if (this.#given.has(name)) throw invalid(setting, `${name} is given twice; keep one`);
      this.#given.set(name, setting);
    }
  }

  get<K extends SettingName>(name: K): SettingValue<K> | undefined {
    const setting = this.#given.get(name);
    return setting === undefined ? undefined : (destinationSettings[name].read(setting) as SettingValue<K>);
  }

  /** The error for a setting that is right in itself. */
  refuse(name: SettingName, mend: string): Error {
    return invalid(this.#given.get(name)!, mend);
  }

  names(): Iterable<SettingName> {
    return this.#given.keys();
  }
}

function readEncoding(given: GivenSettings, scheme: Scheme): EncodingSettings {
  const format = given.get('format') ?? (scheme === 'stdout' ? 'json' : 'rfc5424');
  for (const name of given.names()) {
    const { formats } = settingRow(name);
    if (formats !== undefined && !formats.includes(format)) throw given.refuse(name, `${name} has no meaning for format ${format}; use it with ${anyOf(formats)}`);
  }
  const maxBytes = given.get('maxBytes');
  if (scheme === 'udp' && maxBytes !== undefined && maxBytes > mostDatagramBytes) throw given.refuse('maxBytes', `a datagram holds at most ${mostDatagramBytes} bytes`);
  return {
    format,
    maxBytes: maxBytes ?? defaultMaxBytes(scheme, format),
    structuredData: given.get('structuredData') ?? [],
    appName: given.get('appName'),
    hostname: given.get('hostname'),
    facility: given.get('facility'),
    bom: given.get('bom') ?? false,
  };
}

function defaultMaxBytes(scheme: Scheme, format: Format): number | undefined {
  if (scheme === 'stdout') return undefined;
  // What rsyslog takes by default (maxMessageSize).
  if (scheme === 'udp') return 8192;
  // JSON cut short is no JSON, so there only what would exhaust a receiver is cut.
  if (format === 'json') return 8 * 1024 * 1024;
  // What syslog-ng takes by default (log-msg-size); rsyslog splits above its 8 KiB, but loses nothing.
  return 65_536;
}
