import type { TlsIdentity } from '../../core/tls.js';
import { GatewayClient, GatewayFault, type GatewayAddress } from './client.js';
import { Inquiry } from './inquiry.js';

/** Whether a gateway answers, and what its newest entry is: for `check`. Resolves to why not, as one clause, where it does not. */
export async function describeGateway(
  options: { readonly address: GatewayAddress; readonly tls?: TlsIdentity | undefined; readonly matches: readonly string[] },
  signal: AbortSignal,
  answerMs = 10_000,
): Promise<{ readonly newestUs: number | undefined } | { readonly fault: string }> {
  try {
    const newest = await new Inquiry(new GatewayClient({ ...options, answerMs }), answerMs).newest(options.matches, signal);
    return { newestUs: newest?.timestamp };
  } catch (error) {
    if (error instanceof GatewayFault) return { fault: error.message };
    throw error;
  }
}
