import type { SecretSettings } from '../core/secret.js';
import { readHostPort, showHostPort, type HostPort } from './address.js';
import type { GivenSettings } from './given-settings.js';
import type { LogentriesSettings } from './settings.js';
import { readSecret } from './secret.js';
import { readTls } from './tls.js';
import { invalid } from './written.js';
import type { Written } from './written.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where Rapid7 takes lines without TLS. */
const PLAIN_PORTS = [80, 514, 10_000];
const TLS_PORT = 443;
/** Where Logentries itself was, before there were regions. */
const REGION = 'eu';

/** What `logentries:` or `logentries://HOST[:PORT]` says, before its settings. `environment` has what journal-2-logentries was told by. */
export function readLogentriesAddress(written: Written, rest: string, environment: Environment): HostPort | undefined {
  if (rest !== '') return readHostPort(written, 'logentries', rest, { byDefault: TLS_PORT });
  const text = environment['LOGENTRIES_URL']?.trim() ?? '';
  if (text === '') return undefined;
  const fromEnvironment = { text, where: 'LOGENTRIES_URL', shown: text.includes('@') ? '…' : text.replace(/[?#].*/s, '') };
  if (text.includes('/')) throw invalid(fromEnvironment, 'write HOST:PORT, for example eu.data.logs.insight.rapid7.com:443');
  return readHostPort(fromEnvironment, 'logentries', `//${text}`, { byDefault: TLS_PORT });
}

/** The address, the way of speaking to it and the token. Throws the sentence for settings that do not fit together. */
export function readLogentries(given: GivenSettings, address: HostPort | undefined): Pick<LogentriesSettings, 'label' | 'address' | 'tls' | 'token'> {
  const region = given.get('region');
  if (region !== undefined && address !== undefined) throw given.refuse('region', 'the host is named already, in the URL or by LOGENTRIES_URL; leave out one of the two');
  const there = address ?? { host: `${region ?? REGION}.data.logs.insight.rapid7.com`, port: TLS_PORT };
  const isSecured = given.get('tls') ?? !PLAIN_PORTS.includes(there.port);
  if (!isSecured) {
    const needless = [...given.names()].find((name) => ['ca', 'cert', 'key', 'serverName', 'insecure'].includes(name));
    if (needless !== undefined) throw given.refuse(needless, `there is no TLS ${given.get('tls') === false ? 'with tls=false' : `at port ${there.port} unless tls=true says so`}; leave it out`);
  }
  return {
    label: `logentries://${showHostPort(there)}`,
    address: there,
    tls: isSecured ? readTls(given) : undefined,
    token: readSecret(given, 'token') ?? BY_VARIABLE,
  };
}

const BY_VARIABLE: SecretSettings = { setting: 'token', from: { variable: 'LOGENTRIES_TOKEN' } };
