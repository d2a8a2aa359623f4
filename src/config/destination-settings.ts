import { readAddedField, readFieldList, readFieldMap } from './fields.js';
import { isFieldName } from './filter.js';
import { readHeaderText, readUser } from './headers.js';
import { readBoolean, readChoice, readInteger } from './scalars.js';
import { readSecretFile, readSecretText, readVariableName } from './secret.js';
import type { Format } from './settings.js';
import { readTemplate } from './template.js';
import { readFileName, readServerName } from './tls.js';
import { anyOf, invalid, quote } from './written.js';
import type { Written } from './written.js';

export type Scheme = 'stdout' | 'tcp' | 'tls' | 'udp' | 'unix' | 'relp' | 'relps' | 'http' | 'https' | 'logentries' | 'cloudwatch';

/** One setting of a destination: a parameter of its URL's query, or a key beside `url` in the file. */
export interface SettingRow {
  readonly argument: string;
  /** One sentence. */
  readonly help: string;
  readonly schemes: readonly Scheme[];
  /** The formats that it bears on; absent where it bears on all. */
  readonly formats?: readonly Format[];
  /** The default in words. */
  readonly default: string;
  /** Its value is shown nowhere. */
  readonly isSecret?: true;
  /** A key of the user's own follows its name, as in `header.X-Scope=a`; it may be given once for each. */
  readonly isKeyed?: true;
  /** All the words that may stand there, where they can be counted, for a destination of this scheme. */
  readonly choices?: (scheme: Scheme) => readonly string[];
  /** A setting's text as its value; throws the sentence that says what may stand there. */
  readonly read: (written: Written) => unknown;
}

const formats = ['rfc5424', 'rfc3164', 'json', 'short', 'cat'] as const satisfies readonly Format[];
/** Those that are lines of text, and none of syslog. */
export const lineFormats = ['short', 'json', 'cat'] as const satisfies readonly Format[];
/** A JSON object on each line, or all of them in one array. */
export const bodies = ['ndjson', 'array'] as const;
const framings = ['octet-counting', 'lf'] as const;
const codings = ['gzip', 'none'] as const;
const booleans = ['true', 'false'] as const;
const syslog = ['stdout', 'tcp', 'tls', 'udp', 'unix', 'relp', 'relps'] as const;
const web = ['http', 'https'] as const;
const framed = [...syslog, ...web, 'logentries'] as const;
const everywhere = [...framed, 'cloudwatch'] as const;
const cloudwatch = ['cloudwatch'] as const;
const streams = ['tcp', 'tls', 'unix'] as const;
const confirmed = [...streams, 'logentries'] as const;
const secured = ['tls', 'relps', 'https', 'logentries'] as const;
const bearers = [...web, 'logentries'] as const;

/** The least that every receiver takes, by RFC 5424 section 6.1; the most is ours, so that one frame cannot exhaust memory. */
const leastBytes = 480;
const mostBytes = 1_073_741_824;
/** The payload of the largest datagram over IPv4 (RFC 5426 section 3.2). */
export const mostDatagramBytes = 65_507;

