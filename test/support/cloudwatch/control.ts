import { z } from 'zod';
import type { LocalCloudWatch } from './local-cloudwatch.js';
import { faultSchema } from './faults.js';

export const controlPath = '/_local';

/**
 * What can be told to a running service without a signature, in JSON, for trying things out by hand:
 *
 *   GET    /_local               what it holds, what it counted, which faults are in force
 *   POST   /_local/faults        a fault (see `faultSchema`); answers its id
 *   DELETE /_local/faults[/ID]   one, or all of them
 *   POST   /_local/clock         {"offsetMs": 3600000}: the service's clock is an hour ahead
 *   GET    /_local/credentials   a new temporary credential, as a container's endpoint gives it: with
 *                                AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:PORT/_local/credentials it is what
 *                                a client uses; ?ttlMs=60000 says how long it is good for, ?announcedMs=3600000 how
 *                                long it is said to be
 *   POST   /_local/credentials   {"accessKeyId", "secretAccessKey", "sessionToken"?, "expiresAtMs"?}
 *   POST   /_local/expire        {"accessKeyId"?}: that one, or every temporary one, has expired
 */
export function control(cloudWatch: LocalCloudWatch, method: string, url: URL, body: string): { readonly status: number; readonly body: unknown } {
  const [, , what = '', id] = url.pathname.split('/');
  try {
    return { status: 200, body: answer(cloudWatch, `${method} ${what}`, { id, query: url.searchParams, input: body === '' ? {} : JSON.parse(body) }) };
  } catch (error) {
    return { status: 400, body: { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) } };
  }
}

function answer(cloudWatch: LocalCloudWatch, request: string, { id, query, input }: { readonly id: string | undefined; readonly query: URLSearchParams; readonly input: unknown }): unknown {
  const { credentials, faults } = cloudWatch;
  switch (request) {
    case 'GET ':
      return {
        nowMs: cloudWatch.nowMs(),
        ...cloudWatch.totals(),
        requests: Object.fromEntries(cloudWatch.requests),
        groups: Object.fromEntries(cloudWatch.groups().map((group) => [group, cloudWatch.streams(group)])),
        faults: faults.list().map((handle) => ({ id: handle.id, hits: handle.hits, ...handle.fault })),
      };
    case 'POST faults':
      return { id: faults.add(faultSchema.parse(input)).id };
    case 'DELETE faults':
      id === undefined ? faults.clear() : faults.remove(Number(id));
      return {};
    case 'POST clock':
      cloudWatch.clockOffsetMs = z.strictObject({ offsetMs: z.number() }).parse(input).offsetMs;
      return { nowMs: cloudWatch.nowMs() };
    case 'GET credentials': {
      const ttlMs = Number(query.get('ttlMs') ?? 3_600_000);
      const minted = credentials.mint(cloudWatch.nowMs() + ttlMs);
      const expiration = new Date(cloudWatch.nowMs() + Number(query.get('announcedMs') ?? ttlMs)).toISOString();
      return { AccessKeyId: minted.accessKeyId, SecretAccessKey: minted.secretAccessKey, Token: minted.sessionToken, Expiration: expiration };
    }
    case 'POST credentials': {
      const { accessKeyId, secretAccessKey, sessionToken, expiresAtMs } = credentialSchema.parse(input);
      credentials.add({ accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }), ...(expiresAtMs === undefined ? {} : { expiresAtMs }) });
      return {};
    }
    case 'POST expire':
      credentials.expire(z.strictObject({ accessKeyId: z.string().optional() }).parse(input).accessKeyId);
      return {};
    default:
      throw new Error(`Unknown: ${request}`);
  }
}

const credentialSchema = z.strictObject({ accessKeyId: z.string(), secretAccessKey: z.string(), sessionToken: z.string().optional(), expiresAtMs: z.number().optional() });
