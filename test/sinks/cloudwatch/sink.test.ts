import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Batch, Delivery, Sink } from '../../../src/core/sink.js';
import type { Template } from '../../../src/core/template.js';
import { type CloudWatchSinkOptions, createCloudWatchSink } from '../../../src/sinks/cloudwatch/index.js';
import { type Fault } from '../../support/cloudwatch/faults.js';
import { LocalCloudWatch, type LocalCloudWatchOptions } from '../../support/cloudwatch/local-cloudwatch.js';
import { entryOf } from '../../support/entry.js';
import { eventually } from '../../support/eventually.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { batchOf, never, testSinkConformance } from '../../support/sink-conformance.js';
import { keysOf, restoreEnvironment } from './aws-environment.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

before(() => { keysOf('test', 'test'); });
after(restoreEnvironment);

testSinkConformance(
  'cloudwatch',
  async () => {
    const service = await LocalCloudWatch.listen();
    const sink = sinkTo(service);
    const events = (): readonly string[] => (service.groups().includes('logs') && service.streams('logs').includes('web') ? service.events('logs', 'web').map(({ message }) => message) : []);
    return {
      // The suite knows of no lanes: everything goes into one stream.
      sink: {
        framing: sink.framing, get limits() { return { ...sink.limits, maxInFlight: 1 }; },
        deliver: (batch, signal) => sink.deliver({ ...batch, lane: 'web' }, signal), close: (signal) => sink.close(signal), probe: (signal) => sink.probe(signal),
      },
      received(count) {
        return eventually(events, ({ length }) => length >= count);
      },
      stop: () => service.close(),
    };
  },
  { backpressure: false },
);

