import { type Contestant } from './contestant.js';

/** The one to which all others are compared: nothing that reads through journalctl can be faster. */
export const floorName = 'journalctl -o export';

/** Fields that suffice for syslog. */
const fewFields = 'MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,SYSLOG_FACILITY,_HOSTNAME,_PID,_SYSTEMD_UNIT';

/** journalctl alone, its output thrown away. */
export const floors: readonly Contestant[] = [
  floor(floorName, ['-o', 'export']),
  floor('journalctl -o json', ['-o', 'json']),
  floor('journalctl -o json, 7 fields', ['-o', 'json', `--output-fields=${fewFields}`]),
];

function floor(name: string, args: readonly string[]): Contestant {
  return { name, kind: 'floor', prepare: () => ({ program: 'journalctl', args: ['--no-pager', '--quiet', ...args] }) };
}
