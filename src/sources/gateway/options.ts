import type { JournalReaderOptions } from '../../core/reader-options.js';
import type { TlsIdentity } from '../../core/tls.js';
import type { Watch } from '../journalctl/live.js';
import type { Malformed } from './answer-entries.js';
import type { GatewayAddress } from './client.js';

export interface GatewaySourceOptions extends JournalReaderOptions {
  /** The gateway as it may be shown. */
  readonly label: string;
  readonly address: GatewayAddress;
  /** Present for TLS. */
  readonly tls?: TlsIdentity | undefined;
  /** `FIELD=VALUE` as the gateway joins them (`matchesFor`): entries that they leave out are not given. */
  readonly matches: readonly string[];
  /** Told of what the gateway gives twice in place of an entry and is none, and awaited before reading goes on behind it. */
  readonly onMalformed?: ((malformed: Malformed, signal: AbortSignal) => Promise<void>) | undefined;
  readonly timing?: Partial<GatewayTiming>;
}

export interface GatewayTiming extends Pick<Watch, 'silentMs' | 'graceMs'> {
  /** How long an answer may take to begin; a question beside the reading, to end. */
  readonly answerMs: number;
  /** An answer that nobody pulled for so long is closed: the gateway would lose entries in silence if a vacuum ran meanwhile. */
  readonly stalledMs: number;
  /** How long to wait, behind an entry that a filter lets through, for others to come with it. */
  readonly gatherMs: number;
  readonly longestPauseMs: number;
}

export const TIMING: GatewayTiming = { answerMs: 30_000, stalledMs: 30_000, silentMs: 30_000, graceMs: 2000, gatherMs: 250, longestPauseMs: 30_000 };
