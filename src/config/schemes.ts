import { decodePercent, readHostPort, readSocketPath, showHostPort } from './address.js';
import type { HostPort } from './address.js';
import { settingRow } from './destination-settings.js';
import type { GivenSettings } from './given-settings.js';
import { httpPlace } from './http.js';
import { readJson } from './json-settings.js';
import { readLogentries, readLogentriesAddress } from './logentries.js';
import { lineFormats, mostDatagramBytes } from './setting-rows/message.js';
import type { Scheme } from './setting-rows/row.js';
import type { DestinationBase, DestinationSettings, EncodingSettings, Format, LogentriesSettings, SyslogStreamSettings } from './settings.js';
import { readTls } from './tls.js';
import { anyOf, invalid } from './written.js';
import type { Written } from './written.js';

/** What is known of a URL that begins with one scheme. */
export interface SchemeRow {
  /** As an error shows it. */
  readonly form: string;
  /** With which the names of our settings begin in the query, where the rest of it is the server's. */
  readonly settingPrefix?: string;
  /** Reads what stands between the scheme's colon and the query, and the variables that a scheme has of its own. */
  readonly read: (written: Written, rest: string, environment: Readonly<Record<string, string | undefined>>) => Place;
}

/** Where a destination is, and what it becomes with its settings. */
export interface Place {
  /** As it may be shown: the URL without its query. */
  readonly label: string;
  /** What the destination's name is made of, behind the scheme. */
  readonly nameParts: readonly string[];
  /** Throws the sentence for settings that do not fit together. `serverQuery` is what of the query is not ours. */
  settle(given: GivenSettings, base: Named, serverQuery: string): DestinationSettings;
}

/** What all destinations have, but for what only their scheme can say. */
export type Named = Omit<DestinationBase, 'encoding'>;

