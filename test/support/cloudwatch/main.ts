/**
 * A strict local CloudWatch Logs, for trying things out:
 *
 *   npm run cloudwatch-local -- --port 4586 [--host 127.0.0.1] [--region eu-central-1] [--event-limit 262144]
 *                               [--fault '{"kind":"throttle","every":5}']… [--quiet]
 *
 * Keys: `test` / `test`. Faults are those of `faults.ts`; more can be told while it runs, see `control.ts`.
 */
import { parseArgs } from 'node:util';
import { controlPath } from './control.js';
import { faultSchema } from './faults.js';
import { LocalCloudWatch } from './local-cloudwatch.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4586' },
    host: { type: 'string', default: '127.0.0.1' },
    region: { type: 'string' },
    'event-limit': { type: 'string', default: '1048576' },
    fault: { type: 'string', multiple: true, default: [] },
    quiet: { type: 'boolean', default: false },
  },
});

const cloudWatch = await LocalCloudWatch.listen({
  host: values.host,
  port: Number(values.port),
  limits: { eventBytes: Number(values['event-limit']) },
  ...(values.region === undefined ? {} : { region: values.region }),
  ...(values.quiet ? {} : { onRequest: ({ action, outcome, message = '' }) => console.log(`${action} ${outcome}${message === '' ? '' : `: ${message.split('\n', 1)[0]}`}`) }),
});
for (const fault of values.fault) cloudWatch.faults.add(faultSchema.parse(JSON.parse(fault)));

const region = values.region ?? 'eu-central-1';
console.log(`CloudWatch Logs listens on ${cloudWatch.url}; its keys are test / test.

  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=${region} AWS_DEFAULT_REGION=${region}
  journald-forwarder --to 'cloudwatch:demo?stream={hostname}&create=true&endpoint=${cloudWatch.url}'
  aws --endpoint-url ${cloudWatch.url} logs tail demo --follow
  curl ${cloudWatch.url}${controlPath}
  curl ${cloudWatch.url}${controlPath}/faults -d '{"kind":"throttle","times":10}'
`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cloudWatch.close());
