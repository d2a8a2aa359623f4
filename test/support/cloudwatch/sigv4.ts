import { createHash, createHmac } from 'node:crypto';
import type { Credential, Credentials } from './credentials.js';
import { ServiceError } from './service-error.js';

export interface SignedRequest {
  readonly method: string;
  /** As it stood in the request line. */
  readonly target: string;
  /** Name, value, name, value…, as they came (`rawHeaders`). */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Verification {
  readonly credentials: Credentials;
  readonly nowMs: number;
  /** The only region that is served; any, where it is left out. */
  readonly region?: string | undefined;
}

/** AWS's answer to a clock that is off by more (Signature Version 4, "Signature expired"). */
const maxSkewMs = 5 * 60_000;
const algorithm = 'AWS4-HMAC-SHA256';
const service = 'logs';

/**
 * Who signed the request, and for which region, by Signature Version 4 in the Authorization header
 * (AWS General Reference, "Signature Version 4 signing process"). Throws what AWS answers.
 *
 * The parts are checked in this order: what is written, the scope, the time, the key, the token, the signature. As strict
 * as the specification: every `x-amz-` header that is sent must be signed.
 */
export function verify(request: SignedRequest, { credentials, nowMs, region }: Verification): { readonly credential: Credential; readonly region: string } {
  const headers = headersOf(request.rawHeaders);
  const authorization = parseAuthorization(headers);
  const { scope, signedHeaders, signature, amzDate } = authorization;
  checkSignedHeaders(signedHeaders, headers);
  checkScope(scope, amzDate, region);
  checkTime(amzDate, nowMs);

  const credential = credentials.find(scope.accessKeyId);
  const token = headers.get('x-amz-security-token');
  if (credential === undefined || credential.sessionToken !== token) {
    throw new ServiceError('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }

  const canonicalRequest = canonical(request, headers, signedHeaders);
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/${scope.terminator}`;
  const stringToSign = `${algorithm}\n${amzDate}\n${scopeText}\n${sha256(canonicalRequest)}`;
  const key = [scope.date, scope.region, service, 'aws4_request'].reduce<string | Buffer>((parent, part) => hmac(parent, part), `AWS4${credential.secretAccessKey}`);
  if (hmac(key, stringToSign).toString('hex') !== signature) {
    throw invalidSignature(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n' +
        `The Canonical String for this request should have been\n'${canonicalRequest}'\n\nThe String-to-Sign should have been\n'${stringToSign}'\n`,
    );
  }
  const announced = headers.get('x-amz-content-sha256');
  if (announced !== undefined && announced !== sha256(request.body)) {
    throw invalidSignature("The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  if (credential.expiresAtMs !== undefined && nowMs >= credential.expiresAtMs) {
    throw new ServiceError('ExpiredTokenException', 'The security token included in the request is expired');
  }
  return { credential, region: scope.region };
}

type Headers = ReadonlyMap<string, string>;

interface Scope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
}

function parseAuthorization(headers: Headers): { readonly scope: Scope; readonly signedHeaders: readonly string[]; readonly signature: string; readonly amzDate: string } {
  const authorization = headers.get('authorization');
  if (authorization === undefined || authorization === '') throw new ServiceError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const parameters = new Map<string, string>();
  const space = authorization.indexOf(' ');
  for (const part of authorization.slice(space + 1).split(',').map((text) => text.trim()).filter((text) => text !== '')) {
    const equals = part.indexOf('=');
    // A blank inside is what a stray one in the key's id brings about.
    const word = / (\S*)$/.exec(part)?.[1] ?? (equals < 1 ? part : undefined);
    if (word !== undefined) throw incomplete(`'${word}' not a valid key=value pair (missing equal-sign) in Authorization header: '${authorization}'.`);
    parameters.set(part.slice(0, equals), part.slice(equals + 1));
  }
  const amzDate = headers.get('x-amz-date') ?? isoOf(headers.get('date'));
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !parameters.get(name)).map((name) => `Authorization header requires '${name}' parameter.`);
  if (amzDate === undefined) missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  if (missing.length > 0) throw incomplete(`${missing.join(' ')} Authorization=${authorization}`);
  if (authorization.slice(0, space) !== algorithm) throw incomplete(`Unsupported AWS 'algorithm': '${authorization.slice(0, space)}'.`);
  if (!/^\d{8}T\d{6}Z$/.test(amzDate as string)) throw incomplete(`Date must be in ISO-8601 'basic format'. Got '${amzDate}'. See http://en.wikipedia.org/wiki/ISO_8601`);

  const credential = parameters.get('Credential') as string;
  const elements = credential.split('/');
  if (elements.length !== 5) throw incomplete(`Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`);
  const [accessKeyId, date, region, scopeService, terminator] = elements as [string, string, string, string, string];
  return {
    scope: { accessKeyId, date, region, service: scopeService, terminator },
    signedHeaders: (parameters.get('SignedHeaders') as string).split(';'),
    signature: parameters.get('Signature') as string,
    amzDate: amzDate as string,
  };
}

function checkSignedHeaders(signedHeaders: readonly string[], headers: Headers): void {
  if (!signedHeaders.includes('host')) throw invalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  const unsigned = [...headers.keys()].find((name) => name.startsWith('x-amz-') && !signedHeaders.includes(name));
  if (unsigned !== undefined) throw invalidSignature(`'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`);
  if (signedHeaders.some((name, index) => name !== name.toLowerCase() || (index > 0 && name <= (signedHeaders[index - 1] as string)))) {
    throw invalidSignature(`The signed headers must be in lower case and sorted, got '${signedHeaders.join(';')}'.`);
  }
}

function checkScope(scope: Scope, amzDate: string, region: string | undefined): void {
  const wrong: string[] = [];
  if (region === undefined ? !/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(scope.region) : scope.region !== region) wrong.push(`Credential should be scoped to a valid region, not '${scope.region}'. `);
  if (scope.service !== service) wrong.push(`Credential should be scoped to correct service: '${service}'. `);
  if (scope.terminator !== 'aws4_request') wrong.push(`Credential should be scoped with a valid terminator: 'aws4_request', not '${scope.terminator}'. `);
  if (scope.date !== amzDate.slice(0, 8)) {
    wrong.push(`Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scope.date}' != '${amzDate.slice(0, 8)}', from '${amzDate}'.`);
  }
  if (wrong.length > 0) throw invalidSignature(wrong.join(''));
}

function checkTime(amzDate: string, nowMs: number): void {
  const signedMs = Date.parse(amzDate.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const now = basicFormat(nowMs);
  if (signedMs < nowMs - maxSkewMs) throw invalidSignature(`Signature expired: ${amzDate} is now earlier than ${basicFormat(nowMs - maxSkewMs)} (${now} - 5 min.)`);
  if (signedMs > nowMs + maxSkewMs) throw invalidSignature(`Signature not yet current: ${amzDate} is still later than ${basicFormat(nowMs + maxSkewMs)} (${now} + 5 min.)`);
}

function canonical({ method, target, body }: SignedRequest, headers: Headers, signedHeaders: readonly string[]): string {
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const query = question < 0 ? '' : target.slice(question + 1).split('&').map((pair) => (pair.includes('=') ? pair : `${pair}=`)).sort().join('&');
  const lines = signedHeaders.map((name) => `${name}:${headers.get(name) ?? ''}\n`).join('');
  return `${method}\n${path}\n${query}\n${lines}\n${signedHeaders.join(';')}\n${sha256(body)}`;
}

/** Names in lower case; values trimmed, their blanks joined into one; a name that comes several times with commas. */
function headersOf(rawHeaders: readonly string[]): Headers {
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    const value = (rawHeaders[at + 1] as string).trim().replace(/ +/g, ' ');
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

function isoOf(httpDate: string | undefined): string | undefined {
  const timeMs = Date.parse(httpDate ?? '');
  return Number.isNaN(timeMs) ? undefined : basicFormat(timeMs);
}

const basicFormat = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
const invalidSignature = (message: string): ServiceError => new ServiceError('InvalidSignatureException', message);
const incomplete = (message: string): ServiceError => new ServiceError('IncompleteSignatureException', message);
