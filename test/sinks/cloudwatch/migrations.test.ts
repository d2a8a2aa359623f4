import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CloudWatchSettings } from '../../../src/config/settings.js';
import { encoderFor } from '../../../src/destinations.js';
import { Route } from '../../../src/pipeline/route.js';
import { createCloudWatchSink } from '../../../src/sinks/cloudwatch/index.js';
import { loadedFrom } from '../../config/settings-of.js';
import { LocalCloudWatch } from '../../support/cloudwatch/local-cloudwatch.js';
import { entryOf } from '../../support/entry.js';
import { cursorOf, FakeSource } from '../../support/fake-source.js';
import { MemoryCheckpoints, MemoryDeadLetters } from '../../support/fake-stores.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { keysOf, restoreEnvironment } from './aws-environment.js';

const timeMs = 1604430000000;

interface Example {
  readonly title: string;
  readonly argv: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
  readonly group: string;
  readonly stream: string;
  readonly message: string;
}

const examples: readonly Example[] = [
  {
    title: 'the lines of a pipe into rsyslog and the CloudWatch agent',
    argv: ['--to', 'cloudwatch:awslogs?stream=syslog&format=short'],
    fields: { _HOSTNAME: 'h1', SYSLOG_IDENTIFIER: 'app', _PID: '42', PRIORITY: '3', SYSLOG_FACILITY: '3', MESSAGE: 'first' },
    group: 'awslogs', stream: 'syslog', message: 'Nov 03 19:00:00 h1 app[42]: first',
  },
  {
    title: 'the records of Fluentd on EKS, with a stream for each unit and host',
    argv: ['--unit', 'kubelet.service', '--field-map', 'MESSAGE=message,_HOSTNAME=hostname,_SYSTEMD_UNIT=systemd_unit', '--field-map-strict', '--to', 'cloudwatch:/eks/demo/systemd?stream={unit}-{hostname}&create=true'],
    fields: { _HOSTNAME: 'ip-10-0-0-1', _SYSTEMD_UNIT: 'kubelet.service', _PID: '7', MESSAGE: 'Started' },
    group: '/eks/demo/systemd', stream: 'kubelet.service-ip-10-0-0-1', message: '{"message":"Started","hostname":"ip-10-0-0-1","systemd_unit":"kubelet.service"}',
  },
  {
    title: 'a stream for each day, written in a URL as it is',
    argv: ['--to', 'cloudwatch:days?create=true&format=cat&stream={identifier}/{date:%Y-%m-%d}'],
    fields: { SYSLOG_IDENTIFIER: 'app', MESSAGE: 'first' },
    group: 'days', stream: 'app/2020-11-03', message: 'first',
  },
];

describe('what others put into CloudWatch Logs', { timeout: 60_000 }, () => {
  const zone = process.env['TZ'];
  before(() => {
    keysOf('test', 'test');
    process.env['TZ'] = 'UTC';
  });
  after(() => {
    restoreEnvironment();
    if (zone === undefined) delete process.env['TZ'];
  });

  for (const { title, argv, fields, group, stream, message } of examples) {
    test(`comes out the same: ${title}`, async () => {
      // The example is of 2020, when it was young enough.
      const service = await LocalCloudWatch.listen({ limits: { ageMs: Number.MAX_SAFE_INTEGER } });
      if (group === 'awslogs') service.create(group);
      const { settings } = await loadedFrom({ argv });
      const destination = settings.destinations[0] as CloudWatchSettings;
      const logger = new RecordedLogger();
      const sink = createCloudWatchSink({ ...destination, region: 'eu-central-1', endpoint: service.url, environment: {}, logger, clock: () => timeMs + 1000 });
      const source = new FakeSource([{ entries: [entryOf(fields, { cursor: cursorOf(1), timestamp: timeMs * 1000 + 999 })] }]);
      const route = new Route({ name: 'x', label: 'x', source, accepts: () => true, encoder: encoderFor(destination, sink.framing), sink, checkpoints: new MemoryCheckpoints(), deadLetters: new MemoryDeadLetters(), logger });
      await route.run(new AbortController().signal, new AbortController().signal);
      assert.deepEqual([service.groups(), service.streams(group)], [[group], [stream]]);
      assert.deepEqual(service.events(group, stream).map((event) => ({ timestamp: event.timestamp, message: event.message })), [{ timestamp: timeMs, message }]);
      await service.close();
    });
  }
});
