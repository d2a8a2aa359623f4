import { booleans, readBoolean, readInteger } from '../scalars.js';
import { readFileName, readServerName } from '../tls.js';
import type { Written } from '../written.js';
import { streams } from './row.js';
import type { SettingRow } from './row.js';

const confirmed = [...streams, 'logentries'] as const;
const secured = ['tls', 'relps', 'https', 'logentries'] as const;

/** What counts as received where no receiver says so, and whom a TLS connection trusts. */
export const connectionRows = {
  confirmAfterMs: {
    argument: 'MS', schemes: confirmed, default: '1000',
    help: 'How long a send queue must have been empty before what was sent counts as received.',
    read: (written: Written) => readInteger(written, 'confirmAfterMs', 0, 3_600_000),
  },
  confirmBytes: {
    argument: 'BYTES', schemes: confirmed, default: '8388608',
    help: 'How many later bytes the receiver\'s kernel must have acknowledged before earlier ones count as received, where the queue is never empty.',
    read: (written: Written) => readInteger(written, 'confirmBytes', 1, 1_073_741_824),
  },
  ca: {
    argument: 'FILE', schemes: secured, default: 'the system\'s',
    help: 'The authorities that a server\'s certificate must come from: a PEM file, by its absolute path or by its name in $CREDENTIALS_DIRECTORY.',
    read: (written: Written) => readFileName(written, 'ca'),
  },
  cert: {
    argument: 'FILE', schemes: secured, default: 'none',
    help: 'The client certificate, its chain behind it: a file as with ca. Needs key.',
    read: (written: Written) => readFileName(written, 'cert'),
  },
  key: {
    argument: 'FILE', schemes: secured, default: 'none',
    help: 'The key of the client certificate, not encrypted: a file as with ca.',
    read: (written: Written) => readFileName(written, 'key'),
  },
  serverName: {
    argument: 'NAME', schemes: secured, default: 'the host of the URL',
    help: 'The name or address that the server\'s certificate must bear.',
    read: readServerName,
  },
  insecure: {
    argument: 'BOOLEAN', schemes: secured, default: 'false',
    help: 'Take any certificate of a server\'s, so that whoever answers can read what is sent; each start warns of it.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'insecure'),
  },
} as const satisfies Record<string, SettingRow>;