export const destinationSettings = {
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
  confirmAfterMs: {
    argument: 'MS', schemes: confirmed, default: '1000',
    help: 'How long a send queue must have been empty before what was sent counts as received.',
    read: (written: Written) => readInteger(written, 'confirmAfterMs', 0, 3_600_000),
  },
  confirmBytes: {
    argument: 'BYTES', schemes: confirmed, default: '8388608',
    help: 'How many later bytes the receiver\'s kernel must have acknowledged before earlier ones count as received, where the queue is never empty.',
    read: (written: Written) => readInteger(written, 'confirmBytes', 1, mostBytes),
  },
  ca: {
    argument: 'FILE', schemes: secured, default: 'the system\'s',
    help: 'The authorities that a server\'s certificate must come from: a PEM file, by its absolute path or by its name in $CREDENTIALS_DIRECTORY.',
    read: (written: Written) => readFileName(written, 'ca'),
  },
  cert: {
    argument: 'FILE', schemes: secured, default: 'none',
    help: 'The client certificate, its chain behind it: a file as with ca. Needs key.',
    read: (written: Written) => readFileName(written, 'cert'),
  },
  key: {
    argument: 'FILE', schemes: secured, default: 'none',
    help: 'The key of the client certificate, not encrypted: a file as with ca.',
    read: (written: Written) => readFileName(written, 'key'),
  },
  serverName: {
    argument: 'NAME', schemes: secured, default: 'the host of the URL',
    help: 'The name or address that the server\'s certificate must bear.',
    read: readServerName,
  },
  insecure: {
    argument: 'BOOLEAN', schemes: secured, default: 'false',
    help: 'Take any certificate of a server\'s, so that whoever answers can read what is sent; each start warns of it.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'insecure'),
  },
  compress: {
    argument: 'CODING', schemes: web, default: 'none',
    help: 'How bodies are compressed: gzip or none.',
    choices: () => codings,
    read: (written: Written) => readChoice(written, 'compress is', codings),
  },
  batchMessages: {
    argument: 'N', schemes: web, default: '10000',
    help: 'The most entries in one request.',
    read: (written: Written) => readInteger(written, 'batchMessages', 1, 100_000),
  },
  batchBytes: {
    argument: 'BYTES', schemes: web, default: '1000000',
    help: 'The largest body of one request before it is compressed; a larger entry is sent alone.',
    read: (written: Written) => readInteger(written, 'batchBytes', 1024, 67_108_864),
  },
  maxAgeMs: {
    argument: 'MS', schemes: [...web, 'cloudwatch'], default: '20, and 1000 for cloudwatch:',
    help: 'How long an entry may wait for others to be sent with.',
    read: (written: Written) => readInteger(written, 'maxAgeMs', 0, 3_600_000),
  },
  inFlight: {
    argument: 'N', schemes: web, default: '1',
    help: 'How many requests may be under way at a time; with more than one, they may arrive in another order.',
    read: (written: Written) => readInteger(written, 'inFlight', 1, 64),
  },
  timeoutMs: {
    argument: 'MS', schemes: web, default: '60000',
    help: 'How long one request may take, its answer included, before it is given up and sent again.',
    read: (written: Written) => readInteger(written, 'timeoutMs', 100, 3_600_000),
  },
  header: {
    argument: 'VALUE', schemes: web, default: 'none', isKeyed: true, isSecret: true,
    help: 'A header of every request, as in header.X-Scope-OrgID=tenant; repeatable, with different names.',
    read: readHeaderText,
  },
  headerFile: {
    argument: 'FILE', schemes: web, default: 'none', isKeyed: true,
    help: 'The same, and the value stands in a file: its absolute path, or a name in $CREDENTIALS_DIRECTORY.',
    read: (written: Written) => readSecretFile(written, 'headerFile'),
  },
  headerEnv: {
    argument: 'VARIABLE', schemes: web, default: 'none', isKeyed: true,
    help: 'The same, and the value stands in an environment variable.',
    read: (written: Written) => readVariableName(written, 'headerEnv'),
  },
  token: {
    argument: 'TOKEN', schemes: bearers, default: '$LOGENTRIES_TOKEN for logentries:, else none', isSecret: true,
    help: 'A bearer token (RFC 6750), or the token of a log of Rapid7\'s; in a file of settings or an environment variable alone.',
    read: (written: Written) => readSecretText(written, 'token'),
  },
  tokenFile: {
    argument: 'FILE', schemes: bearers, default: 'none',
    help: 'The file that holds the token: its absolute path, or a name in $CREDENTIALS_DIRECTORY. It is read again for every request.',
    read: (written: Written) => readSecretFile(written, 'tokenFile'),
  },
  tokenEnv: {
    argument: 'VARIABLE', schemes: bearers, default: 'none',
    help: 'The environment variable that holds the token.',
    read: (written: Written) => readVariableName(written, 'tokenEnv'),
  },
  user: {
    argument: 'NAME', schemes: web, default: 'none',
    help: 'The user of basic authentication (RFC 7617), which needs a password too.',
    read: readUser,
  },
  password: {
    argument: 'PASSWORD', schemes: web, default: 'none', isSecret: true,
    help: 'Its password, in a file of settings or an environment variable alone.',
    read: (written: Written) => readSecretText(written, 'password'),
  },
  passwordFile: {
    argument: 'FILE', schemes: web, default: 'none',
    help: 'The file that holds the password: its absolute path, or a name in $CREDENTIALS_DIRECTORY. It is read again for every request.',
    read: (written: Written) => readSecretFile(written, 'passwordFile'),
  },
  passwordEnv: {
    argument: 'VARIABLE', schemes: web, default: 'none',
    help: 'The environment variable that holds the password.',
    read: (written: Written) => readVariableName(written, 'passwordEnv'),
  },
  stream: {
    argument: 'TEMPLATE', schemes: cloudwatch, default: '{hostname}',
    help: 'The log stream of each entry: text with {hostname}, {unit}, {identifier}, {machineId}, {bootId}, {priority}, {transport}, {pod}, {namespace}, {container}, any {FIELD}, or {date:%Y-%m-%d}; what an entry lacks becomes unknown.',
    read: (written: Written) => readTemplate(written, 'stream'),
  },
  region: {
    argument: 'REGION', schemes: ['cloudwatch', 'logentries'], default: 'for cloudwatch: AWS_REGION, else AWS_DEFAULT_REGION, else the AWS profile\'s, else the instance\'s own; for logentries: eu',
    help: 'The region of AWS, or of Rapid7 (eu, us, us2, us3, ca, au, ap and so on).',
    read: (written: Written) => readMatching(written, /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'region is the short name of one, for example eu-central-1 of AWS or eu of Rapid7'),
  },
  endpoint: {
    argument: 'URL', schemes: cloudwatch, default: 'the region\'s own',
    help: 'Where requests go in place of the region\'s public address, for example a VPC endpoint.',
    read: readEndpoint,
  },
  create: {
    argument: 'BOOLEAN', schemes: cloudwatch, default: 'false',
    help: 'Create the log group where it is missing; a missing log stream is always created.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'create'),
  },
  retentionDays: {
    argument: 'DAYS', schemes: cloudwatch, default: 'for ever; of a group that exists, what it has',
    help: 'For how many days a log group that is created keeps events; older entries are left out.',
    choices: () => retentionDays.map(String),
    read: readRetentionDays,
  },
  eventBytes: {
    argument: 'BYTES', schemes: cloudwatch, default: '1048576',
    help: 'The largest event, with 26 bytes that each counts beyond its message; a longer message is sent as several events.',
    read: (written: Written) => readInteger(written, 'eventBytes', 1024, 1_048_576),
  },
  tls: {
    argument: 'BOOLEAN', schemes: ['logentries'], default: 'true, but for ports 80, 514 and 10000',
    help: 'Whether Logentries is spoken to over TLS.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'tls'),
  },
  name: {
    argument: 'NAME', schemes: everywhere, default: 'scheme, host, port and path (or group), as in tcp-loghost-514',
    help: 'Under which the checkpoint is kept.',
    read: readDestinationName,
  },
} as const satisfies Record<string, SettingRow>;

