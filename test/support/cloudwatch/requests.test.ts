import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LocalCloudWatch } from './local-cloudwatch.js';
import { type CallAnswer, type CallOptions, call } from './signed-request.js';

describe('what the local CloudWatch Logs is asked', () => {
  let cloudWatch: LocalCloudWatch;
  before(async () => {
    cloudWatch = await LocalCloudWatch.listen();
  });
  after(() => cloudWatch.close());

  const ask = (action: string, input: unknown = {}, options: CallOptions = {}): Promise<CallAnswer> => call(cloudWatch.url, action, input, options);

  async function refused(action: string, input: unknown, code: string, message: string): Promise<void> {
    const { status, body } = await ask(action, input);
    assert.deepEqual([status, body['__type'], body['message']], [400, code, message]);
  }

  it('is an action that there is', async () => {
    const { status, text } = await ask('PutLogEvent');
    assert.deepEqual([status, text], [400, '{"__type":"UnknownOperationException"}']);
    assert.equal((await ask('DescribeLogGroups', {}, { headers: { 'x-amz-target': 'Logs_20150101.DescribeLogGroups' } })).body['__type'], 'UnknownOperationException');
  });

  it('is asked by POST to / in JSON 1.1, and nothing else', async () => {
    for (const tamper of [{ method: 'PUT' }, { path: '/logs' }, { headers: { 'content-type': 'application/json' } }]) {
      const { status, text } = await ask('DescribeLogGroups', {}, { tamper });
      assert.deepEqual([status, text], [404, '<UnknownOperationException/>\n']);
    }
  });

  it('is answered with an id of the request', async () => {
    const { headers } = await ask('DescribeLogGroups');
    assert.equal(headers['content-type'], 'application/x-amz-json-1.1');
    assert.match(String(headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
  });

  it('creates a group and a stream once', async () => {
    await refused('CreateLogStream', { logGroupName: 'g', logStreamName: 's' }, 'ResourceNotFoundException', 'The specified log group does not exist.');
    const created = await ask('CreateLogGroup', { logGroupName: 'g' });
    assert.deepEqual([created.status, created.text], [200, '']);
    assert.equal((await ask('CreateLogStream', { logGroupName: 'g', logStreamName: 's' })).status, 200);
    await refused('CreateLogGroup', { logGroupName: 'g' }, 'ResourceAlreadyExistsException', 'The specified log group already exists');
    await refused('CreateLogStream', { logGroupName: 'g', logStreamName: 's' }, 'ResourceAlreadyExistsException', 'The specified log stream already exists');
    assert.deepEqual([cloudWatch.groups(), cloudWatch.streams('g')], [['g'], ['s']]);
  });

  it('deletes streams and groups', async () => {
    cloudWatch.create('gone', 'stream');
    assert.equal((await ask('DeleteLogStream', { logGroupName: 'gone', logStreamName: 'stream' })).status, 200);
    await refused('DeleteLogStream', { logGroupName: 'gone', logStreamName: 'stream' }, 'ResourceNotFoundException', 'The specified log stream does not exist.');
    assert.equal((await ask('DeleteLogGroup', { logGroupName: 'gone' })).status, 200);
    await refused('DeleteLogGroup', { logGroupName: 'gone' }, 'ResourceNotFoundException', 'The specified log group does not exist.');
  });

  it('keeps a retention that there is', async () => {
    cloudWatch.create('kept');
    assert.equal((await ask('PutRetentionPolicy', { logGroupName: 'kept', retentionInDays: 30 })).status, 200);
    assert.equal(cloudWatch.retentionDays('kept'), 30);
    const { body } = await ask('DescribeLogGroups', { logGroupNamePrefix: 'kept' });
    assert.equal((body['logGroups'] as { retentionInDays: number }[])[0]?.retentionInDays, 30);
    const { body: wrong } = await ask('PutRetentionPolicy', { logGroupName: 'kept', retentionInDays: 2 });
    assert.equal(wrong['__type'], 'InvalidParameterException');
    await refused('PutRetentionPolicy', { logGroupName: 'none', retentionInDays: 30 }, 'ResourceNotFoundException', 'The specified log group does not exist.');
  });

  it('names groups and streams by the rules', async () => {
    const constraint = "1 validation error detected: Value '";
    const group = "' at 'logGroupName' failed to satisfy constraint: Member must ";
    const stream = "' at 'logStreamName' failed to satisfy constraint: Member must ";
    await refused('CreateLogGroup', { logGroupName: 'a b' }, 'InvalidParameterException', `${constraint}a b${group}satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`);
    await refused('CreateLogGroup', { logGroupName: 'x'.repeat(513) }, 'InvalidParameterException', `${constraint}${'x'.repeat(513)}${group}have length less than or equal to 512`);
    await refused('CreateLogGroup', { logGroupName: 'aws/mine' }, 'InvalidParameterException', 'Log groups starting with AWS/ are reserved for AWS.');
    await refused('CreateLogGroup', {}, 'InvalidParameterException', "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null");
    await refused('CreateLogGroup', { logGroupName: '' }, 'InvalidParameterException',
      `2 validation errors detected: Value '${group}have length greater than or equal to 1; Value '${group}satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`);
    for (const name of ['a:b', 'a*b']) {
      await refused('CreateLogStream', { logGroupName: 'g', logStreamName: name }, 'InvalidParameterException', `${constraint}${name}${stream}satisfy regular expression pattern: [^:*]*`);
    }
    for (const logGroupName of ['x'.repeat(512), '/aws/lambda/f_1.2-3#4']) assert.equal((await ask('CreateLogGroup', { logGroupName })).status, 200);
    for (const logStreamName of ['y'.repeat(512), '[$LATEST] ä / é']) assert.equal((await ask('CreateLogStream', { logGroupName: 'x'.repeat(512), logStreamName })).status, 200);
  });

  it('counts how each request ended', async () => {
    const before = cloudWatch.requests.get('CreateLogGroup ResourceAlreadyExistsException') ?? 0;
    cloudWatch.create('counted');
    await ask('CreateLogGroup', { logGroupName: 'counted' });
    assert.equal(cloudWatch.requests.get('CreateLogGroup ResourceAlreadyExistsException'), before + 1);
  });

  it('is held in memory up to a size', async () => {
    await assert.rejects(ask('PutLogEvents', Buffer.alloc(13 << 20, 0x20)), /ECONNRESET|EPIPE/);
    assert.equal((await ask('DescribeLogGroups')).status, 200);
  });
});
