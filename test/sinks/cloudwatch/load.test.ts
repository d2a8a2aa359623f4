import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import type { Entry } from '../../../src/core/entry.js';
import type { Position } from '../../../src/core/position.js';
import type { Chunk, Source } from '../../../src/core/source.js';
import { createEncoder } from '../../../src/encoders/index.js';
import { Route } from '../../../src/pipeline/route.js';
import { createCloudWatchSink } from '../../../src/sinks/cloudwatch/index.js';
import { LocalCloudWatch } from '../../support/cloudwatch/local-cloudwatch.js';
import { controlPath } from '../../support/cloudwatch/control.js';
import { entryOf } from '../../support/entry.js';
import { cursorOf, numberIn } from '../../support/fake-source.js';
import { MemoryCheckpoints, MemoryDeadLetters } from '../../support/fake-stores.js';
import { RecordedLogger } from '../../support/recorded-logger.js';
import { credentialsFrom, restoreEnvironment } from './aws-environment.js';

/** 500,000 of them are the acceptance: CLOUDWATCH_ENTRIES=500000. */
const count = Number(process.env['CLOUDWATCH_ENTRIES'] ?? 60_000);
const units = ['web.service', 'db.service', 'mail.service', 'sshd.service'];

describe(`${count} entries into CloudWatch Logs`, { timeout: 600_000 }, () => {
  before(() => void mock.method(Math, 'random', () => 0));
  after(() => {
    mock.restoreAll();
    restoreEnvironment();
  });

  test('are all in their streams or in the dead letters, in order, with throttling, lost answers, resets and a credential that expires', async (t) => {
    const seen = new Seen();
    const onBatch = (_: string, stream: string, events: readonly { readonly message: string }[]): void => {
      seen.take(stream, events);
      if (seen.numbers > count / 2 && !service.requests.has('PutLogEvents ExpiredTokenException')) service.credentials.expire();
    };
    const service: LocalCloudWatch = await LocalCloudWatch.listen({ keepEvents: false, onBatch });
    // It expires an hour before the time that is announced, as a revoked one does.
    credentialsFrom(`${service.url}${controlPath}/credentials?ttlMs=3600000`);
    const faults = { throttle: 7, 'lose-answer': 11, reset: 13, unavailable: 17, 'bad-gateway': 19 } as const;
    for (const [kind, every] of Object.entries(faults)) service.faults.add({ kind: kind as keyof typeof faults, every, action: 'PutLogEvents' });
    service.faults.add({ kind: 'reject', every: 5, action: 'PutLogEvents', tooOld: 2, expired: 1, tooNew: 1 });
    service.faults.add({ kind: 'hang', accept: true, times: 1, action: 'PutLogEvents' });
    const { route, checkpoints, deadLetters, logger } = routeInto(service);
    await run(route);
    const lost = seen.missing(deadLetters.contents.map((text) => numberOf(text)));
    t.diagnostic(`${JSON.stringify(Object.fromEntries(service.requests))}, ${deadLetters.letters.length} dead letters, ${seen.duplicates} duplicates`);
    assert.deepEqual(lost, []);
    assert.equal(seen.disorder, undefined);
    assert.equal(numberIn(checkpoints.saved?.position), count);
    assert.ok(deadLetters.letters.length > 0);
    assert.ok((service.requests.get('PutLogEvents ExpiredTokenException') ?? 0) > 0);
    for (const [outcome] of service.requests) assert.doesNotMatch(outcome, /InvalidParameter|Validation|Serialization|Describe/);
    for (const stream of service.streams('load')) assert.equal(service.mostInFlight('load', stream), 1);
    assert.doesNotMatch(logger.lines.join('\n'), /ASIA|X-Amz/i);
    await service.close();
  });

  test('fill the requests by nine tenths and more of a limit', async (t) => {
    const seen = new Seen();
    const service = await LocalCloudWatch.listen({ keepEvents: false, onBatch: (_, stream, events) => { seen.take(stream, events); } });
    credentialsFrom(`${service.url}${controlPath}/credentials`);
    const { route } = routeInto(service, ['the one stream']);
    const startMs = performance.now();
    const before = process.cpuUsage();
    await run(route);
    const { user, system } = process.cpuUsage(before);
    const { meanFill, batches } = service.totals();
    const perSecond = Math.round(count / ((performance.now() - startMs) / 1000));
    t.diagnostic(`${perSecond} entries/s, ${Math.round((user + system) / 1000)} ms of CPU with the service's own, ${batches} requests, mean fill ${meanFill.toFixed(4)}`);
    assert.deepEqual(seen.missing([]), []);
    // The last request is as small as what is left.
    assert.ok(meanFill * batches >= 0.9 * (batches - 1), `mean fill ${meanFill} over ${batches} requests`);
    await service.close();
  });
});

