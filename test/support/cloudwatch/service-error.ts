/**
 * What CloudWatch Logs answers in place of a result: the code stands in `__type`, the message beside it. AWS writes the
 * key `Message` with a capital for what its framework refuses (access, deserialisation), and `message` for the service's own.
 */
export class ServiceError extends Error {
  readonly code: string;
  readonly status: number;
  readonly #messageKey: 'message' | 'Message';

  constructor(code: string, message = '', options: { readonly status?: number; readonly messageKey?: 'message' | 'Message' } = {}) {
    super(message);
    this.code = code;
    this.status = options.status ?? 400;
    this.#messageKey = options.messageKey ?? 'message';
  }

  body(): string {
    return JSON.stringify({ __type: this.code, ...(this.message === '' ? {} : { [this.#messageKey]: this.message }) });
  }
}

export const invalidParameter = (message: string): ServiceError => new ServiceError('InvalidParameterException', message);
export const serialization = (message = ''): ServiceError => new ServiceError('SerializationException', message, { messageKey: 'Message' });
