/**
 * The inputs that the local service takes, in the words of AWS's own service model (Smithy: com.amazonaws.cloudwatchlogs).
 * `shapes.test.ts` compares each with the model that the AWS command line brings.
 */
export type Shape =
  | { readonly type: 'string'; readonly min?: number; readonly max?: number; readonly pattern?: string; readonly enum?: readonly string[] }
  | { readonly type: 'integer' | 'long'; readonly min?: number; readonly max?: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'list'; readonly member: Shape; readonly min?: number; readonly max?: number }
  | { readonly type: 'map'; readonly key: Shape; readonly value: Shape; readonly min?: number; readonly max?: number }
  | Structure;

export interface Structure {
  readonly type: 'structure';
  readonly members: Readonly<Record<string, Shape>>;
  readonly required: readonly string[];
}

const structure = (members: Readonly<Record<string, Shape>>, ...required: string[]): Structure => ({ type: 'structure', members, required });
const text = (min: number, max: number): Shape => ({ type: 'string', min, max });

const logGroupName: Shape = { type: 'string', min: 1, max: 512, pattern: '[\\.\\-_/#A-Za-z0-9]+' };
const logGroupIdentifier: Shape = { type: 'string', min: 1, max: 2048, pattern: '[\\w#+=/:,.@-]*' };
const logStreamName: Shape = { type: 'string', min: 1, max: 512, pattern: '[^:*]*' };
const logGroupClass: Shape = { type: 'string', enum: ['STANDARD', 'INFREQUENT_ACCESS', 'DELIVERY'] };
const timestamp: Shape = { type: 'long', min: 0 };
const nextToken: Shape = { type: 'string', min: 1 };
const describeLimit: Shape = { type: 'integer', min: 1, max: 50 };
const eventsLimit: Shape = { type: 'integer', min: 1, max: 10_000 };
const boolean: Shape = { type: 'boolean' };

const entity = structure({
  keyAttributes: { type: 'map', key: text(1, 32), value: text(1, 512), min: 2, max: 4 },
  attributes: { type: 'map', key: text(1, 256), value: text(1, 512), min: 0, max: 10 },
});

/** By the name that follows `Logs_20140328.` in X-Amz-Target. */
export const inputs = {
  CreateLogGroup: structure(
    {
      logGroupName,
      kmsKeyId: { type: 'string', max: 256 },
      tags: {
        type: 'map', min: 1, max: 50,
        key: { type: 'string', min: 1, max: 128, pattern: '^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+)$' },
        value: { type: 'string', max: 256, pattern: '^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$' },
      },
      logGroupClass,
      deletionProtectionEnabled: boolean,
    },
    'logGroupName',
  ),
  DeleteLogGroup: structure({ logGroupName }, 'logGroupName'),
  CreateLogStream: structure({ logGroupName, logStreamName }, 'logGroupName', 'logStreamName'),
  DeleteLogStream: structure({ logGroupName, logStreamName }, 'logGroupName', 'logStreamName'),
  PutRetentionPolicy: structure({ logGroupName, retentionInDays: { type: 'integer' } }, 'logGroupName', 'retentionInDays'),
  DeleteRetentionPolicy: structure({ logGroupName }, 'logGroupName'),
  PutLogEvents: structure(
    {
      logGroupName,
      logStreamName,
      logEvents: { type: 'list', min: 1, max: 10_000, member: structure({ timestamp, message: { type: 'string', min: 1 } }, 'timestamp', 'message') },
      sequenceToken: { type: 'string', min: 1 },
      entity,
    },
    'logGroupName', 'logStreamName', 'logEvents',
  ),
  DescribeLogGroups: structure({
    accountIdentifiers: { type: 'list', min: 0, max: 20, member: { type: 'string', min: 12, max: 12, pattern: '^\\d{12}$' } },
    logGroupNamePrefix: logGroupName,
    logGroupNamePattern: { type: 'string', min: 0, max: 512, pattern: '[\\.\\-_/#A-Za-z0-9]*' },
    nextToken,
    limit: describeLimit,
    includeLinkedAccounts: boolean,
    logGroupClass,
    logGroupIdentifiers: { type: 'list', min: 1, max: 50, member: logGroupIdentifier },
  }),
  DescribeLogStreams: structure({
    logGroupName,
    logGroupIdentifier,
    logStreamNamePrefix: logStreamName,
    orderBy: { type: 'string', enum: ['LogStreamName', 'LastEventTime'] },
    descending: boolean,
    nextToken,
    limit: describeLimit,
  }),
  GetLogEvents: structure(
    { logGroupName, logGroupIdentifier, logStreamName, startTime: timestamp, endTime: timestamp, nextToken, limit: eventsLimit, startFromHead: boolean, unmask: boolean },
    'logStreamName',
  ),
  FilterLogEvents: structure({
    logGroupName,
    logGroupIdentifier,
    logStreamNames: { type: 'list', min: 1, max: 100, member: logStreamName },
    logStreamNamePrefix: logStreamName,
    startTime: timestamp,
    endTime: timestamp,
    filterPattern: { type: 'string', min: 0, max: 1024 },
    nextToken,
    limit: eventsLimit,
    interleaved: boolean,
    unmask: boolean,
  }),
} as const satisfies Readonly<Record<string, Structure>>;

export type Action = keyof typeof inputs;
export const isAction = (name: string): name is Action => Object.hasOwn(inputs, name);