/** What the service stored: each number's first time in each stream must come in order. */
class Seen {
  duplicates = 0;
  /** Different ones. */
  numbers = 0;
  disorder: string | undefined;
  readonly #numbers = new Uint8Array(count + 1);
  readonly #greatest = new Map<string, number>();

  take(stream: string, events: readonly { readonly message: string }[]): void {
    for (const { message } of events) {
      const number = numberOf(message);
      if (this.#numbers[number] === 1) {
        this.duplicates += 1;
        continue;
      }
      this.#numbers[number] = 1;
      this.numbers += 1;
      const greatest = this.#greatest.get(stream) ?? 0;
      if (number < greatest) this.disorder ??= `${number} came after ${greatest} in ${stream}`;
      this.#greatest.set(stream, Math.max(greatest, number));
    }
  }

  missing(setAside: readonly number[]): number[] {
    for (const number of setAside) this.#numbers[number] = 1;
    const missing: number[] = [];
    for (let number = 1; number <= count && missing.length < 20; number++) if (this.#numbers[number] !== 1) missing.push(number);
    return missing;
  }
}

function numberOf(message: string): number {
  return Number(/"NUMBER":"(\d+)"/.exec(message)?.[1]);
}

function routeInto(service: LocalCloudWatch, streams: readonly string[] = units): { route: Route; checkpoints: MemoryCheckpoints; deadLetters: MemoryDeadLetters; logger: RecordedLogger } {
  const logger = new RecordedLogger();
  const checkpoints = new MemoryCheckpoints();
  const deadLetters = new MemoryDeadLetters();
  const sink = createCloudWatchSink({
    group: 'load', stream: [{ fields: ['_SYSTEMD_UNIT'] }], region: 'eu-central-1', endpoint: service.url, create: true, retentionDays: 7,
    eventBytes: 1_048_576, maxAgeMs: 1000, environment: {}, logger, answerTimeoutMs: 3000,
  });
  const encoder = createEncoder('json', { maxMessageBytes: undefined, singleLine: false, structuredData: [], bom: false });
  const route = new Route({ name: 'load', label: 'cloudwatch:load', source: numbersFrom(streams), accepts: () => true, encoder, sink, checkpoints, deadLetters, logger });
  return { route, checkpoints, deadLetters, logger };
}

function numbersFrom(streams: readonly string[]): Source {
  const startUs = (Date.now() - 3_600_000) * 1000;
  const entry = (number: number): Entry => entryOf(
    { MESSAGE: `GET /orders/${number} 200 ${'x'.repeat(number % 180)}`, NUMBER: String(number), _SYSTEMD_UNIT: streams[number % streams.length]!, PRIORITY: '6' },
    { cursor: cursorOf(number), timestamp: startUs + number * 1000 },
  );
  return {
    async *read(after: Position | undefined, signal): AsyncGenerator<Chunk> {
      for (let from = numberIn(after) + 1; from <= count && !signal.aborted; from += 500) {
        yield { entries: Array.from({ length: Math.min(500, count - from + 1) }, (_, at) => entry(from + at)) };
      }
    },
  };
}

async function run(route: Route): Promise<void> {
  await route.run(new AbortController().signal, new AbortController().signal);
}