/** A row for each scheme: adding a transport is adding one here, and its settings to `setting-rows/`. */
export const schemes: Readonly<Record<Scheme, SchemeRow>> = {
  tcp: {
    form: 'tcp://HOST:PORT',
    read: (written, rest) => {
      const address = readHostPort(written, 'tcp', rest);
      return {
        label: `tcp://${showHostPort(address)}`,
        nameParts: [address.host, String(address.port)],
        settle: (given, base) => streamSettings(given, base, address),
      };
    },
  },
  tls: {
    form: 'tls://HOST',
    read: (written, rest) => {
      // RFC 5425 section 4.1.
      const address = readHostPort(written, 'tls', rest, { byDefault: 6514 });
      return {
        label: `tls://${showHostPort(address)}`,
        nameParts: [address.host, String(address.port)],
        settle: (given, base) => {
          if (given.get('framing') === 'lf') throw given.refuse('framing', 'syslog over TLS counts octets (RFC 5425 section 4.3); leave it out');
          return { ...streamSettings(given, base, address), framing: 'octet-counting', tls: readTls(given) };
        },
      };
    },
  },
  udp: {
    form: 'udp://HOST:PORT',
    read: (written, rest) => {
      const address = readHostPort(written, 'udp', rest);
      return {
        label: `udp://${showHostPort(address)}`,
        nameParts: [address.host, String(address.port)],
        // 8192 is what rsyslog takes by default (maxMessageSize).
        settle: (given, base) => ({ kind: 'syslog-datagram', ...base, encoding: readEncoding(given, { maxBytes: 8192, mostBytes: mostDatagramBytes }), address }),
      };
    },
  },
  relp: {
    form: 'relp://HOST:PORT',
    read: (written, rest) => relpPlace(written, 'relp', rest),
  },
  relps: {
    form: 'relps://HOST:PORT',
    read: (written, rest) => relpPlace(written, 'relps', rest),
  },
  unix: {
    form: 'unix:///PATH',
    read: (written, rest) => {
      const path = readSocketPath(written, rest);
      return { label: `unix://${path}`, nameParts: [path.slice(1)], settle: (given, base) => streamSettings(given, base, { path }) };
    },
  },
  http: { form: 'http://HOST', settingPrefix: 'jf.', read: (written, rest) => httpPlace(written, 'http', rest) },
  https: { form: 'https://HOST', settingPrefix: 'jf.', read: (written, rest) => httpPlace(written, 'https', rest) },
  logentries: {
    form: 'logentries:',
    read: (written, rest, environment) => {
      const address = readLogentriesAddress(written, rest, environment);
      return {
        label: 'logentries:',
        // Not what the environment says, nor a region: the lines of one machine go to one place.
        nameParts: rest === '' || address === undefined ? [] : [address.host, String(address.port)],
        settle: (given, base) => logentriesSettings(given, base, address),
      };
    },
  },
  cloudwatch: {
    form: 'cloudwatch:GROUP',
    read: (written, rest) => {
      const group = readLogGroup(written, rest);
      return { label: `cloudwatch:${group}`, nameParts: [group.replace(/^\//, '')], settle: (given, base) => cloudWatchSettings(given, base, group) };
    },
  },
  stdout: {
    form: 'stdout:',
    read: (written, rest) => {
      if (rest !== '') throw invalid(written, 'nothing but settings may follow stdout:, for example stdout:?format=short');
      return { label: 'stdout:', nameParts: [], settle: (given, base) => ({ kind: 'stdout', ...base, encoding: readEncoding(given, { format: 'json' }) }) };
    },
  },
};

function logentriesSettings(given: GivenSettings, base: Named, address: HostPort | undefined): LogentriesSettings {
  const encoding = readEncoding(given, { format: 'short', maxBytes: 65_536 });
  if (!lineFormats.some((format) => format === encoding.format)) throw given.refuse('format', `Logentries takes lines of text, and none of syslog; use ${anyOf(lineFormats)}`);
  return {
    kind: 'logentries',
    ...base,
    encoding,
    ...readLogentries(given, address),
    ...readConfirmation(given),
  };
}

function streamSettings(given: GivenSettings, base: Named, address: SyslogStreamSettings['address']): SyslogStreamSettings {
  const encoding = readEncoding(given, { maxBytes: streamMaxBytes });
  return {
    kind: 'syslog-stream',
    ...base,
    encoding,
    address,
    framing: given.get('framing') ?? (encoding.format === 'rfc5424' ? 'octet-counting' : 'lf'),
    tls: undefined,
    ...readConfirmation(given),
  };
}

function readConfirmation(given: GivenSettings): Pick<SyslogStreamSettings, 'confirmAfterMs' | 'confirmBytes'> {
  return { confirmAfterMs: given.get('confirmAfterMs') ?? 1000, confirmBytes: given.get('confirmBytes') ?? 8 * 1024 * 1024 };
}

function relpPlace(written: Written, scheme: 'relp' | 'relps', rest: string): Place {
  const address = readHostPort(written, scheme, rest);
  return {
    label: `${scheme}://${showHostPort(address)}`,
    nameParts: [address.host, String(address.port)],
    // What rsyslog stores of a message by default (maxMessageSize, which is also imrelp's maxDataSize): it cuts the rest off without a mark.
    settle: (given, base) => ({ kind: 'relp', ...base, encoding: readEncoding(given, { maxBytes: 8192 }), address, tls: scheme === 'relps' ? readTls(given) : undefined }),
  };
}

/** What a log group may be called (CloudWatch Logs API Reference, `logGroupName`). */
function readLogGroup(written: Written, rest: string): string {
  const group = decodePercent(written, rest);
  if (!/^[.\-_/#A-Za-z0-9]{1,512}$/.test(group)) {
    throw invalid(written, 'a log group stands behind the colon, 1 to 512 letters, digits, ".", "-", "_", "/" or "#", for example cloudwatch:/servers/web');
  }
  return group;
}

function cloudWatchSettings(given: GivenSettings, base: Named, group: string): DestinationSettings {
  const create = given.get('create') ?? false;
  const retentionDays = given.get('retentionDays');
  if (retentionDays !== undefined && !create) throw given.refuse('retentionDays', 'it is given to a log group that is created; add create=true, or leave it out');
  return {
    kind: 'cloudwatch',
    ...base,
    encoding: readEncoding(given, { format: 'json' }),
    group,
    stream: given.get('stream') ?? [{ fields: ['_HOSTNAME'] }],
    region: given.get('region'),
    endpoint: given.get('endpoint'),
    create,
    retentionDays,
    eventBytes: given.get('eventBytes') ?? 1_048_576,
    maxAgeMs: given.get('maxAgeMs') ?? 1000,
  };
}

interface EncodingDefaults {
  readonly format?: Format;
  /** The largest frame where the user names none; undefined for no limit. */
  readonly maxBytes?: number | ((format: Format) => number);
  /** The largest that the user may name; undefined for what the setting itself allows. */
  readonly mostBytes?: number;
}

function readEncoding(given: GivenSettings, defaults: EncodingDefaults): EncodingSettings {
  const format = given.get('format') ?? defaults.format ?? 'rfc5424';
  for (const name of given.names()) {
    const { formats } = settingRow(name);
    if (formats !== undefined && !formats.includes(format)) throw given.refuse(name, `${name} has no meaning for format ${format}; use it with ${anyOf(formats)}`);
  }
  const maxBytes = given.get('maxBytes');
  const { mostBytes = Infinity, maxBytes: byDefault } = defaults;
  if (maxBytes !== undefined && maxBytes > mostBytes) throw given.refuse('maxBytes', `a datagram holds at most ${mostBytes} bytes`);
  const json = format === 'json' ? readJson(given) : undefined;
  return {
    format,
    maxBytes: maxBytes ?? (typeof byDefault === 'function' ? byDefault(format) : byDefault),
    structuredData: given.get('structuredData') ?? [],
    appName: given.get('appName'),
    hostname: given.get('hostname'),
    facility: given.get('facility'),
    bom: given.get('bom') ?? false,
    ...(json === undefined ? {} : { json }),
  };
}

/**
 * The largest frame on a stream by default: what syslog-ng takes (log-msg-size); rsyslog splits above its 8 KiB, but
 * loses nothing. JSON cut short is no JSON, so there only what would exhaust a receiver is cut.
 */
function streamMaxBytes(format: Format): number {
  return format === 'json' ? 8 * 1024 * 1024 : 65_536;
}
