import type { Format } from '../settings.js';
import type { Written } from '../written.js';

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

/** Schemes that have settings in common. */
export const syslog = ['stdout', 'tcp', 'tls', 'udp', 'unix', 'relp', 'relps'] as const;
export const streams = ['tcp', 'tls', 'unix'] as const;
export const web = ['http', 'https'] as const;
export const framed = [...syslog, ...web, 'logentries'] as const;
export const everywhere = [...framed, 'cloudwatch'] as const;
