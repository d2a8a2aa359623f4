import { existsSync } from 'node:fs';
import { type ReceivedMessage, SyslogDaemon, type TlsInputs, microseconds } from './syslog-daemon.js';

export interface RsyslogOptions {
  /** rsyslog's own default of 8 KiB splits longer frames; here 64 KiB. */
  readonly maxMessageBytes?: number;
  /** rsyslog's default queue is kept in memory; `Direct` stores a message before it is acknowledged. */
  readonly queue?: 'Direct' | 'FixedArray';
  /** Whether there is an input for RELP too, `port('relp')`. */
  readonly relp?: boolean;
  /** An input for RELP over TLS, `port('relps')`, for clients whose certificate bears the name; the rest are paths of PEM files. */
  readonly relps?: { readonly ca: string; readonly cert: string; readonly key: string; readonly client: string; readonly library: 'gnutls' | 'openssl' };
  /** A port of 127.0.0.1 to which everything is passed on over RELP, as it came. */
  readonly relpTo?: number;
  /** Further inputs, over TLS by GnuTLS (`gtls`) or OpenSSL (`ossl`). */
  readonly tls?: TlsInputs & { readonly driver: 'gtls' | 'ossl' };
}

/**
 * A real rsyslogd with UDP, TCP that takes octet counting and LF on one port, and RELP where it is asked for. Set up to keep control characters,
 * and the slash in the program name of an RFC 3164 message: by default it escapes the ones and cuts at the other.
 */
export async function startRsyslog(options: RsyslogOptions = {}): Promise<SyslogDaemon> {
  if (!existsSync(program)) throw new Error(`${program} is missing: install the Debian package rsyslog.`);
  const { relp = false, relps, relpTo, tls } = options;
  return SyslogDaemon.start({
    name: 'rsyslog',
    sockets: {
      udp: 'udp', tcp: 'tcp', ...(relp && { relp: 'tcp' as const }), ...(relps && { relps: 'tcp' as const }),
      ...Object.fromEntries(Object.keys(tls?.inputs ?? {}).map((name) => [name, 'tcp' as const])),
    },
    socketOf: { udp: 'udp', 'octet-counting': 'tcp', lf: 'tcp' },
    config: (ports, output, folder) => `
      global(workDirectory="${folder}" maxMessageSize="${options.maxMessageBytes ?? 65536}"
        parser.escapeControlCharactersOnReceive="off" parser.permitSlashInProgramName="on" processInternalMessages="on")
      main_queue(queue.type="${options.queue ?? 'FixedArray'}")
      module(load="imudp")
      module(load="imtcp")
      template(name="received" type="list" option.jsonf="on") {
        ${Object.entries(properties).map(([name, property]) => `property(outname="${name}" name="${property}" format="jsonf")`).join('\n')}
        property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
      }
      ${relpTo === undefined ? '' : 'module(load="omrelp") template(name="as-it-came" type="string" string="%rawmsg%")'}
      ruleset(name="store" queue.type="${options.queue ?? 'Direct'}") {
        action(type="omfile" file="${output}" template="received" asyncWriting="off" flushOnTXEnd="on")
        ${relpTo === undefined ? '' : `action(type="omrelp" target="127.0.0.1" port="${relpTo}" template="as-it-came")`}
      }
      input(type="imudp" address="127.0.0.1" port="${ports['udp']}" name="udp" ruleset="store")
      input(type="imtcp" address="127.0.0.1" port="${ports['tcp']}" name="tcp" ruleset="store" maxFrameSize="200000000")
      ${relp ? `module(load="imrelp") input(type="imrelp" address="127.0.0.1" port="${ports['relp']}" name="relp" ruleset="store")` : ''}
      ${relps ? `module(load="imrelp" tls.tlslib="${relps.library}") input(type="imrelp" address="127.0.0.1" port="${ports['relps']}" name="relps" ruleset="store"
        tls="on" tls.cacert="${relps.ca}" tls.mycert="${relps.cert}" tls.myprivkey="${relps.key}" tls.authmode="name" tls.permittedpeer=["${relps.client}"])` : ''}
      ${tls === undefined ? '' : tlsInputs(tls, ports)}
      if $inputname == "internal" and $syslogseverity <= 3 then action(type="omfile" file="/dev/stderr")
    `,
    command: (configFile, folder) => ({ program, args: ['-n', '-iNONE', '-f', configFile], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder } }),
    parse,
  });
}

function tlsInputs({ driver, ca, inputs }: NonNullable<RsyslogOptions['tls']>, ports: Readonly<Record<string, number>>): string {
  return Object.entries(inputs).map(([name, { cert, key }]) => `
      input(type="imtcp" address="127.0.0.1" port="${ports[name]}" name="${name}" ruleset="store" maxFrameSize="200000000"
        streamDriver.name="${driver}" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"
        streamDriver.CAFile="${ca}" streamDriver.CertFile="${cert}" streamDriver.KeyFile="${key}")`).join('');
}

const program = '/usr/sbin/rsyslogd';

const properties = {
  input: 'inputname',
  facility: 'syslogfacility',
  severity: 'syslogseverity',
  host: 'hostname',
  app: 'app-name',
  pid: 'procid',
  messageId: 'msgid',
  structuredData: 'structured-data',
  version: 'protocol-version',
  message: 'msg',
  raw: 'rawmsg',
};

/** rsyslog writes the bytes of a message as they came, so its JSON may not be valid UTF-8. */
function parse(line: Buffer): ReceivedMessage {
  const values = JSON.parse(line.toString('latin1')) as Readonly<Record<keyof typeof properties | 'time', string>>;
  const text = (value: string) => Buffer.from(value, 'latin1').toString('utf8');
  // The space after the tag of RFC 3164 belongs to rsyslog's message.
  const message = values.version === '1' ? values.message : values.message.replace(/^ /, '');
  return {
    input: values.input,
    facility: Number(values.facility),
    severity: Number(values.severity),
    timestamp: microseconds(values.time),
    host: text(values.host),
    app: text(values.app),
    pid: text(values.pid),
    messageId: text(values.messageId),
    structuredData: text(values.structuredData),
    bytes: Buffer.from(message, 'latin1'),
    text: text(message),
    raw: Buffer.from(values.raw, 'latin1'),
  };
}
