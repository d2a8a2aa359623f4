import {
  CloudWatchLogsClient, CreateLogGroupCommand, CreateLogStreamCommand, DescribeLogStreamsCommand, PutLogEventsCommand, PutRetentionPolicyCommand,
  type CloudWatchLogsClientConfig, type PutLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import type { Logger } from '../../core/logger.js';
import { HttpHandler } from './http-handler.js';
import type { LogEvent } from './puts.js';

export interface LogsClientOptions {
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly connectTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/**
 * The requests that are made of CloudWatch Logs, each attempted once: who calls tries again. Credentials come from the
 * SDK's default chain: environment, profile, web identity (IRSA), ECS and Pod Identity, the instance's role. Rejects
 * with the SDK's errors, which `failures.ts` explains. Importing this file loads the SDK.
 */
export class LogsClient {
  readonly #options: LogsClientOptions;
  readonly #handler: HttpHandler;
  #client: CloudWatchLogsClient | undefined;
  #region: Promise<string> | undefined;

  constructor(options: LogsClientOptions) {
    this.#options = options;
    this.#handler = new HttpHandler(options);
  }

  putEvents(group: string, stream: string, events: readonly LogEvent[], abortSignal: AbortSignal): Promise<PutLogEventsCommandOutput> {
    return this.#current().send(new PutLogEventsCommand({ logGroupName: group, logStreamName: stream, logEvents: events as LogEvent[] }), { abortSignal });
  }

  async createGroup(group: string, abortSignal: AbortSignal): Promise<void> {
    await this.#current().send(new CreateLogGroupCommand({ logGroupName: group }), { abortSignal });
  }

  async keepFor(group: string, retentionInDays: number, abortSignal: AbortSignal): Promise<void> {
    await this.#current().send(new PutRetentionPolicyCommand({ logGroupName: group, retentionInDays }), { abortSignal });
  }

  async createStream(group: string, stream: string, abortSignal: AbortSignal): Promise<void> {
    await this.#current().send(new CreateLogStreamCommand({ logGroupName: group, logStreamName: stream }), { abortSignal });
  }

  /** Asks for one stream of the group, for the sake of the answer's being one. */
  async lookAt(group: string, abortSignal: AbortSignal): Promise<void> {
    await this.#current().send(new DescribeLogStreamsCommand({ logGroupName: group, limit: 1 }), { abortSignal });
  }

  /** Looks credentials up anew for the next request: files are read again, roles assumed again. */
  forgetCredentials(): void {
    this.#client = undefined;
  }

  /** Closes all connections. A later request opens them anew. */
  close(): void {
    this.#client = undefined;
    this.#handler.destroy();
  }

  #current(): CloudWatchLogsClient {
    return (this.#client ??= new CloudWatchLogsClient(this.#config()));
  }

  #config(): CloudWatchLogsClientConfig {
    const { region, endpoint, environment, logger } = this.#options;
    // An empty variable says nothing.
    const given = [region, environment['AWS_REGION'], environment['AWS_DEFAULT_REGION']].find((name) => name !== undefined && name !== '');
    return {
      region: given ?? (() => this.#foundRegion()),
      ...(endpoint === undefined ? {} : { endpoint }),
      maxAttempts: 1,
      requestHandler: this.#handler,
      credentialDefaultProvider: (init) => defaultProvider({ ...(init as object), ignoreCache: true }),
      logger: sdkLogger(logger),
    };
  }

  /** Looked for until it is found, and then no more: the client asks for it with each request. */
  #foundRegion(): Promise<string> {
    this.#region ??= regionOf(this.#options.environment).catch((error: unknown) => {
      this.#region = undefined;
      throw error;
    });
    return this.#region;
  }
}

/** The profile's region, else that of the instance this runs on. */
async function regionOf(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  const { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } = await import('@smithy/core/config');
  try {
    return await loadConfig(NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS)();
  } catch (error) {
    if (environment['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') throw error;
    return await instanceRegion().catch(() => { throw error; });
  }
}

async function instanceRegion(): Promise<string> {
  const { MetadataService } = await import('@aws-sdk/ec2-metadata-service');
  const service = new MetadataService({ httpOptions: { timeout: 1000 } });
  return service.request('/latest/meta-data/placement/region', {});
}

/** The SDK tells each request at `info`, with its input, which is what is logged: nothing of that is ours to tell. */
function sdkLogger(logger: Logger): NonNullable<CloudWatchLogsClientConfig['logger']> {
  const nothing = (): void => undefined;
  return { trace: nothing, debug: nothing, info: nothing, warn: (content: unknown) => { if (typeof content === 'string') logger.debug(content); }, error: nothing };
}
