import type { SecretSettings, SecretText } from '../core/secret.js';
import type { Template } from '../core/template.js';
import type { TlsSettings } from '../core/tls.js';
import type { GatewaySettings } from './gateway.js';

/** Everything a run needs to know, checked and complete: what the other rooms are built from. */
export interface Settings {
  readonly source: SourceSettings;
  readonly filter: FilterSettings;
  /** At least one; `stdout:` where the user named none. */
  readonly destinations: readonly DestinationSettings[];
  readonly state: StateSettings;
  readonly log: LogSettings;
  /** Where metrics and health are served; undefined for nowhere. Port 0 takes a free one. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** How long a stop may take to deliver what is under way. */
  readonly shutdownTimeoutMs: number;
}

export interface SourceSettings {
  readonly from: 'journal' | 'stdin' | 'gateway';
  /** Present where `from` is `gateway`. */
  readonly gateway: GatewaySettings | undefined;
  readonly directory: string | undefined;
  readonly namespace: string | undefined;
  readonly allMachines: boolean;
  readonly journalctlPath: string;
  readonly start: 'head' | 'boot' | 'now';
  /** As journalctl takes it: `2026-11-20 08:00`, `yesterday`, `-1h`. Wins over `start` on a first run. */
  readonly since: string | undefined;
  readonly until: string | undefined;
  /** False for `--no-follow`: stop at the end of the journal. */
  readonly follow: boolean;
  /** Put an entry into the stream wherever entries are missing. */
  readonly reportGaps: boolean;
  /** Stitch lines together again that journald has split. */
  readonly joinLines: boolean;
}

/** Which entries are forwarded: all conditions that are set must hold (within a list, any of its values). */
export interface FilterSettings {
  /** As given, `.service` not yet implied; globs allowed, as with journalctl. */
  readonly units: readonly string[];
  readonly identifiers: readonly string[];
  /** As journalctl's `-p` takes it, names turned into numbers: `3`, `2..4`. */
  readonly priority: string | undefined;
  /** One inner list for each `--match`: AND within one (journalctl's rules), OR between several. */
  readonly matches: readonly (readonly string[])[];
  readonly kernel: boolean;
  readonly excludeUnits: readonly string[];
  readonly excludeMatches: readonly { readonly field: string; readonly value: string }[];
  readonly includeSelf: boolean;
}

export type Format = 'rfc5424' | 'rfc3164' | 'json' | 'short' | 'cat';

export type DestinationSettings = StdoutSettings | SyslogStreamSettings | SyslogDatagramSettings | RelpSettings | HttpSettings | LogentriesSettings | CloudWatchSettings;

export interface DestinationBase {
  /** Under which its checkpoint is kept: `[A-Za-z0-9._-]`, unique among the destinations. */
  readonly name: string;
  /** As it may be shown: the URL without secrets. */
  readonly label: string;
  readonly encoding: EncodingSettings;
}

export interface EncodingSettings {
  readonly format: Format;
  /** The largest frame in bytes, delimiter included; undefined for no limit. */
  readonly maxBytes: number | undefined;
  /** Fields that RFC 5424 carries as structured data; empty for none. */
  readonly structuredData: readonly string[];
  /** Fixed values in place of the entry's own. */
  readonly appName: string | undefined;
  readonly hostname: string | undefined;
  readonly facility: number | undefined;
  /** RFC 5424: mark MSG as UTF-8 with a byte order mark. */
  readonly bom: boolean;
  /** JSON: which fields, and under which names; absent where all are sent under their own. */
  readonly json?: JsonSettings;
}

export interface JsonSettings {
  /** Fields to keep, beside those of the map. */
  readonly fields: readonly string[] | undefined;
  readonly fieldMap: readonly { readonly field: string; readonly name: string }[];
  /** Keep the fields of the map alone. */
  readonly fieldMapStrict: boolean;
  /** Names that no map gives are put in lower case, without leading underscores. */
  readonly lowercase: boolean;
  readonly addFields: readonly { readonly name: string; readonly value: string }[];
}

export interface StdoutSettings extends DestinationBase {
  readonly kind: 'stdout';
}

export interface SyslogStreamSettings extends DestinationBase {
  readonly kind: 'syslog-stream';
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly framing: 'octet-counting' | 'lf';
  /** Undefined for no TLS. */
  readonly tls: TlsSettings | undefined;
  /** How long a send queue must have been empty before what was sent counts as received. */
  readonly confirmAfterMs: number;
  /** How many later bytes the peer's kernel must have acknowledged, where the queue is never empty. */
  readonly confirmBytes: number;
}

export interface SyslogDatagramSettings extends DestinationBase {
  readonly kind: 'syslog-datagram';
  readonly address: { readonly host: string; readonly port: number };
}

export interface RelpSettings extends DestinationBase {
  readonly kind: 'relp';
  readonly address: { readonly host: string; readonly port: number };
  /** Undefined for no TLS. */
  readonly tls: TlsSettings | undefined;
}

export interface HttpSettings extends DestinationBase {
  readonly kind: 'http';
  readonly scheme: 'http' | 'https';
  readonly address: { readonly host: string; readonly port: number };
  /** From its first slash on, as it was written. */
  readonly path: string;
  /** The server's own, without its question mark, as it was written; empty for none. It may hold a secret. */
  readonly query: SecretText;
  /** A JSON object on each line, or all of them in one array. */
  readonly body: 'ndjson' | 'array';
  readonly compress: 'gzip' | 'none';
  readonly batchMessages: number;
  readonly batchBytes: number;
  readonly maxAgeMs: number;
  readonly inFlight: number;
  readonly timeoutMs: number;
  readonly headers: readonly HeaderSettings[];
  readonly credentials: HttpCredentialSettings | undefined;
  /** Undefined for http. */
  readonly tls: TlsSettings | undefined;
}

export interface HeaderSettings {
  readonly name: string;
  readonly value: SecretSettings;
}

export type HttpCredentialSettings = { readonly token: SecretSettings } | { readonly user: string; readonly password: SecretSettings };

export interface LogentriesSettings extends DestinationBase {
  readonly kind: 'logentries';
  readonly address: { readonly host: string; readonly port: number };
  /** Undefined for no TLS. */
  readonly tls: TlsSettings | undefined;
  readonly token: SecretSettings;
  readonly confirmAfterMs: number;
  readonly confirmBytes: number;
}

export interface CloudWatchSettings extends DestinationBase {
  readonly kind: 'cloudwatch';
  readonly group: string;
  readonly stream: Template;
  /** Undefined for what the environment, the AWS profile or the instance says. */
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  /** Whether to create the group where it is missing. */
  readonly create: boolean;
  readonly retentionDays: number | undefined;
  /** The largest event, its overhead of 26 bytes included. */
  readonly eventBytes: number;
  /** How long a batch may wait to become full. */
  readonly maxAgeMs: number;
}

export interface StateSettings {
  readonly directory: string;
  /** False for `--no-checkpoint`, implied by `--from stdin` and by `stdout:` unless `--state-dir` is given. */
  readonly checkpoint: boolean;
  readonly resetCheckpoint: boolean;
}

export interface LogSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'text' | 'json';
}