export type SettingName = keyof typeof destinationSettings;
export type SettingValue<K extends SettingName> = ReturnType<(typeof destinationSettings)[K]['read']>;

export function settingRow(name: SettingName): SettingRow {
  return destinationSettings[name];
}

/** A destination's name, which is part of a file's name. */
function readDestinationName(written: Written): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(written.text)) {
    throw invalid(written, 'name has 1 to 128 letters, digits, ".", "_" or "-", and no "." at its beginning');
  }
  // NAME.previous.json is the predecessor of NAME.json, and NAME.HEX.own its lock: two states would share a file.
  if (written.text.endsWith('.previous')) throw invalid(written, 'a name must not end in ".previous", which is kept for a checkpoint\'s predecessor; choose another');
  return written.text;
}

function readMatching(written: Written, pattern: RegExp, mend: string): string {
  if (!pattern.test(written.text)) throw invalid(written, mend);
  return written.text;
}

function readEndpoint(written: Written): string {
  const example = 'endpoint is a URL such as https://vpce-1a2b.logs.eu-central-1.vpce.amazonaws.com';
  const url = URL.canParse(written.text) ? new URL(written.text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid(written, example);
  if (url.username !== '' || url.password !== '') throw invalid({ ...written, shown: 'endpoint=…' }, 'endpoint holds no user or password; credentials come from the environment, a profile or a role');
  if (url.search !== '' || url.hash !== '') throw invalid(written, example);
  return url.href.replace(/\/$/, '');
}

/** What PutRetentionPolicy takes (CloudWatch Logs API Reference). */
const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

function readRetentionDays(written: Written): number {
  const days = readInteger(written, 'retentionDays', 1, 3653);
  if (!retentionDays.includes(days)) throw invalid(written, `CloudWatch keeps events for ${anyOf(retentionDays.map(String))} days`);
  return days;
}

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
