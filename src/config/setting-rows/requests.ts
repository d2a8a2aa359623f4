import { readHeaderText, readUser } from '../headers.js';
import { readChoice, readInteger } from '../scalars.js';
import { readSecretFile, readSecretText, readVariableName } from '../secret.js';
import type { Written } from '../written.js';
import { web } from './row.js';
import type { SettingRow } from './row.js';

const codings = ['gzip', 'none'] as const;
const bearers = [...web, 'logentries'] as const;

/** How HTTP requests are made, and with which headers and credentials; Logentries has a token, too. */
export const requestRows = {
  compress: {
    argument: 'CODING', schemes: web, default: 'none',
    help: 'How bodies are compressed: gzip or none.',
    choices: () => codings,
    read: (written: Written) => readChoice(written, 'compress is', codings),
  },
  batchMessages: {
    argument: 'N', schemes: web, default: '10000',
    help: 'The most entries in one request.',
    read: (written: Written) => readInteger(written, 'batchMessages', 1, 100_000),
  },
  batchBytes: {
    argument: 'BYTES', schemes: web, default: '1000000',
    help: 'The largest body of one request before it is compressed; a larger entry is sent alone.',
    read: (written: Written) => readInteger(written, 'batchBytes', 1024, 67_108_864),
  },
  maxAgeMs: {
    argument: 'MS', schemes: [...web, 'cloudwatch'], default: '20, and 1000 for cloudwatch:',
    help: 'How long an entry may wait for others to be sent with.',
    read: (written: Written) => readInteger(written, 'maxAgeMs', 0, 3_600_000),
  },
  inFlight: {
    argument: 'N', schemes: web, default: '1',
    help: 'How many requests may be under way at a time; with more than one, they may arrive in another order.',
    read: (written: Written) => readInteger(written, 'inFlight', 1, 64),
  },
  timeoutMs: {
    argument: 'MS', schemes: web, default: '60000',
    help: 'How long one request may take, its answer included, before it is given up and sent again.',
    read: (written: Written) => readInteger(written, 'timeoutMs', 100, 3_600_000),
  },
  header: {
    argument: 'VALUE', schemes: web, default: 'none', isKeyed: true, isSecret: true,
    help: 'A header of every request, as in header.X-Scope-OrgID=tenant; repeatable, with different names.',
    read: readHeaderText,
  },
  headerFile: {
    argument: 'FILE', schemes: web, default: 'none', isKeyed: true,
    help: 'The same, and the value stands in a file: its absolute path, or a name in $CREDENTIALS_DIRECTORY.',
    read: (written: Written) => readSecretFile(written, 'headerFile'),
  },
  headerEnv: {
    argument: 'VARIABLE', schemes: web, default: 'none', isKeyed: true,
    help: 'The same, and the value stands in an environment variable.',
    read: (written: Written) => readVariableName(written, 'headerEnv'),
  },
  token: {
    argument: 'TOKEN', schemes: bearers, default: '$LOGENTRIES_TOKEN for logentries:, else none', isSecret: true,
    help: 'A bearer token (RFC 6750), or the token of a log of Rapid7\'s; in a file of settings or an environment variable alone.',
    read: (written: Written) => readSecretText(written, 'token'),
  },
  tokenFile: {
    argument: 'FILE', schemes: bearers, default: 'none',
    help: 'The file that holds the token: its absolute path, or a name in $CREDENTIALS_DIRECTORY. It is read again for every request.',
    read: (written: Written) => readSecretFile(written, 'tokenFile'),
  },
  tokenEnv: {
    argument: 'VARIABLE', schemes: bearers, default: 'none',
    help: 'The environment variable that holds the token.',
    read: (written: Written) => readVariableName(written, 'tokenEnv'),
  },
  user: {
    argument: 'NAME', schemes: web, default: 'none',
    help: 'The user of basic authentication (RFC 7617), which needs a password too.',
    read: readUser,
  },
  password: {
    argument: 'PASSWORD', schemes: web, default: 'none', isSecret: true,
    help: 'Its password, in a file of settings or an environment variable alone.',
    read: (written: Written) => readSecretText(written, 'password'),
  },
  passwordFile: {
    argument: 'FILE', schemes: web, default: 'none',
    help: 'The file that holds the password: its absolute path, or a name in $CREDENTIALS_DIRECTORY. It is read again for every request.',
    read: (written: Written) => readSecretFile(written, 'passwordFile'),
  },
  passwordEnv: {
    argument: 'VARIABLE', schemes: web, default: 'none',
    help: 'The environment variable that holds the password.',
    read: (written: Written) => readVariableName(written, 'passwordEnv'),
  },
} as const satisfies Record<string, SettingRow>;