describe('the sink for CloudWatch Logs', { timeout: 60_000 }, () => {
  test('creates group and stream once when many ask for them at the same moment, and sets how long the group keeps events', async () => {
    await withService({}, async (service) => {
      const sink = sinkTo(service, { retentionDays: 7 });
      const streams = Array.from({ length: 1000 }, (_, number) => `stream ${number % 10}`);
      const deliveries = await Promise.all(streams.map((stream, number) => sink.deliver(batchOf('none', [`message ${number}`], stream), never())));
      assert.ok(deliveries.every(({ outcome }) => outcome === 'delivered'));
      assert.equal(service.requests.get('CreateLogGroup ok'), 1);
      assert.equal(service.requests.get('CreateLogStream ok'), 10);
      assert.ok(![...service.requests.keys()].some((key) => /Create.*AlreadyExists|Describe/.test(key)), [...service.requests.keys()].join());
      assert.equal(service.retentionDays('logs'), 7);
      assert.equal(service.totals().events, 1000);
      await sink.close(never());
    });
  });

  test('takes a stream that somebody else has just created for its own', async () => {
    await withService({}, async (service) => {
      const sink = sinkTo(service);
      service.faults.add({ kind: 'lose-answer', action: 'CreateLogStream', times: 1 });
      const batch = batchOf('none', ['x'], 'web');
      assert.equal((await sink.deliver(batch, never())).outcome, 'retryable');
      assert.equal((await sink.deliver(batch, never())).outcome, 'delivered');
      await sink.close(never());
    });
  });

  test('leaves a missing group to the operator unless it may create it, and says so', async () => {
    await withService({}, async (service) => {
      const sink = sinkTo(service, { create: false });
      assert.match(await reasonOf(sink), /the log group logs does not exist .*; create it, or add create=true/);
      service.create('logs');
      assert.equal((await sink.deliver(batchOf('none', ['x'], 'web'), never())).outcome, 'delivered');
      await sink.close(never());
    });
  });

  test('sets the retention later where it could not be set when the group was created', async () => {
    await withService({}, async (service) => {
      const sink = sinkTo(service, { retentionDays: 3 });
      service.faults.add({ kind: 'throttle', action: 'PutRetentionPolicy', times: 1 });
      assert.match(await reasonOf(sink), /throttles PutRetentionPolicy/);
      assert.equal((await sink.deliver(batchOf('none', ['x'], 'web'), never())).outcome, 'delivered');
      assert.equal(service.retentionDays('logs'), 3);
      await sink.close(never());
    });
  });

  const told: readonly { readonly fault: Fault; readonly says: RegExp }[] = [
    { fault: { kind: 'throttle', times: 1 }, says: /^CloudWatch throttles PutLogEvents/ },
    { fault: { kind: 'deny', action: 'PutLogEvents', times: 1 }, says: /^the permission logs:PutLogEvents on the log group logs is missing .*deploy\/aws/ },
    { fault: { kind: 'unavailable', times: 1 }, says: /^CloudWatch answers 503 to PutLogEvents/ },
    { fault: { kind: 'bad-gateway', times: 1 }, says: /^CloudWatch answers 502 to PutLogEvents/ },
    { fault: { kind: 'reset', times: 1 }, says: /reset the connection/ },
    { fault: { kind: 'lose-answer', times: 1 }, says: /reset the connection/ },
    { fault: { kind: 'hang', times: 1 }, says: /does not answer in time/ },
  ];
  for (const { fault, says } of told) {
    test(`tries again, and says why, after ${fault.kind}`, async () => {
      await withService({}, async (service) => {
        service.create('logs', 'web');
        service.faults.add(fault);
        const sink = sinkTo(service, { answerTimeoutMs: 300 });
        assert.match(await reasonOf(sink), says);
        assert.equal((await sink.deliver(batchOf('none', ['x'], 'web'), never())).outcome, 'delivered');
        await sink.close(never());
      });
    });
  }

  test('names the permission that creating a stream needs', async () => {
    await withService({}, async (service) => {
      service.create('logs');
      service.faults.add({ kind: 'deny', action: 'CreateLogStream' });
      const sink = sinkTo(service);
      assert.match(await reasonOf(sink), /the permission logs:CreateLogStream on the log group logs is missing/);
      await sink.close(never());
    });
  });

  test('says plainly what is wrong with credentials and clocks, and takes mended ones without a restart', async () => {
    await withService({}, async (service) => {
      service.create('logs', 'web');
      const sink = sinkTo(service);
      keysOf('nobody', 'test');
      assert.match(await reasonOf(sink), /the access key is unknown/);
      keysOf('test', 'wrong');
      assert.match(await reasonOf(sink), /the signature is refused .*the secret access key is wrong/);
      keysOf('', '');
      assert.match(await reasonOf(sink), /no AWS credentials are found/);
      const { accessKeyId, secretAccessKey, sessionToken } = service.credentials.mint(0);
      keysOf(accessKeyId, secretAccessKey, sessionToken);
      const reason = await reasonOf(sink);
      assert.match(reason, /the credentials have expired/);
      assert.ok(!reason.includes(sessionToken));
      keysOf('test', 'test');
      assert.equal((await sink.deliver(batchOf('none', ['x'], 'web'), never())).outcome, 'delivered');
      await sink.close(never());
    });
  });

  test('goes on by itself where its clock is wrong, since each answer tells the right time', async () => {
    await withService({}, async (service) => {
      service.create('logs', 'web');
      service.clockOffsetMs = hourMs;
      const sink = sinkTo(service);
      const first = await sink.deliver(batchOf('none', ['x'], 'web'), never());
      assert.equal(first.outcome, 'retryable');
      assert.match((first as { reason: string }).reason, /clock/);
      assert.equal((await sink.deliver(batchOf('none', ['x'], 'web'), never())).outcome, 'delivered');
      await sink.close(never());
    });
  });

  test('rejects exactly the events that a 200 says are refused, with a reason each', async () => {
    await withService({}, async (service) => {
      service.create('logs', 'web');
      const nowMs = Date.now();
      const sink = sinkTo(service);
      const batch = timed([['now', nowMs], ['ancient', nowMs - 15 * dayMs], ['tomorrow', nowMs + 3 * hourMs], ['then', nowMs - hourMs]]);
      const delivery = await sink.deliver(batch, never());
      assert.deepEqual(delivery, {
        outcome: 'rejected',
        rejections: [{ index: 1, kind: 'too-old', reason: 'too old: CloudWatch takes nothing that is older than 14 days' }, { index: 2, kind: 'too-new', reason: 'too new: more than 2 hours ahead of CloudWatch\'s clock' }],
      });
      assert.deepEqual(service.events('logs', 'web').map(({ message }) => message), ['then', 'now']);
      await sink.close(never());
    });
  });

  test('tells of a refused message also where a later request of the same batch had to be sent again', async () => {
    await withService({}, async (service) => {
      service.create('logs', 'web');
      const nowMs = Date.now();
      const sink = sinkTo(service);
      const messages: [string, number][] = [['ancient', nowMs - 15 * dayMs], ['then', nowMs - 2 * dayMs], ['now', nowMs]];
      service.faults.add({ kind: 'throttle', every: 3, times: 1 });
      const first = await sink.deliver(timed(messages), never());
      assert.deepEqual([first.outcome, (first as { deliveredCount?: number }).deliveredCount], ['retryable', 0]);
      const again = await sink.deliver(timed(messages), never());
      assert.deepEqual(again.outcome === 'rejected' && again.rejections.map(({ index }) => index), [0]);
      await sink.close(never());
    });
  });

  test('need not send again what was delivered before a request of the same batch failed', async () => {
    await withService({}, async (service) => {
      service.create('logs', 'web');
      const nowMs = Date.now();
      service.faults.add({ kind: 'throttle', every: 2, times: 1 });
      const sink = sinkTo(service);
      const first = await sink.deliver(timed([['a', nowMs - 2 * dayMs], ['b', nowMs - 2 * dayMs], ['c', nowMs]]), never());
      assert.equal((first as { deliveredCount?: number }).deliveredCount, 2);
      await sink.close(never());
    });
  });

  test('has no lane for entries that are older than CloudWatch takes, and says how many there were', async () => {
    await withService({}, async (service) => {
      const logger = new RecordedLogger();
      const sink = sinkTo(service, { logger });
      const laneAt = (ms: number): string | undefined => sink.lanes!.laneOf(entryOf({ _HOSTNAME: 'h1' }, { timestamp: ms * 1000 }));
      const nowMs = Date.now();
      assert.equal(laneAt(nowMs - 14 * dayMs - 1000), undefined);
      assert.equal(laneAt(nowMs - 20 * dayMs), undefined);
      assert.equal(laneAt(nowMs - 14 * dayMs + 60_000), 'h1');
      assert.equal(laneAt(0), 'h1');
      assert.match(logger.lines.join('\n'), /^warn: 2 entries were left out, of \S+ to \S+: CloudWatch refuses what is older than 14 d here$/);
      assert.equal(laneAt(nowMs - 20 * dayMs), undefined);
      await sink.close(never());
      assert.match(logger.lines.at(-1)!, /1 entry was left out/);
    });
  });

  test('learns from a refusal for how long the group keeps events', async () => {
    await withService({}, async (service) => {
      const nowMs = Date.now();
      const setUp = sinkTo(service, { retentionDays: 3 });
      await setUp.deliver(batchOf('none', ['x'], 'web'), never());
      await setUp.close(never());
      const sink = sinkTo(service);
      const delivery = await sink.deliver(timed([['old', nowMs - 4 * dayMs], ['new', nowMs]]), never());
      assert.deepEqual(delivery.outcome === 'rejected' && delivery.rejections, [{ index: 0, kind: 'expired', reason: 'expired: older than the log group keeps events' }]);
      const laneAt = (ms: number): string | undefined => sink.lanes!.laneOf(entryOf({ _HOSTNAME: 'h1' }, { timestamp: ms * 1000 }));
      assert.equal(laneAt(nowMs - 5 * dayMs), undefined);
      assert.equal(laneAt(nowMs - 2 * dayMs), 'h1');
      await sink.close(never());
    });
  });

  test('splits messages as small as the service wants them, where that is smaller than was thought', async () => {
    await withService({ limits: { eventBytes: 262_144 } }, async (service) => {
      service.create('logs', 'web');
      const sink = sinkTo(service);
      const batch = timed([['ä'.repeat(200_000), Date.now()]]);
      assert.match(((await sink.deliver(batch, never())) as { reason: string }).reason, /events of at most 262144 bytes/);
      assert.equal((await sink.deliver(batch, never())).outcome, 'delivered');
      const events = service.events('logs', 'web');
      assert.equal(events.map(({ message }) => message).join(''), 'ä'.repeat(200_000));
      assert.equal(new Set(events.map(({ timestamp }) => timestamp)).size, 1);
      await sink.close(never());
    });
  });

  test('has fewer requests under way after throttling, and more again with time', async () => {
    await withService({}, async (service) => {
      service.create('logs', 'web');
      const sink = sinkTo(service);
      const most = sink.limits.maxInFlight;
      service.faults.add({ kind: 'throttle', times: 2 });
      for (let attempt = 0; attempt < 2; attempt++) await sink.deliver(batchOf('none', ['x'], 'web'), never());
      assert.equal(sink.limits.maxInFlight, most / 4);
      for (let attempt = 0; attempt < 80; attempt++) await sink.deliver(batchOf('none', ['x'], 'web'), never());
      assert.equal(sink.limits.maxInFlight, most);
      await sink.close(never());
    });
  });

  test('makes a stream\'s name of the entry, without what the service refuses', async () => {
    await withService({}, async (service) => {
      const sink = sinkTo(service, { stream: [{ fields: ['_SYSTEMD_UNIT'] }, '-', { fields: ['NAME'] }, '/', { date: '%Y-%m-%d' }] });
      const laneOf = (fields: Readonly<Record<string, string>>): string | undefined => sink.lanes!.laneOf(entryOf(fields, { timestamp: Date.now() * 1000 }));
      const today = new Date().toISOString().slice(0, 10);
      assert.equal(laneOf({ _SYSTEMD_UNIT: 'a.service', NAME: 'x' }), `a.service-x/${today}`);
      assert.equal(laneOf({ _SYSTEMD_UNIT: 'user@1:*\n', NAME: '' }), `user@1----unknown/${today}`);
      assert.equal(laneOf({ NAME: 'y'.repeat(600) })?.length, 512);
      assert.deepEqual(sink.lanes!.fields, ['_SYSTEMD_UNIT', 'NAME']);
      await sink.close(never());
    });
  });

  test('probes with a look at the group', async () => {
    await withService({}, async (service) => {
      assert.match((await sinkTo(service, { create: false }).probe(never()))!, /the log group logs does not exist/);
      assert.equal(await sinkTo(service).probe(never()), undefined);
      service.create('logs');
      assert.equal(await sinkTo(service, { create: false }).probe(never()), undefined);
      service.faults.add({ kind: 'deny', action: 'DescribeLogStreams' });
      const logger = new RecordedLogger();
      assert.equal(await sinkTo(service, { create: false, logger }).probe(never()), undefined);
      assert.match(logger.lines.join(), /without the permission logs:DescribeLogStreams/);
      keysOf('nobody', 'test');
      assert.match((await sinkTo(service).probe(never()))!, /the access key is unknown/);
      keysOf('test', 'test');
      assert.equal(service.totals().events, 0);
    });
  });
});

async function withService(options: LocalCloudWatchOptions, body: (service: LocalCloudWatch) => Promise<void>): Promise<void> {
  const service = await LocalCloudWatch.listen(options);
  try {
    await body(service);
  } finally {
    await service.close();
  }
}

const byHost: Template = [{ fields: ['_HOSTNAME'] }];

function sinkTo(service: LocalCloudWatch, options: Partial<CloudWatchSinkOptions> = {}): Sink {
  return createCloudWatchSink({
    group: 'logs', stream: byHost, region: 'eu-central-1', endpoint: service.url, create: true, retentionDays: undefined,
    eventBytes: 1_048_576, maxAgeMs: 1000, environment: {}, logger: new RecordedLogger(), ...options,
  });
}

function timed(messages: readonly (readonly [string, number])[]): Batch {
  return { ...batchOf('none', messages.map(([message]) => message), 'web'), timestamp: (index) => messages[index]![1] * 1000 };
}

async function reasonOf(sink: Sink): Promise<string> {
  const delivery: Delivery = await sink.deliver(batchOf('none', ['x'], 'web'), never());
  assert.equal(delivery.outcome, 'retryable');
  return (delivery as { reason: string }).reason;
}
