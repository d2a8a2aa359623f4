import { readAddedField, readFieldList, readFieldMap } from '../fields.js';
import { isFieldName } from '../filter.js';
import { booleans, readBoolean, readChoice, readInteger } from '../scalars.js';
import type { Format } from '../settings.js';
import { anyOf, invalid, quote } from '../written.js';
import type { Written } from '../written.js';
import { everywhere, framed, streams, syslog } from './row.js';
import type { Scheme, SettingRow } from './row.js';

const formats = ['rfc5424', 'rfc3164', 'json', 'short', 'cat'] as const satisfies readonly Format[];
/** Those that are lines of text, and none of syslog. */
export const lineFormats = ['short', 'json', 'cat'] as const satisfies readonly Format[];
/** A JSON object on each line, or all of them in one array. */
export const bodies = ['ndjson', 'array'] as const;
const framings = ['octet-counting', 'lf'] as const;

/** The least that every receiver takes, by RFC 5424 section 6.1; the most is ours, so that one frame cannot exhaust memory. */
const leastBytes = 480;
const mostBytes = 1_073_741_824;
/** The payload of the largest datagram over IPv4 (RFC 5426 section 3.2). */
export const mostDatagramBytes = 65_507;

/** What a message looks like, and what it holds. */
export const messageRows = {
  format: {
    argument: 'FORMAT', schemes: everywhere, default: 'json for stdout: and cloudwatch:, ndjson for http and https, short for logentries:, rfc5424 elsewhere',
    help: `What a message looks like: ${anyOf(formats)}; over http and https, what a body is: ${anyOf(bodies)}.`,
    choices: (scheme: Scheme) => (scheme === 'http' || scheme === 'https' ? bodies : scheme === 'logentries' ? lineFormats : formats),
    read: (written: Written) => readChoice(written, 'format is', formats),
  },
  framing: {
    argument: 'FRAMING', schemes: streams, default: 'octet-counting for rfc5424 and over tls, lf otherwise',
    help: 'What delimits messages (RFC 6587): octet-counting or lf; over tls octet-counting alone (RFC 5425).',
    choices: (scheme: Scheme) => (scheme === 'tls' ? framings.slice(0, 1) : framings),
    read: (written: Written) => readChoice(written, 'framing is', framings),
  },
  maxBytes: {
    argument: 'BYTES', schemes: framed, default: '65536, and 8388608 for json, over tcp, tls and unix; 65536 to logentries:; 8192 over udp, relp and relps; 8388608 over http and https; no limit for stdout:',
    help: `The largest frame; a longer message is truncated and marked (at least ${leastBytes}, over udp at most ${mostDatagramBytes}).`,
    read: (written: Written) => readInteger(written, 'maxBytes', leastBytes, mostBytes),
  },
  structuredData: {
    argument: 'F,G,…', schemes: syslog, formats: ['rfc5424'], default: 'none',
    help: 'Journal fields that the message carries as structured data; __CURSOR lets a receiver drop duplicates.',
    read: readFieldNames,
  },
  appName: {
    argument: 'NAME', schemes: syslog, formats: ['rfc5424', 'rfc3164'], default: 'the entry\'s SYSLOG_IDENTIFIER, else _COMM',
    help: 'The application\'s name in every message.',
    read: (written: Written) => readWord(written, 'appName', 48),
  },
  facility: {
    argument: 'FACILITY', schemes: syslog, formats: ['rfc5424', 'rfc3164'], default: 'the entry\'s own',
    help: 'The facility of every message, by name (local0) or by number (0 to 23).',
    choices: () => facilities,
    read: readFacility,
  },
  hostname: {
    argument: 'NAME', schemes: syslog, formats: ['rfc5424', 'rfc3164'], default: 'the entry\'s _HOSTNAME',
    help: 'The host\'s name in every message.',
    read: (written: Written) => readWord(written, 'hostname', 255),
  },
  bom: {
    argument: 'BOOLEAN', schemes: syslog, formats: ['rfc5424'], default: 'false',
    help: 'Mark the text as UTF-8 with a byte order mark, by the letter of RFC 5424.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'bom'),
  },
  fields: {
    argument: 'F,G,…', schemes: everywhere, formats: ['json'], default: '--fields, else all',
    help: 'Journal fields to keep, in place of --fields.',
    read: readFieldList,
  },
  fieldMap: {
    argument: 'A=b,C=d', schemes: everywhere, formats: ['json'], default: '--field-map, else the journal\'s own names',
    help: 'New names for journal fields, in place of --field-map.',
    read: readFieldMap,
  },
  fieldMapStrict: {
    argument: 'BOOLEAN', schemes: everywhere, formats: ['json'], default: '--field-map-strict, else false',
    help: 'Keep only the fields of the map.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'fieldMapStrict'),
  },
  lowercase: {
    argument: 'BOOLEAN', schemes: everywhere, formats: ['json'], default: 'false',
    help: 'Put names that no map gives in lower case, without leading underscores.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'lowercase'),
  },
  addField: {
    argument: 'NAME=VALUE', schemes: everywhere, formats: ['json'], default: '--add-field, else none',
    help: 'A fixed field in every message, in place of those of --add-field.',
    read: readAddedField,
  },
} as const satisfies Record<string, SettingRow>;

/** RFC 5424 sections 6.2.4 and 6.2.5: printable US-ASCII without space. */
function readWord(written: Written, what: string, most: number): string {
  if (!/^[!-~]+$/.test(written.text) || written.text.length > most) throw invalid(written, `${what} has 1 to ${most} printable ASCII characters and no space`);
  return written.text;
}

/** RFC 5424 section 6.3.3: an SD-NAME has at most 32 characters. */
function readFieldNames(written: Written): readonly string[] {
  const names = written.text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !isFieldName(name) || name.length > 32);
  if (wrong !== undefined) throw invalid(written, `${quote(wrong)} in structuredData is not a journal field of at most 32 characters; write for example _SYSTEMD_UNIT,__CURSOR`);
  return [...new Set(names)];
}

/** RFC 5424 section 6.2.1, with the names that syslog(3) and rsyslog use. */
const facilities = [
  'kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp',
  'ntp', 'audit', 'alert', 'clock', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7',
];

function readFacility(written: Written): number {
  const facility = /^\d{1,2}$/.test(written.text) ? Number(written.text) : facilities.indexOf(written.text.toLowerCase());
  if (facility < 0 || facility > 23) throw invalid(written, 'facility is a number from 0 to 23 or a name, for example daemon or local0');
  return facility;
}
