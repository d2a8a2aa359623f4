import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '../eventually.js';
import type { Fault } from './faults.js';
import { LocalCloudWatch } from './local-cloudwatch.js';
import { type CallAnswer, type CallOptions, call } from './signed-request.js';

describe('what the local CloudWatch Logs can be told to do wrong', () => {
  let cloudWatch: LocalCloudWatch;
  before(async () => {
    cloudWatch = await LocalCloudWatch.listen();
    cloudWatch.create('g', 's');
    cloudWatch.create('g', 't');
  });
  afterEach(() => cloudWatch.faults.clear());
  after(() => cloudWatch.close());

  const put = (message = 'x', logStreamName = 's', options: CallOptions = {}): Promise<CallAnswer> =>
    call(cloudWatch.url, 'PutLogEvents', { logGroupName: 'g', logStreamName, logEvents: [{ timestamp: Date.now(), message }] }, options);
  const stored = (stream = 's'): readonly string[] => cloudWatch.events('g', stream).map(({ message }) => message);

  async function answered(fault: Fault, status: number, code: string | undefined, message: string | undefined): Promise<void> {
    const before = stored().length;
    cloudWatch.faults.add({ times: 1, ...fault });
    const { body, ...answer } = await put();
    assert.deepEqual([answer.status, body['__type'], body['message'] ?? body['Message'], stored().length], [status, code, message, before]);
    assert.equal((await put()).status, 200);
  }

  it('throttles', () => answered({ kind: 'throttle' }, 400, 'ThrottlingException', 'Rate exceeded'));
  it('is not available', () => answered({ kind: 'unavailable' }, 503, 'ServiceUnavailableException', 'The service cannot complete the request.'));
  it('fails', () => answered({ kind: 'internal' }, 500, 'InternalFailure', undefined));
  it('is behind a proxy that has lost it', () => answered({ kind: 'bad-gateway' }, 502, undefined, undefined));
  it('aborts', () => answered({ kind: 'abort' }, 400, 'OperationAbortedException', 'A conflicting operation is currently in progress against this resource. Please try again.'));
  it('has reached a limit', () => answered({ kind: 'limit' }, 400, 'LimitExceededException', 'Resource limit exceeded.'));

  it('denies, and names action and resource', () =>
    answered(
      { kind: 'deny', action: 'PutLogEvents' },
      400,
      'AccessDeniedException',
      'User: arn:aws:iam::123456789012:user/test is not authorized to perform: logs:PutLogEvents on resource: arn:aws:logs:eu-central-1:123456789012:log-group:g:log-stream:s because no identity-based policy allows the logs:PutLogEvents action',
    ));

  it('resets the connection before anything is done', async () => {
    cloudWatch.faults.add({ kind: 'reset', times: 1 });
    await assert.rejects(put('never'), /ECONNRESET|socket hang up/);
    assert.ok(!stored().includes('never'));
  });

  it('loses the answer after everything is done', async () => {
    cloudWatch.faults.add({ kind: 'lose-answer', times: 1 });
    await assert.rejects(put('done'), /ECONNRESET|socket hang up/);
    assert.equal(stored().at(-1), 'done');
  });

  it('hangs before and after everything is done, until it is closed', async () => {
    const count = stored().length;
    cloudWatch.faults.add({ kind: 'hang', stream: 's', accept: true });
    cloudWatch.faults.add({ kind: 'hang', stream: 't' });
    const rejected = Promise.all([assert.rejects(put('kept')), assert.rejects(put('kept')), assert.rejects(put('lost', 't'))]);
    await eventually(() => [cloudWatch.mostInFlight('g', 's'), cloudWatch.mostInFlight('g', 't')] as const, ([s, t]) => s === 2 && t === 1);
    await cloudWatch.restart();
    await rejected;
    assert.deepEqual([stored().slice(count), stored('t')], [['kept', 'kept'], []]);
    cloudWatch.faults.clear();
    assert.equal((await put()).status, 200);
  });

  it('is slow', async () => {
    cloudWatch.faults.add({ kind: 'slow', ms: 100 });
    const startMs = performance.now();
    assert.equal((await put()).status, 200);
    assert.ok(performance.now() - startMs >= 95);
  });

  it('rejects events whatever their time', async () => {
    cloudWatch.faults.add({ kind: 'reject', tooOld: 1, expired: 1, tooNew: 2 });
    const logEvents = ['a', 'b', 'c', 'd', 'e'].map((message) => ({ timestamp: Date.now(), message }));
    const { status, body } = await call(cloudWatch.url, 'PutLogEvents', { logGroupName: 'g', logStreamName: 's', logEvents });
    assert.deepEqual([status, body['rejectedLogEventsInfo'], stored().at(-1)], [200, { tooOldLogEventEndIndex: 1, expiredLogEventEndIndex: 2, tooNewLogEventStartIndex: 3 }, 'c']);
  });

  it('does so each so many times, for the requests that it was told', async () => {
    const handle = cloudWatch.faults.add({ kind: 'throttle', action: 'PutLogEvents', stream: 's', every: 3, times: 2 });
    const statuses: number[] = [];
    for (let count = 0; count < 10; count++) {
      assert.equal((await put('x', 't')).status, 200);
      statuses.push((await put()).status);
    }
    assert.deepEqual(statuses, [200, 200, 400, 200, 200, 400, 200, 200, 200, 200]);
    assert.equal(handle.hits, 2);
  });

  it('throttles what exceeds a rate', async () => {
    const handle = cloudWatch.faults.add({ kind: 'throttle', perSecond: 2 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => put()));
    const passed = answers.filter(({ status }) => status === 200).length;
    assert.ok(passed >= 2, `${passed}`);
    assert.equal(handle.hits, 40 - passed);
    assert.ok(handle.hits > 0);
  });

  it('is told so by hand, too', async () => {
    const control = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
      const response = await fetch(`${cloudWatch.url}/_local${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      return { status: response.status, ...((await response.json()) as object) };
    };
    const { id } = await control('POST', '/faults', { kind: 'throttle' });
    assert.equal((await put()).status, 400);
    assert.deepEqual((await control('GET', ''))['faults'], [{ id, hits: 1, kind: 'throttle' }]);
    await control('DELETE', `/faults/${id}`);
    assert.equal((await put()).status, 200);
    assert.match(String((await control('POST', '/faults', { kind: 'explode' }))['error']), /Invalid option/);

    const minted = await control('GET', '/credentials?ttlMs=3600000');
    assert.ok(Date.parse(String(minted['Expiration'])) > Date.now());
    const credential = { accessKeyId: String(minted['AccessKeyId']), secretAccessKey: String(minted['SecretAccessKey']), sessionToken: String(minted['Token']) };
    assert.equal((await put('x', 's', { credential })).status, 200);
    await control('POST', '/expire', {});
    assert.equal((await put('x', 's', { credential })).body['__type'], 'ExpiredTokenException');
    await control('POST', '/credentials', { accessKeyId: 'new', secretAccessKey: 'key' });
    assert.equal((await put('x', 's', { credential: { accessKeyId: 'new', secretAccessKey: 'key' } })).status, 200);

    await control('POST', '/clock', { offsetMs: 3_600_000 });
    assert.equal((await put()).body['__type'], 'InvalidSignatureException');
    await control('POST', '/clock', { offsetMs: 0 });
    assert.equal((await put()).status, 200);
  });
});
