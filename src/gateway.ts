import type { GatewaySettings } from './config/gateway.js';
import type { FilterSettings } from './config/settings.js';
import type { TlsIdentity } from './core/tls.js';
import { tlsIdentityOf, type RemoteSurroundings } from './destinations.js';
import type { GatewayAddress } from './sources/gateway/index.js';

/** What a source needs to know of the gateway that it reads. */
export interface Gateway {
  readonly label: string;
  readonly address: GatewayAddress;
  readonly tls: TlsIdentity | undefined;
  /** The part of the filter that it does. All of it is still to be done by whoever reads. */
  readonly matches: readonly string[];
}

/** Makes ready what `--from gateway:` names; connects to nothing yet. Rejects with a SettingError for a certificate that cannot be used. */
export async function openGateway({ label, address, tls }: GatewaySettings, filter: FilterSettings, surroundings: RemoteSurroundings): Promise<Gateway> {
  const { matchesFor } = await import('./sources/gateway/index.js');
  return { label, address, matches: matchesFor(filter), tls: tls === undefined ? undefined : await tlsIdentityOf(tls, label, surroundings) };
}
