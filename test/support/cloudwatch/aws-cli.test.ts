import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { AwsCli } from './aws-cli.js';

describe('the local CloudWatch Logs, started by hand, and the AWS command line', () => {
  let service: ChildProcess;
  let url = '';
  let cli: AwsCli;

  before(async () => {
    service = spawn('npm', ['run', '--silent', 'cloudwatch-local', '--', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    assert.ok(service.stdout);
    for await (const line of createInterface(service.stdout)) {
      url = /listens on (http:\S+);/.exec(line)?.[1] ?? '';
      if (url !== '') break;
    }
    service.stdout.resume();
    cli = new AwsCli(url);
  });
  after(async () => {
    if (service.exitCode !== null || service.pid === undefined) return;
    const exited = once(service, 'exit');
    // npm and what it runs: a group of its own.
    process.kill(-service.pid, 'SIGTERM');
    await exited;
  });

  const aws: AwsCli['logs'] = (...args) => cli.logs(...args);

  const group = ['--log-group-name', '/eks/demo'];
  const stream = [...group, '--log-stream-name', 'kubelet.service-ip-10-0-0-1'];
  const nowMs = Date.now();
  const sent = [{ timestamp: nowMs - 15 * 86_400_000, message: 'too old' }, { timestamp: nowMs, message: 'Grüße, 世界 😀\n\tline two' }, { timestamp: nowMs, message: '{"a":1}' }];
  const messages = (answer: Record<string, unknown>): string[] => (answer['events'] as { message: string }[]).map(({ message }) => message);

  it('puts and reads back', async () => {
    await aws(['create-log-group', ...group]);
    await aws(['create-log-stream', ...stream]);
    const put = await aws(['put-log-events', ...stream, '--log-events', JSON.stringify(sent)]);
    assert.deepEqual(put['rejectedLogEventsInfo'], { tooOldLogEventEndIndex: 1 });
    const expected = sent.slice(1).map(({ message }) => message);
    assert.deepEqual(messages(await aws(['get-log-events', ...stream, '--start-from-head'])), expected);
    // The command line follows the pages by itself.
    assert.deepEqual(messages(await aws(['filter-log-events', ...group, '--page-size', '1'])), expected);
  });

  it('describes what is there', async () => {
    await aws(['put-retention-policy', ...group, '--retention-in-days', '7']);
    const [{ logGroupName, retentionInDays }] = (await aws(['describe-log-groups', '--log-group-name-prefix', '/eks']))['logGroups'] as [Record<string, unknown>];
    assert.deepEqual([logGroupName, retentionInDays], ['/eks/demo', 7]);
    const [{ logStreamName, lastEventTimestamp }] = (await aws(['describe-log-streams', ...group]))['logStreams'] as [Record<string, unknown>];
    assert.deepEqual([logStreamName, lastEventTimestamp], ['kubelet.service-ip-10-0-0-1', nowMs]);
  });

  it('tells the error by its name, and refuses a wrong secret key', async () => {
    await assert.rejects(aws(['create-log-stream', ...stream]), /\(ResourceAlreadyExistsException\) when calling the CreateLogStream operation: The specified log stream already exists/);
    await assert.rejects(aws(['put-log-events', ...stream, '--log-events', JSON.stringify(sent)], { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'wrong' }), /\(InvalidSignatureException\) when calling the PutLogEvents operation: The request signature we calculated/);
    assert.equal(messages(await aws(['get-log-events', ...stream])).length, 2);
  });

  it('uses the temporary credential that the service gives like a container\'s endpoint, until it has expired', async () => {
    const from = (query: string): Record<string, string> => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/_local/credentials${query}` });
    await aws(['put-log-events', ...stream, '--log-events', JSON.stringify(sent.slice(2))], from(''));
    assert.equal(messages(await aws(['get-log-events', ...stream])).length, 3);
    await assert.rejects(aws(['get-log-events', ...stream], from('?ttlMs=0&announcedMs=3600000')), /\(ExpiredTokenException\) when calling the GetLogEvents operation: The security token included in the request is expired/);
  });
});
