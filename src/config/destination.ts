import { decodePercent, shownUrl, splitUrl } from './address.js';
import { destinationSettings, settingRow } from './destination-settings.js';
import type { SettingName } from './destination-settings.js';
import { GivenSettings } from './given-settings.js';
import type { GivenSetting } from './given-settings.js';
import { nearest, nearestAdvice } from './nearest.js';
import { schemes } from './schemes.js';
import type { Place } from './schemes.js';
import type { Scheme } from './setting-rows/row.js';
import type { DestinationSettings, JsonSettings } from './settings.js';
import { anyOf, invalid, misplaced, quote } from './written.js';
import type { Written } from './written.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What a URL and the settings in its query, or beside it in a file, say of one destination. An error shows no query
 * but the one setting that is wrong, and nothing that may be a password.
 */
export function readDestination(asWritten: Written, environment: Environment = {}, shared: Partial<JsonSettings> = {}): DestinationSettings {
  const written: Written = { ...asWritten, shown: shownUrl(asWritten.text) };
  const { scheme: schemeText, rest, query } = splitUrl(written.text);
  const scheme = requireScheme(written, schemeText);
  if (written.text.includes('#')) throw invalid(written, 'a "#" has no meaning here; write %23 for the sign itself');

  const place = schemes[scheme].read(written, rest, environment);
  const { own, foreign } = splitQuery(query, schemes[scheme].settingPrefix ?? '');
  const given = new GivenSettings(scheme, [...readQuery(written, own, schemes[scheme].settingPrefix ?? ''), ...readSettings(written)], shared);
  return place.settle(given, { name: given.get('name') ?? nameOf(written, scheme, place), label: place.label }, foreign);
}

/** All destinations; no two may share a name, since the name is where the checkpoint is kept. `shared`: what options say of the fields of each. */
export function readDestinations(all: readonly Written[], environment: Environment = {}, shared: Partial<JsonSettings> = {}): readonly DestinationSettings[] {
  const names = new Set<string>();
  let hasStdout = false;
  return all.map((asWritten) => {
    const written = { ...asWritten, shown: shownUrl(asWritten.text) };
    const destination = readDestination(asWritten, environment, shared);
    if (destination.kind === 'stdout' && hasStdout) throw invalid(written, 'there is only one stdout; leave out one of the two');
    if (names.has(destination.name)) {
      throw invalid(written, `another destination has the name ${quote(destination.name)} too; leave out one of the two, or give one a name= of its own`);
    }
    hasStdout ||= destination.kind === 'stdout';
    names.add(destination.name);
    return destination;
  });
}

const laterSchemes = ['s3', 'firehose'];
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

/** What is ours in a query, without the prefix that says so, and what is the server's, just as it stands there. */
function splitQuery(query: string, prefix: string): { readonly own: readonly string[]; readonly foreign: string } {
  const parts = query.split('&');
  const isOwn = (part: string): boolean => part !== '' && part.startsWith(prefix);
  return { own: parts.filter(isOwn).map((part) => part.slice(prefix.length)), foreign: parts.filter((part) => !isOwn(part)).join('&') };
}

function readQuery(written: Written, parts: readonly string[], prefix: string): GivenSetting[] {
  return parts.map((part) => {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    const setting = settingOf(name);
    // Not shown: it may be a token, or the second half of a password with a "?" in it.
    if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(name) || (at < 0 && setting === undefined)) throw invalid(written, `its query is not of the form ?${prefix}setting=value&${prefix}setting=value`);
    const named = { ...written, shown: `${written.shown}?${prefix}${name}` };
    if (setting === undefined) throw invalid(named, noSuchSetting(name));
    const row = settingRow(setting.name);
    if (at < 0) throw invalid(named, `${name} needs a value; write ${prefix}${name}=${row.argument}`);
    const shown = `${written.shown}?${prefix}${row.isSecret ? `${name}=…` : part}`;
    return { ...setting, where: written.where, text: decodeValue(named, part.slice(at + 1)), shown };
  });
}

/** In a template's date a percent sign stands for itself. */
function decodeValue(written: Written, text: string): string {
  return text.split(/(\{date:[^{}]*\})/).map((piece, index) => (index % 2 === 1 ? piece : decodePercent(written, piece))).join('');
}

function readSettings(written: Written): GivenSetting[] {
  return (written.settings ?? []).map((asWritten) => {
    const setting = settingOf(asWritten.name);
    if (setting === undefined) throw misplaced(asWritten.where, noSuchSetting(asWritten.name));
    return { ...asWritten, ...setting, ...(settingRow(setting.name).isSecret ? { shown: '…' } : {}) };
  });
}

/** The setting that a word names, and the key that follows where it has keys: `header.X-Scope`. */
function settingOf(word: string): { readonly name: SettingName; readonly key?: string } | undefined {
  if (isSettingName(word)) return settingRow(word).isKeyed ? undefined : { name: word };
  const dot = word.indexOf('.');
  const name = word.slice(0, Math.max(dot, 0));
  return isSettingName(name) && settingRow(name).isKeyed ? { name, key: word.slice(dot + 1) } : undefined;
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(destinationSettings, name);
}

function noSuchSetting(name: string): string {
  if (isSettingName(name)) return `a name follows a dot, as in ${name}.X-Scope-OrgID`;
  return `there is no such setting; ${nearestAdvice(name, Object.keys(destinationSettings), 'docs/options.md lists those there are')}`;
}
