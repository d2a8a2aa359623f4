import { randomUUID } from 'node:crypto';
import type { DestinationSettings, HttpSettings, JsonSettings, StdoutSettings } from './config/settings.js';
import type { Encoder } from './core/encoder.js';
import type { Logger } from './core/logger.js';
import type { Framing, Sink } from './core/sink.js';
import type { TlsIdentity, TlsMemory, TlsSettings } from './core/tls.js';
import { createEncoder, type FieldSelection } from './encoders/index.js';
import type { StdoutSinkOptions } from './sinks/stdout.js';

/** What a destination may touch that is not stdout. */
export interface RemoteSurroundings {
  readonly logger: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly tlsMemory: TlsMemory;
  /** True where cursors begin anew with each run, as those of standard input do. */
  readonly cursorsBeginAnew?: boolean;
}

/** What a sink may touch. */
export interface SinkSurroundings extends RemoteSurroundings {
  readonly stdout: StdoutSinkOptions;
}

/**
 * The sink that a destination's settings ask for. Opens no connection yet, and loads the code of that kind of sink
 * alone. Rejects with a SettingError for a file that cannot be used.
 */
export async function createSink(settings: DestinationSettings, { stdout, ...surroundings }: SinkSurroundings): Promise<Sink> {
  if (settings.kind !== 'stdout') return createRemoteSink(settings, surroundings);
  const { createStdoutSink } = await import('./sinks/stdout.js');
  return createStdoutSink(stdout);
}

/** What tries a destination without sending it a message; undefined for one that needs no trial. */
export async function probeOf(settings: DestinationSettings, surroundings: RemoteSurroundings): Promise<((signal: AbortSignal) => Promise<string | undefined>) | undefined> {
  if (settings.kind === 'stdout') return undefined;
  const sink = await createRemoteSink(settings, surroundings);
  return (signal) => sink.probe(signal);
}

/** Whom TLS trusts and as whom, for a destination or a source by that label. Rejects with a SettingError for a file that cannot be used. */
export async function tlsIdentityOf(settings: TlsSettings, label: string, { logger, environment, tlsMemory: memory }: RemoteSurroundings): Promise<TlsIdentity> {
  const { openTlsIdentity } = await import('./tls/identity.js');
  return openTlsIdentity(settings, { label, environment, logger, memory });
}

async function createRemoteSink(settings: Exclude<DestinationSettings, StdoutSettings>, surroundings: RemoteSurroundings): Promise<Sink> {
  switch (settings.kind) {
    case 'syslog-stream': {
      const { createSyslogStreamSink } = await import('./sinks/syslog-stream.js');
      const { label } = settings;
      const tls = settings.tls && (await tlsIdentityOf(settings.tls, label, surroundings));
      return createSyslogStreamSink({ ...settings, tls, logger: prefixed(surroundings.logger, label) });
    }
    case 'relp': {
      const { createRelpSink } = await import('./sinks/relp/relp.js');
      const { label } = settings;
      const tls = settings.tls && (await tlsIdentityOf(settings.tls, label, surroundings));
      return createRelpSink({ ...settings, tls, logger: prefixed(surroundings.logger, label) });
    }
    case 'logentries': {
      const [{ createLogentriesSink, checkedToken }, { createSyslogStreamSink }, { openSecret }] = await Promise.all([import('./sinks/logentries.js'), import('./sinks/syslog-stream.js'), import('./secrets/secret.js')]);
      const { label, address, confirmAfterMs, confirmBytes } = settings;
      const token = await openSecret(settings.token, surroundings.environment);
      checkedToken(await token.read());
      const tls = settings.tls && (await tlsIdentityOf(settings.tls, label, surroundings));
      return createLogentriesSink({ token, stream: createSyslogStreamSink({ address, framing: 'lf', tls, confirmAfterMs, confirmBytes, logger: prefixed(surroundings.logger, label) }) });
    }
    case 'syslog-datagram': {
      const { createSyslogDatagramSink } = await import('./sinks/syslog-datagram.js');
      return createSyslogDatagramSink(settings);
    }
    case 'http':
      return createHttpSinkOf(settings, surroundings);
    case 'cloudwatch': {
      const [{ createCloudWatchSink }, { readProxy }] = await Promise.all([import('./sinks/cloudwatch/index.js'), import('./sinks/http-proxy.js')]);
      // It reads this itself with each request; a value that is no proxy is better told at the start.
      readProxy(/^http:/i.test(settings.endpoint ?? '') ? 'http' : 'https', surroundings.environment);
      return createCloudWatchSink({ ...settings, environment: surroundings.environment, logger: prefixed(surroundings.logger, settings.label) });
    }
  }
}

async function createHttpSinkOf(settings: HttpSettings, surroundings: RemoteSurroundings): Promise<Sink> {
  const { environment, cursorsBeginAnew = false, logger } = surroundings;
  const [{ createHttpSink, readHeaders }, { readProxy }, { openSecret }] = await Promise.all([import('./sinks/http.js'), import('./sinks/http-proxy.js'), import('./secrets/secret.js')]);
  const { credentials, scheme, label } = settings;
  const headers = await Promise.all(settings.headers.map(async ({ name, value }) => ({ name, value: await openSecret(value, environment) })));
  const opened = credentials && ('token' in credentials ? { token: await openSecret(credentials.token, environment) } : { user: credentials.user, password: await openSecret(credentials.password, environment) });
  // What no header can hold is better told at the start.
  await readHeaders({ headers, credentials: opened });
  return createHttpSink({
    ...settings,
    headers,
    credentials: opened,
    proxy: readProxy(scheme, environment),
    tls: settings.tls && (await tlsIdentityOf(settings.tls, label, surroundings)),
    origin: cursorsBeginAnew ? `${label} ${randomUUID()}` : label,
    logger: prefixed(logger, label),
  });
}

/** The encoder for a destination whose messages are framed so: no frame becomes larger than its settings allow. */
export function encoderFor({ kind, encoding }: DestinationSettings, framing: Framing): Encoder {
  const { format, maxBytes, structuredData, appName, hostname, facility, bom, json } = encoding;
  const maxMessageBytes = maxBytes === undefined ? undefined : maxBytes - frameBytes(framing, maxBytes);
  return createEncoder(format, { maxMessageBytes, singleLine: framing === 'lf', ...(kind === 'logentries' ? { lineFeed: '\u2028' } : {}), structuredData, appName, hostname, facility, bom, selection: json && selectionOf(json) });
}

function selectionOf({ fields, fieldMap, fieldMapStrict, lowercase, addFields }: JsonSettings): FieldSelection {
  return { fields, map: fieldMap, mapOnly: fieldMapStrict, lowercase, added: addFields };
}

/** How many of a frame's bytes at most are not the message's. */
function frameBytes(framing: Framing, maxBytes: number): number {
  switch (framing) {
    case 'octet-counting':
      return String(maxBytes).length + 1;
    case 'lf':
      return 1;
    case 'none':
      return 0;
  }
}

function prefixed(logger: Logger, label: string): Logger {
  return {
    debug: (message, fields) => { logger.debug(`${label}: ${message}`, fields); },
    info: (message, fields) => { logger.info(`${label}: ${message}`, fields); },
    warn: (message, fields) => { logger.warn(`${label}: ${message}`, fields); },
    error: (message, fields) => { logger.error(`${label}: ${message}`, fields); },
  };
}
