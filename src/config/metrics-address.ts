import { isIPv6 } from 'node:net';
import type { HostPort } from './address.js';
import { invalid } from './written.js';
import type { Written } from './written.js';

/** The `HOST:PORT` of `--metrics`. Port 0 lets the kernel choose one. */
export function readMetricsAddress(written: Written): HostPort {
  const [, bracketed, name, portText] = /^(?:\[([^\]]*)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(written.text) ?? [];
  const port = Number(portText);
  if (portText === undefined || (bracketed !== undefined && !isIPv6(bracketed)) || port > 65_535) throw invalid(written, 'write HOST:PORT, for example 127.0.0.1:9619 or [::1]:9619');
  const host = bracketed ?? name ?? '';
  if (host === '') throw invalid(written, 'a host is needed before the port: 127.0.0.1 for this machine alone, 0.0.0.0 for every address that it has');
  return { host, port };
}
