import type { Logger } from '../../core/logger.js';
import { nameOf, serviceFailureOf, type Operation, type ServiceFailure } from './failures.js';

/** What makes groups and streams. */
export interface Creator {
  createGroup(group: string, signal: AbortSignal): Promise<void>;
  keepFor(group: string, retentionDays: number, signal: AbortSignal): Promise<void>;
  createStream(group: string, stream: string, signal: AbortSignal): Promise<void>;
}

export interface ProvisionOptions {
  readonly client: Creator;
  readonly group: string;
  /** Whether the group may be created too, and how long it then keeps events. */
  readonly createsGroup: boolean;
  readonly retentionDays: number | undefined;
  readonly logger: Logger;
}

/** Makes the streams of a group that are missing, and the group itself where that is wanted: each once, however many ask for it at the same time. */
export class Provision {
  readonly #options: ProvisionOptions;
  readonly #streams = new Map<string, Promise<ServiceFailure | undefined>>();
  #group: Promise<ServiceFailure | undefined> | undefined;
  /** The group was made, and has not been told yet how long to keep events. */
  #owesRetention = false;

  constructor(options: ProvisionOptions) {
    this.#options = options;
  }

  /** Resolves to undefined when the stream is there, or to what went wrong. `signal` is that of whoever asks first. */
  ensureStream(stream: string, signal: AbortSignal): Promise<ServiceFailure | undefined> {
    const making = this.#streams.get(stream);
    if (making !== undefined) return making;
    const made = this.#makeStream(stream, signal).finally(() => this.#streams.delete(stream));
    this.#streams.set(stream, made);
    return made;
  }

  async #makeStream(stream: string, signal: AbortSignal): Promise<ServiceFailure | undefined> {
    const { client, group, createsGroup, logger } = this.#options;
    if (this.#owesRetention) {
      const failure = await this.#ensureGroup(signal);
      if (failure !== undefined) return failure;
    }
    const create = (): Promise<Created> => this.#create('CreateLogStream', () => client.createStream(group, stream, signal));
    let created = await create();
    if (created.isMissing && createsGroup) {
      const failure = await this.#ensureGroup(signal);
      if (failure !== undefined) return failure;
      created = await create();
    }
    if (created.isNew) logger.debug(`created the log stream ${stream}`);
    return created.failure;
  }

  #ensureGroup(signal: AbortSignal): Promise<ServiceFailure | undefined> {
    return (this.#group ??= this.#makeGroup(signal).finally(() => (this.#group = undefined)));
  }

  async #makeGroup(signal: AbortSignal): Promise<ServiceFailure | undefined> {
    const { client, group, retentionDays, logger } = this.#options;
    if (!this.#owesRetention) {
      const { isNew, failure } = await this.#create('CreateLogGroup', () => client.createGroup(group, signal));
      if (failure !== undefined) return failure;
      if (isNew) logger.info(`created the log group ${group}`);
      // One that was there already keeps the retention that somebody gave it.
      this.#owesRetention = isNew && retentionDays !== undefined;
    }
    if (!this.#owesRetention) return undefined;
    const { failure } = await this.#create('PutRetentionPolicy', () => client.keepFor(group, retentionDays!, signal));
    if (failure === undefined) this.#owesRetention = false;
    return failure;
  }

  async #create(operation: Operation, send: () => Promise<void>): Promise<Created> {
    try {
      await send();
      return { isNew: true, isMissing: false, failure: undefined };
    } catch (error) {
      if (nameOf(error) === 'ResourceAlreadyExistsException') return { isNew: false, isMissing: false, failure: undefined };
      return { isNew: false, isMissing: nameOf(error) === 'ResourceNotFoundException', failure: serviceFailureOf(error, operation, this.#options.group) };
    }
  }
}

interface Created {
  readonly isNew: boolean;
  /** What it should have been created in is missing. */
  readonly isMissing: boolean;
  readonly failure: ServiceFailure | undefined;
}
