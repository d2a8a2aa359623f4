import { booleans, readBoolean, readInteger } from '../scalars.js';
import { readTemplate } from '../template.js';
import { anyOf, invalid } from '../written.js';
import type { Written } from '../written.js';
import type { SettingRow } from './row.js';

const cloudwatch = ['cloudwatch'] as const;

/** Where in CloudWatch Logs events go, and how long they stay there. */
export const cloudwatchRows = {
  stream: {
    argument: 'TEMPLATE', schemes: cloudwatch, default: '{hostname}',
    help: 'The log stream of each entry: text with {hostname}, {unit}, {identifier}, {machineId}, {bootId}, {priority}, {transport}, {pod}, {namespace}, {container}, any {FIELD}, or {date:%Y-%m-%d}; what an entry lacks becomes unknown.',
    read: (written: Written) => readTemplate(written, 'stream'),
  },
  region: {
    argument: 'REGION', schemes: ['cloudwatch', 'logentries'], default: 'for cloudwatch: AWS_REGION, else AWS_DEFAULT_REGION, else the AWS profile\'s, else the instance\'s own; for logentries: eu',
    help: 'The region of AWS, or of Rapid7 (eu, us, us2, us3, ca, au, ap and so on).',
    read: (written: Written) => readMatching(written, /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'region is the short name of one, for example eu-central-1 of AWS or eu of Rapid7'),
  },
  endpoint: {
    argument: 'URL', schemes: cloudwatch, default: 'the region\'s own',
    help: 'Where requests go in place of the region\'s public address, for example a VPC endpoint.',
    read: readEndpoint,
  },
  create: {
    argument: 'BOOLEAN', schemes: cloudwatch, default: 'false',
    help: 'Create the log group where it is missing; a missing log stream is always created.',
    choices: () => booleans,
    read: (written: Written) => readBoolean(written, 'create'),
  },
  retentionDays: {
    argument: 'DAYS', schemes: cloudwatch, default: 'for ever; of a group that exists, what it has',
    help: 'For how many days a log group that is created keeps events; older entries are left out.',
    choices: () => retentionDays.map(String),
    read: readRetentionDays,
  },
  eventBytes: {
    argument: 'BYTES', schemes: cloudwatch, default: '1048576',
    help: 'The largest event, with 26 bytes that each counts beyond its message; a longer message is sent as several events.',
    read: (written: Written) => readInteger(written, 'eventBytes', 1024, 1_048_576),
  },
} as const satisfies Record<string, SettingRow>;

function readMatching(written: Written, pattern: RegExp, mend: string): string {
  if (!pattern.test(written.text)) throw invalid(written, mend);
  return written.text;
}

function readEndpoint(written: Written): string {
  const example = 'endpoint is a URL such as https://vpce-1a2b.logs.eu-central-1.vpce.amazonaws.com';
  const url = URL.canParse(written.text) ? new URL(written.text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid(written, example);
  if (url.username !== '' || url.password !== '') throw invalid({ ...written, shown: 'endpoint=…' }, 'endpoint holds no user or password; credentials come from the environment, a profile or a role');
  if (url.search !== '' || url.hash !== '') throw invalid(written, example);
  return url.href.replace(/\/$/, '');
}

/** What PutRetentionPolicy takes (CloudWatch Logs API Reference). */
const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

function readRetentionDays(written: Written): number {
  const days = readInteger(written, 'retentionDays', 1, 3653);
  if (!retentionDays.includes(days)) throw invalid(written, `CloudWatch keeps events for ${anyOf(retentionDays.map(String))} days`);
  return days;
}
