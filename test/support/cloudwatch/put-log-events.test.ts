import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LocalCloudWatch, type LocalCloudWatchOptions } from './local-cloudwatch.js';
import { type CallAnswer, type CallOptions, call as send } from './signed-request.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** The clock stands still, so that limits are tried to the millisecond. */
const nowMs = Date.UTC(2026, 2, 3, 12);

interface Event {
  readonly timestamp: number;
  readonly message: string;
}

const call = (url: string, action: string, input: unknown, options: CallOptions = {}): Promise<CallAnswer> => send(url, action, input, { signedAtMs: nowMs, ...options });

describe('PutLogEvents of the local CloudWatch Logs', () => {
  let cloudWatch: LocalCloudWatch;
  const streams = new Set<string>();
  before(async () => {
    cloudWatch = await LocalCloudWatch.listen({ now: () => nowMs });
    cloudWatch.create('group');
  });
  after(() => cloudWatch.close());

  async function put(logEvents: readonly unknown[], more: object = {}): Promise<CallAnswer & { readonly stored: readonly string[] }> {
    const logStreamName = `stream ${streams.size}`;
    streams.add(logStreamName);
    cloudWatch.create('group', logStreamName);
    const answer = await call(cloudWatch.url, 'PutLogEvents', { logGroupName: 'group', logStreamName, logEvents, ...more });
    return { ...answer, stored: cloudWatch.events('group', logStreamName).map(({ message }) => message) };
  }

  const at = (timestamp: number, message = 'x'): Event => ({ timestamp, message });

  async function refused(logEvents: readonly unknown[], message: string | RegExp): Promise<void> {
    const { status, body, stored } = await put(logEvents);
    assert.deepEqual([status, body['__type'], stored], [400, 'InvalidParameterException', []]);
    if (typeof message === 'string') assert.equal(body['message'], message);
    else assert.match(String(body['message']), message);
  }

  it('keeps events in the order of arrival, and counts batches as AWS does', async () => {
    cloudWatch.create('group', 'kept');
    const send = (...logEvents: Event[]): Promise<CallAnswer> => call(cloudWatch.url, 'PutLogEvents', { logGroupName: 'group', logStreamName: 'kept', logEvents });
    const { body } = await send(at(nowMs, 'ä€😀'), at(nowMs, 'two'));
    assert.match(String(body['nextSequenceToken']), /^\d{56}$/);
    assert.equal(body['rejectedLogEventsInfo'], undefined);
    await send(at(nowMs - 5, 'earlier'));
    assert.deepEqual(cloudWatch.events('group', 'kept').map(({ timestamp, message }) => [timestamp, message]), [[nowMs, 'ä€😀'], [nowMs, 'two'], [nowMs - 5, 'earlier']]);
    assert.deepEqual(cloudWatch.batches('group', 'kept').map(({ events, bytes, rejected }) => [events, bytes, rejected]), [[2, 9 + 26 + 3 + 26, 0], [1, 7 + 26, 0]]);
    assert.equal(cloudWatch.mostInFlight('group', 'kept'), 1);
  });

  it('ignores a sequence token', async () => {
    assert.equal((await put([at(nowMs)], { sequenceToken: 'stale' })).status, 200);
  });

  it('takes 1,048,576 bytes with 26 for each event, and not one more', async () => {
    const full = [at(nowMs, 'x'.repeat(524_262)), at(nowMs, '€'.repeat(174_754))];
    assert.equal((await put(full)).stored.length, 2);
    await refused([...full.slice(0, 1), at(nowMs, `${'€'.repeat(174_754)}x`)], 'Upload too large: 1048577 bytes exceeds limit of 1048576');
  });

  it('takes an event as large as a batch, and not one byte more', async () => {
    assert.equal((await put([at(nowMs, 'x'.repeat(1_048_550))])).status, 200);
    await refused([at(nowMs, 'x'.repeat(1_048_551))], 'Log event too large: 1048577 bytes exceeds limit of 1048576');
  });

  it('takes 10,000 events, and not one more', async () => {
    const full = Array.from({ length: 10_000 }, () => at(nowMs));
    assert.equal((await put(full)).stored.length, 10_000);
    await refused([...full, at(nowMs)], "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to 10000");
  });

  it('takes ascending times only', () => refused([at(nowMs), at(nowMs - 1)], 'Log events in a single PutLogEvents request must be in chronological order.'));

  it('takes a span of 24 hours, and not a millisecond more', async () => {
    assert.equal((await put([at(nowMs - dayMs), at(nowMs)])).status, 200);
    await refused([at(nowMs - dayMs - 1), at(nowMs)], 'The batch of log events in a single PutLogEvents request cannot span more than 24 hours.');
  });

  it('measures the span over the valid events', async () => {
    const { body, stored } = await put([at(nowMs - 15 * dayMs, 'old'), at(nowMs - dayMs, 'a'), at(nowMs, 'b')]);
    assert.deepEqual([body['rejectedLogEventsInfo'], stored], [{ tooOldLogEventEndIndex: 1 }, ['a', 'b']]);
  });

  it('rejects what is too old and what is too new inside a 200', async () => {
    const { status, body, stored } = await put([at(nowMs - 14 * dayMs - 1, 'old'), at(nowMs, 'good'), at(nowMs + 2 * hourMs + 1, 'new'), at(nowMs + 3 * hourMs, 'newer')]);
    assert.deepEqual([status, body['rejectedLogEventsInfo'], stored], [200, { tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 2 }, ['good']]);
    assert.deepEqual((await put([at(nowMs - 14 * dayMs, 'just')])).stored, ['just']);
    assert.deepEqual((await put([at(nowMs + 2 * hourMs, 'just')])).stored, ['just']);
  });

  it('rejects a batch of which nothing is valid, inside a 200', async () => {
    assert.deepEqual((await put([at(1), at(2)])).body['rejectedLogEventsInfo'], { tooOldLogEventEndIndex: 2 });
    assert.deepEqual((await put([at(nowMs + dayMs), at(nowMs + dayMs)])).body['rejectedLogEventsInfo'], { tooNewLogEventStartIndex: 0 });
  });

  it('rejects what is older than the group keeps events as expired', async () => {
    assert.equal((await call(cloudWatch.url, 'PutRetentionPolicy', { logGroupName: 'group', retentionInDays: 3 })).status, 200);
    try {
      const { body, stored } = await put([at(nowMs - 20 * dayMs, 'old'), at(nowMs - 3 * dayMs - 1, 'expired'), at(nowMs - dayMs, 'good')]);
      assert.deepEqual([body['rejectedLogEventsInfo'], stored], [{ tooOldLogEventEndIndex: 1, expiredLogEventEndIndex: 2 }, ['good']]);
      assert.deepEqual((await put([at(nowMs - 20 * dayMs), at(nowMs)])).body['rejectedLogEventsInfo'], { tooOldLogEventEndIndex: 1 });
      assert.deepEqual((await put([at(nowMs - 3 * dayMs)])).body['rejectedLogEventsInfo'], undefined);
    } finally {
      await call(cloudWatch.url, 'DeleteRetentionPolicy', { logGroupName: 'group' });
    }
    assert.deepEqual((await put([at(nowMs - 4 * dayMs)])).body['rejectedLogEventsInfo'], undefined);
  });

  it('judges ages by the clock that it was given', async () => {
    cloudWatch.clockOffsetMs = 15 * dayMs;
    try {
      cloudWatch.create('group', 'later');
      const answer = await call(cloudWatch.url, 'PutLogEvents', { logGroupName: 'group', logStreamName: 'later', logEvents: [at(nowMs)] }, { signedAtMs: cloudWatch.nowMs() });
      assert.deepEqual(answer.body['rejectedLogEventsInfo'], { tooOldLogEventEndIndex: 1 });
    } finally {
      cloudWatch.clockOffsetMs = 0;
    }
  });

  it('names every empty message', () =>
    refused(
      [at(nowMs, ''), at(nowMs), at(nowMs, '')],
      "2 validation errors detected: Value '' at 'logEvents.1.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'logEvents.3.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ));

  it('names what is missing or out of range', async () => {
    await refused([], "1 validation error detected: Value '[]' at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1");
    await refused([{ message: 'x' }], "1 validation error detected: Value null at 'logEvents.1.member.timestamp' failed to satisfy constraint: Member must not be null");
    await refused([at(-1)], "1 validation error detected: Value '-1' at 'logEvents.1.member.timestamp' failed to satisfy constraint: Member must have value greater than or equal to 0");
  });

  it('tells a missing group from a missing stream', async () => {
    for (const [logGroupName, what] of [['none', 'group'], ['group', 'stream']]) {
      const { status, body } = await call(cloudWatch.url, 'PutLogEvents', { logGroupName, logStreamName: 'none', logEvents: [at(nowMs)] });
      assert.deepEqual([status, body['__type'], body['message']], [400, 'ResourceNotFoundException', `The specified log ${what} does not exist.`]);
    }
  });

  for (const [what, event] of [
    ['a time that is a text', '{"timestamp":"1","message":"x"}'],
    ['a time with a fraction', '{"timestamp":1.5,"message":"x"}'],
    ['a message that is an object', '{"timestamp":1,"message":{"a":1}}'],
    ['half a surrogate pair', '{"timestamp":1,"message":"\\ud83d"}'],
    ['a member that nobody knows', '{"timestamp":1,"message":"x","level":"info"}'],
    ['JSON that is broken', '{"timestamp":1,'],
    ['bytes that are not UTF-8', Buffer.concat([Buffer.from('{"timestamp":1,"message":"'), Buffer.from([0xff]), Buffer.from('"}')])],
  ] as const) {
    it(`cannot read ${what}`, async () => {
      cloudWatch.create('group', 'unread');
      const body = Buffer.concat([Buffer.from('{"logGroupName":"group","logStreamName":"unread","logEvents":['), Buffer.from(event), Buffer.from(']}')]);
      const answer = await call(cloudWatch.url, 'PutLogEvents', body);
      assert.deepEqual([answer.status, answer.body['__type'], cloudWatch.events('group', 'unread').length], [400, 'SerializationException', 0]);
    });
  }

  async function listen(options: LocalCloudWatchOptions): Promise<LocalCloudWatch> {
    const other = await LocalCloudWatch.listen({ now: () => nowMs, ...options });
    other.create('group', 'stream');
    return other;
  }

  it('takes events of 256 KB at most, where it is told to', async () => {
    const older = await listen({ limits: { eventBytes: 262_144 } });
    try {
      const send = (size: number): Promise<CallAnswer> => call(older.url, 'PutLogEvents', { logGroupName: 'group', logStreamName: 'stream', logEvents: [at(nowMs, 'x'.repeat(size))] });
      assert.equal((await send(262_118)).status, 200);
      assert.equal((await send(262_119)).body['message'], 'Log event too large: 262145 bytes exceeds limit of 262144');
    } finally {
      await older.close();
    }
  });

  it('keeps counts alone, where it is told to, and hands each batch on', async () => {
    const seen: string[] = [];
    const bounded = await listen({ keepEvents: false, onBatch: (group, stream, events, batch) => seen.push(...events.map(({ message }) => `${group} ${stream} ${message} of ${batch.events}`)) });
    try {
      const logEvents = [at(1, 'old'), ...Array.from({ length: 4_999 }, () => at(nowMs, 'e'))];
      await call(bounded.url, 'PutLogEvents', { logGroupName: 'group', logStreamName: 'stream', logEvents });
      await call(bounded.url, 'PutLogEvents', { logGroupName: 'group', logStreamName: 'stream', logEvents: [at(nowMs, 'x'.repeat(1_048_550))] });
      assert.equal(seen.length, 5_000);
      assert.equal(seen[0], 'group stream e of 5000');
      assert.deepEqual(bounded.events('group', 'stream'), []);
      assert.deepEqual(bounded.batches('group', 'stream'), []);
      assert.deepEqual(bounded.totals(), { batches: 2, events: 5_000, rejected: 1, bytes: 3 + 4_999 + 5_000 * 26 + 1_048_576, meanFill: 0.75 });
    } finally {
      await bounded.close();
    }
  });
});
