import { createHash, createHmac } from 'node:crypto';
import { request } from 'node:http';
import type { Credential } from './credentials.js';

export interface CallOptions {
  readonly credential?: Pick<Credential, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>;
  readonly region?: string;
  readonly service?: string;
  readonly terminator?: string;
  /** Which headers are signed, in which order: all of them, sorted. */
  readonly signed?: (names: readonly string[]) => readonly string[];
  readonly signedAtMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Changes the request after it was signed; a header that is undefined is taken away. */
  readonly tamper?: { readonly headers?: Readonly<Record<string, string | undefined>>; readonly body?: string | Buffer; readonly method?: string; readonly path?: string };
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed, where it is JSON. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** One request, signed by Signature Version 4 with what is given, to try what a good client never sends. Rejects where the connection ends first. */
export function call(url: string, action: string, input: unknown, options: CallOptions = {}): Promise<CallAnswer> {
  const { credential = { accessKeyId: 'test', secretAccessKey: 'test' }, region = 'eu-central-1', service = 'logs', terminator = 'aws4_request', signedAtMs = Date.now(), tamper = {} } = options;
  const body = typeof input === 'string' || Buffer.isBuffer(input) ? input : JSON.stringify(input);
  const amzDate = `${new Date(signedAtMs).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const headers: Record<string, string> = {
    'content-type': 'application/x-amz-json-1.1',
    host: new URL(url).host,
    'x-amz-date': amzDate,
    'x-amz-target': `Logs_20140328.${action}`,
    ...(credential.sessionToken === undefined ? {} : { 'x-amz-security-token': credential.sessionToken }),
    ...options.headers,
  };
  const sorted = Object.keys(headers).sort();
  const names = options.signed?.(sorted) ?? sorted;
  const canonical = `POST\n/\n\n${names.map((name) => `${name}:${headers[name]?.trim().replace(/ +/g, ' ')}\n`).join('')}\n${names.join(';')}\n${sha256(body)}`;
  const scope = [amzDate.slice(0, 8), region, service, terminator];
  const key = scope.reduce<string | Buffer>((parent, part) => hmac(parent, part), `AWS4${credential.secretAccessKey}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${amzDate}\n${scope.join('/')}\n${sha256(canonical)}`).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential.accessKeyId}/${scope.join('/')}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  const sent = Object.fromEntries(Object.entries({ ...headers, authorization, ...tamper.headers }).filter(([, value]) => value !== undefined));
  return send(url, tamper.method ?? 'POST', tamper.path ?? '/', sent as Record<string, string>, tamper.body ?? body);
}

function send(url: string, method: string, path: string, headers: Record<string, string>, body: string | Buffer): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, path, headers: { ...headers, 'content-length': Buffer.byteLength(body) }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const parsed = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed, text });
      });
    });
    outgoing.on('error', reject).end(body);
  });
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
