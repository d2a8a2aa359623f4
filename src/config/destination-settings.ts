import { booleans, readBoolean } from './scalars.js';
import { cloudwatchRows } from './setting-rows/cloudwatch.js';
import { connectionRows } from './setting-rows/connection.js';
import { messageRows } from './setting-rows/message.js';
import { requestRows } from './setting-rows/requests.js';
import { everywhere } from './setting-rows/row.js';
import type { SettingRow } from './setting-rows/row.js';
import { invalid } from './written.js';
import type { Written } from './written.js';

/** All settings of destinations, in the order in which they are documented. */
export const destinationSettings = {
  ...messageRows,
  ...connectionRows,
  ...requestRows,
  ...cloudwatchRows,
  tls: {
    argument: 'BOOLEAN', schemes: ['logentries'], default: 'true, but for ports 80, 514 and 10000',
    help: 'Whether Logentries is spoken to over TLS.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'tls'),
  },
  name: {
    argument: 'NAME', schemes: everywhere, default: 'scheme, host, port and path (or group), as in tcp-loghost-514',
    help: 'Under which the checkpoint is kept.',
    read: readDestinationName,
  },
} as const satisfies Record<string, SettingRow>;

export type SettingName = keyof typeof destinationSettings;
export type SettingValue<K extends SettingName> = ReturnType<(typeof destinationSettings)[K]['read']>;

export function settingRow(name: SettingName): SettingRow {
  return destinationSettings[name];
}

/** A destination's name, which is part of a file's name. */
function readDestinationName(written: Written): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(written.text)) {
    throw invalid(written, 'name has 1 to 128 letters, digits, ".", "_" or "-", and no "." at its beginning');
  }
  // NAME.previous.json is the predecessor of NAME.json, and NAME.HEX.own its lock: two states would share a file.
  if (written.text.endsWith('.previous')) throw invalid(written, 'a name must not end in ".previous", which is kept for a checkpoint\'s predecessor; choose another');
  return written.text;
}
