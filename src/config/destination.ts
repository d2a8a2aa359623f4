import { decodePercent, shownUrl, splitUrl } from './address.js';
import { destinationSettings, settingRow } from './destination-settings.js';
import type { Scheme, SettingName } from './destination-settings.js';
import { GivenSettings } from './given-settings.js';
import type { GivenSetting } from './given-settings.js';
import { nearest, nearestAdvice } from './nearest.js';
import { schemes } from './schemes.js';
import type { Place } from './schemes.js';
import type { DestinationSettings } from './settings.js';
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

  const place = schemes[scheme].read(written, rest);
  const given = new GivenSettings(scheme, [...readQuery(written, query), ...readSettings(written)]);
  return place.settle(given, { name: given.get('name') ?? nameOf(written, scheme, place), label: place.label });
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

const laterSchemes = ['http', 'https', 'cloudwatch', 's3', 'firehose', 'logentries'];
const schemeForms = anyOf(Object.values(schemes).map(({ form }) => form));

function requireScheme(written: Written, scheme: string): Scheme {
  if (isScheme(scheme)) return scheme;
  if (laterSchemes.includes(scheme)) {
    // Such a URL may be a secret from end to end, as a web hook's is.
    throw invalid({ ...written, shown: `${scheme}:…` }, `${scheme} is not supported in this version; use ${schemeForms}`);
  }
  if (written.text === 'stdout' || written.text === '-') throw invalid(written, 'standard output is written with a colon, stdout:');
  const near = /^[^:]*:\//.test(written.text) ? nearest(scheme, Object.keys(schemes)) : undefined;
  if (near !== undefined) throw invalid(written, `the scheme ${quote(scheme)} is not known, and the nearest known one is ${near}`);
  throw invalid(written, `this does not begin with a known scheme; use ${schemeForms}`);
}

function isScheme(scheme: string): scheme is Scheme {
  return Object.hasOwn(schemes, scheme);
}

/** `tcp-loghost-514`, `unix-run-log.sock`: made of the place alone, so that another setting keeps the checkpoint. */
function nameOf(written: Written, scheme: Scheme, { nameParts }: Place): string {
  const name = [scheme, ...nameParts].join('-').replace(/[^A-Za-z0-9._-]/g, '-');
  if (name.length > 128) throw invalid(written, 'the destination needs a name of at most 128 characters; add name=');
  return name;
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
