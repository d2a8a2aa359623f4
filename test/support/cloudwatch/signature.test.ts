import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LocalCloudWatch } from './local-cloudwatch.js';
import { type CallOptions, call } from './signed-request.js';

describe('the signature that the local CloudWatch Logs asks for', () => {
  let cloudWatch: LocalCloudWatch;
  before(async () => {
    cloudWatch = await LocalCloudWatch.listen();
  });
  after(() => cloudWatch.close());

  const ask = (options: CallOptions = {}): ReturnType<typeof call> => call(cloudWatch.url, 'DescribeLogGroups', {}, options);

  async function refused(options: CallOptions, code: string, message: RegExp): Promise<void> {
    const { status, body } = await ask(options);
    assert.equal(status, 400);
    assert.equal(body['__type'], code);
    assert.match(String(body['message']), message);
  }

  it('is good with the right keys, also with blanks in a header', async () => {
    assert.equal((await ask()).status, 200);
    assert.equal((await ask({ headers: { 'x-amz-user-agent': 'a   b' } })).status, 200);
  });

  it('may be up to five minutes early or late', async () => {
    const nowMs = Date.UTC(2026, 0, 1, 12);
    const frozen = await LocalCloudWatch.listen({ now: () => nowMs });
    try {
      for (const [signedAtMs, status] of [[nowMs - 300_000, 200], [nowMs - 301_000, 400], [nowMs + 300_000, 200], [nowMs + 301_000, 400]] as const) {
        assert.equal((await call(frozen.url, 'DescribeLogGroups', {}, { signedAtMs })).status, status);
      }
    } finally {
      await frozen.close();
    }
  });

  it('is refused with a wrong secret, and the canonical request is shown', () =>
    refused({ credential: { accessKeyId: 'test', secretAccessKey: 'wrong' } }, 'InvalidSignatureException', /^The request signature we calculated does not match[^]*x-amz-target:Logs_20140328\.DescribeLogGroups[^]*The String-to-Sign/));

  it('covers the body', () => refused({ tamper: { body: '{"limit":1}' } }, 'InvalidSignatureException', /does not match/));

  it('covers the target', () => refused({ tamper: { headers: { 'x-amz-target': 'Logs_20140328.CreateLogGroup' } } }, 'InvalidSignatureException', /does not match/));

  it('must cover the token and every other x-amz- header', () =>
    refused({ tamper: { headers: { 'x-amz-security-token': 'unsigned' } } }, 'InvalidSignatureException', /^'x-amz-security-token' must be a 'SignedHeader'/));

  it('must cover the host', () => refused({ signed: (names) => names.filter((name) => name !== 'host') }, 'InvalidSignatureException', /^'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization\.$/));

  it('must name its headers in their order', () => refused({ signed: (names) => names.toReversed() }, 'InvalidSignatureException', /sorted/));

  it('must agree with the announced hash of the body', () =>
    refused({ headers: { 'x-amz-content-sha256': '0'.repeat(64) } }, 'InvalidSignatureException', /x-amz-content-sha256/));

  it('is refused when it is too old', () =>
    refused({ signedAtMs: Date.now() - 3_600_000 }, 'InvalidSignatureException', /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/));

  it('is refused when it is from the future', () =>
    refused({ signedAtMs: Date.now() + 3_600_000 }, 'InvalidSignatureException', /^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)$/));

  it('follows the clock of the service, and so does the Date of each answer', async () => {
    cloudWatch.clockOffsetMs = 3_600_000;
    try {
      const { body, headers } = await ask();
      assert.match(String(body['message']), /^Signature expired/);
      const ahead = Date.parse(String(headers['date'])) - Date.now();
      assert.ok(ahead > 3_000_000, `${ahead}`);
      assert.equal((await ask({ signedAtMs: Date.now() + 3_600_000 })).status, 200);
    } finally {
      cloudWatch.clockOffsetMs = 0;
    }
  });

  it('must be for this service', () => refused({ service: 'monitoring' }, 'InvalidSignatureException', /^Credential should be scoped to correct service: 'logs'\. $/));

  it('must end its scope as AWS does', () => refused({ terminator: 'aws5_request' }, 'InvalidSignatureException', /^Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'\. $/));

  it('must be for a region', () => refused({ region: 'nowhere' }, 'InvalidSignatureException', /^Credential should be scoped to a valid region, not 'nowhere'\. $/));

  it('must be for the day of its date', () =>
    refused({ tamper: { headers: { 'x-amz-date': '20200101T000000Z' } } }, 'InvalidSignatureException', /^Date in Credential scope does not match YYYYMMDD/));

  it('must be for the one region of a service that has one', async () => {
    const regional = await LocalCloudWatch.listen({ region: 'us-east-1' });
    try {
      assert.equal((await call(regional.url, 'DescribeLogGroups', {}, { region: 'us-east-1' })).status, 200);
      assert.match(String((await call(regional.url, 'DescribeLogGroups', {})).body['message']), /not 'eu-central-1'/);
    } finally {
      await regional.close();
    }
  });

  it('must be there', () => refused({ tamper: { headers: { authorization: undefined } } }, 'MissingAuthenticationTokenException', /^Missing Authentication Token$/));

  for (const [what, authorization, message] of [
    ['another scheme', 'Bearer abc', /^'abc' not a valid key=value pair \(missing equal-sign\) in Authorization header: 'Bearer abc'\.$/],
    ['parts that are missing', 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/logs/aws4_request', /^Authorization header requires 'Signature' parameter\. Authorization header requires 'SignedHeaders' parameter\. /],
    ['a key with a blank after it', 'AWS4-HMAC-SHA256 Credential=test /20260101/eu-central-1/logs/aws4_request, SignedHeaders=host, Signature=0', /^'\/20260101\/eu-central-1\/logs\/aws4_request' not a valid key=value pair/],
    ['a credential of three parts', 'AWS4-HMAC-SHA256 Credential=test/20260101/logs, SignedHeaders=host, Signature=0', /^Credential must have exactly 5 slash-delimited elements/],
    ['another algorithm', 'AWS4-HMAC-SHA1 Credential=test/20260101/eu-central-1/logs/aws4_request, SignedHeaders=host, Signature=0', /^Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'\.$/],
  ] as const) {
    it(`is incomplete with ${what}`, () => refused({ tamper: { headers: { authorization } } }, 'IncompleteSignatureException', message));
  }

  it('is refused for keys that are not known', () =>
    refused({ credential: { accessKeyId: 'nobody', secretAccessKey: 'test' } }, 'UnrecognizedClientException', /^The security token included in the request is invalid\.$/));

  it('needs the token of a temporary credential, until it expires, and then takes a new one', async () => {
    const credential = cloudWatch.credentials.mint(cloudWatch.nowMs() + 3_600_000);
    const { accessKeyId, secretAccessKey, sessionToken } = credential;
    assert.equal((await ask({ credential })).status, 200);
    await refused({ credential: { accessKeyId, secretAccessKey } }, 'UnrecognizedClientException', /is invalid/);
    await refused({ credential: { accessKeyId, secretAccessKey, sessionToken: 'another' } }, 'UnrecognizedClientException', /is invalid/);
    await refused({ credential: { accessKeyId: 'test', secretAccessKey: 'test', sessionToken } }, 'UnrecognizedClientException', /is invalid/);
    cloudWatch.credentials.expire();
    await refused({ credential }, 'ExpiredTokenException', /^The security token included in the request is expired$/);
    assert.equal((await ask({ credential: cloudWatch.credentials.mint(cloudWatch.nowMs() + 3_600_000) })).status, 200);
    assert.equal((await ask()).status, 200);
  });

  it('expires with time', async () => {
    const credential = cloudWatch.credentials.mint(cloudWatch.nowMs() - 1);
    await refused({ credential }, 'ExpiredTokenException', /is expired/);
  });
});
