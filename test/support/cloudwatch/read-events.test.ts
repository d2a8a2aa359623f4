import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LocalCloudWatch } from './local-cloudwatch.js';
import { type CallAnswer, call } from './signed-request.js';

interface Page {
  readonly messages: readonly string[];
  readonly nextForwardToken: string;
  readonly nextBackwardToken: string;
}

describe('reading from the local CloudWatch Logs', () => {
  const startMs = Date.now() - 60_000;
  let cloudWatch: LocalCloudWatch;
  before(async () => {
    cloudWatch = await LocalCloudWatch.listen();
    cloudWatch.create('g', 'empty');
    cloudWatch.create('g', 'a');
    cloudWatch.create('g', 'b');
    cloudWatch.create('other', 'b');
    // One time for two events each, and the later half first.
    await put('a', [5, 6, 7, 8, 9]);
    await put('a', [0, 1, 2, 3, 4]);
    await put('b', [2, 3]);
  });
  after(() => cloudWatch.close());

  const ask = (action: string, input: object = {}): Promise<CallAnswer> => call(cloudWatch.url, action, input);
  const put = (logStreamName: string, numbers: readonly number[]): Promise<CallAnswer> =>
    ask('PutLogEvents', { logGroupName: 'g', logStreamName, logEvents: numbers.map((number) => ({ timestamp: startMs + Math.floor(number / 2), message: `${logStreamName}${number} word` })) });

  async function get(input: object): Promise<Page> {
    const { status, body } = await ask('GetLogEvents', { logGroupName: 'g', logStreamName: 'a', ...input });
    assert.equal(status, 200);
    const { events, nextForwardToken, nextBackwardToken } = body as unknown as Page & { events: readonly { message: string }[] };
    return { messages: events.map(({ message }) => message.slice(0, 2)), nextForwardToken, nextBackwardToken };
  }

  it('gives the latest events by time, and then those before them', async () => {
    const last = await get({ limit: 4 });
    assert.deepEqual(last.messages, ['a6', 'a7', 'a8', 'a9']);
    const middle = await get({ limit: 4, nextToken: last.nextBackwardToken });
    assert.deepEqual(middle.messages, ['a2', 'a3', 'a5', 'a4']);
    const first = await get({ limit: 4, nextToken: middle.nextBackwardToken });
    assert.deepEqual(first.messages, ['a0', 'a1']);
    const none = await get({ limit: 4, nextToken: first.nextBackwardToken });
    assert.deepEqual([none.messages, none.nextBackwardToken], [[], first.nextBackwardToken]);
  });

  it('gives all from the head, and at the end the token that was passed, until there is more', async () => {
    const messages: string[] = [];
    let page = await get({ startFromHead: true, limit: 3 });
    for (;;) {
      messages.push(...page.messages);
      const next = await get({ startFromHead: true, limit: 3, nextToken: page.nextForwardToken });
      if (next.nextForwardToken === page.nextForwardToken) {
        assert.deepEqual(next.messages, []);
        break;
      }
      page = next;
    }
    // 4 and 5 have one time, and 5 came first.
    assert.deepEqual(messages, ['a0', 'a1', 'a2', 'a3', 'a5', 'a4', 'a6', 'a7', 'a8', 'a9']);

    cloudWatch.create('g', 'grows');
    const nothing = await get({ logStreamName: 'grows', startFromHead: true });
    await put('grows', [0]);
    assert.equal((await get({ logStreamName: 'grows', nextToken: nothing.nextForwardToken })).messages.length, 1);
  });

  it('keeps to the window, whose end is outside for one stream and inside for many', async () => {
    assert.deepEqual((await get({ startTime: startMs + 1, endTime: startMs + 2 })).messages, ['a2', 'a3']);
    const { body } = await ask('FilterLogEvents', { logGroupName: 'g', logStreamNames: ['a'], startTime: startMs + 1, endTime: startMs + 2 });
    assert.equal((body['events'] as unknown[]).length, 4);
  });

  it('merges the streams of a group by time, page by page', async () => {
    const messages: string[] = [];
    let nextToken: string | undefined;
    do {
      const { body } = await ask('FilterLogEvents', { logGroupName: 'g', logStreamNames: ['a', 'b'], limit: 5, ...(nextToken === undefined ? {} : { nextToken }) });
      messages.push(...(body['events'] as { message: string }[]).map(({ message }) => message.slice(0, 2)));
      nextToken = body['nextToken'] as string | undefined;
    } while (nextToken !== undefined);
    assert.deepEqual(messages, ['a0', 'a1', 'a2', 'a3', 'b2', 'b3', 'a5', 'a4', 'a6', 'a7', 'a8', 'a9']);
  });

  it('finds terms, phrases, alternatives and absences', async () => {
    const found = async (filterPattern: string): Promise<number> => ((await ask('FilterLogEvents', { logGroupName: 'g', logStreamNamePrefix: 'b', filterPattern })).body['events'] as unknown[]).length;
    assert.deepEqual([await found('word'), await found('b2 word'), await found('"b2 word"'), await found('word -b2'), await found('?b2 ?b3'), await found('none')], [2, 1, 1, 1, 2, 0]);
  });

  it('lists groups and streams page by page, by name, by prefix and by the last event', async () => {
    const names = async (action: string, input: object): Promise<string[]> => {
      const list: string[] = [];
      for (let nextToken: string | undefined; ; ) {
        const { body } = await ask(action, { ...input, limit: 1, ...(nextToken === undefined ? {} : { nextToken }) });
        for (const item of (body['logStreams'] ?? body['logGroups']) as Record<string, string>[]) list.push(item['logStreamName'] ?? item['logGroupName'] ?? '');
        nextToken = body['nextToken'] as string | undefined;
        if (nextToken === undefined) return list;
      }
    };
    assert.deepEqual(await names('DescribeLogGroups', {}), ['g', 'other']);
    assert.deepEqual(await names('DescribeLogGroups', { logGroupNamePattern: 'THE' }), ['other']);
    assert.deepEqual(await names('DescribeLogStreams', { logGroupName: 'other' }), ['b']);
    const arn = 'arn:aws:logs:eu-central-1:123456789012:log-group:g';
    assert.deepEqual(await names('DescribeLogGroups', { logGroupIdentifiers: [arn] }), ['g']);
    assert.deepEqual((await names('DescribeLogStreams', { logGroupIdentifier: arn, logStreamNamePrefix: 'e' })), ['empty']);
    assert.deepEqual((await names('DescribeLogStreams', { logGroupName: 'g', orderBy: 'LastEventTime', descending: true })).slice(0, 2), ['a', 'b']);
  });

  it('refuses a token that it never gave, and questions that exclude each other', async () => {
    for (const [action, input, message] of [
      ['GetLogEvents', { logGroupName: 'g', logStreamName: 'a', nextToken: 'x' }, 'The specified nextToken is invalid.'],
      ['DescribeLogStreams', { logGroupName: 'g', nextToken: 'x' }, 'The specified nextToken is invalid.'],
      ['DescribeLogStreams', { logGroupName: 'g', orderBy: 'LastEventTime', logStreamNamePrefix: 'a' }, 'Cannot order by LastEventTime with a logStreamNamePrefix.'],
      ['GetLogEvents', { logGroupName: 'g', logStreamName: 'a', limit: 10_001 }, "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"],
    ] as const) {
      const { body } = await ask(action, input);
      assert.deepEqual([body['__type'], body['message']], ['InvalidParameterException', message]);
    }
  });

  it('gives no more than a megabyte at once', async () => {
    cloudWatch.create('g', 'large');
    const logEvents = [{ timestamp: startMs, message: 'x'.repeat(900_000) }];
    for (let count = 0; count < 2; count++) await ask('PutLogEvents', { logGroupName: 'g', logStreamName: 'large', logEvents });
    assert.equal((await get({ logStreamName: 'large' })).messages.length, 1);
  });
});
