import { z } from 'zod';
import { ServiceError } from './service-error.js';
import type { Action } from './shapes.js';

/**
 * What goes wrong, and for which requests. Only requests that are signed and well-formed meet a fault; the first fault
 * that matches and is due is the one that happens.
 *
 * | kind | what the client sees |
 * | --- | --- |
 * | `throttle` | 400 ThrottlingException; with `perSecond`, only the requests above that rate |
 * | `unavailable`, `internal` | 503 ServiceUnavailableException, 500 InternalFailure |
 * | `bad-gateway` | 502 with a page of HTML, as from a proxy |
 * | `reset` | the connection is reset, nothing was done |
 * | `lose-answer` | everything is done, then the connection is reset |
 * | `hang` | no answer; with `accept`, after everything was done |
 * | `slow` | everything is done, and answered `ms` later (1000) |
 * | `deny` | 400 AccessDeniedException that names the action and the resource |
 * | `abort` | 400 OperationAbortedException |
 * | `limit` | 400 LimitExceededException |
 * | `reject` | 200, with the first `tooOld`, the `expired` after them, and the last `tooNew` events rejected, not stored |
 */
export const faultSchema = z.strictObject({
  kind: z.enum(['throttle', 'unavailable', 'internal', 'bad-gateway', 'reset', 'lose-answer', 'hang', 'slow', 'deny', 'abort', 'limit', 'reject']),
  /** Any action, where it is left out. */
  action: z.string().optional(),
  group: z.string().optional(),
  stream: z.string().optional(),
  /** How often it happens; for ever, where it is left out. */
  times: z.int().positive().optional(),
  /** Each time so many requests have matched: 5 is the fifth, the tenth… */
  every: z.int().positive().optional(),
  ms: z.number().nonnegative().optional(),
  perSecond: z.number().positive().optional(),
  accept: z.boolean().optional(),
  tooOld: z.int().nonnegative().optional(),
  expired: z.int().nonnegative().optional(),
  tooNew: z.int().nonnegative().optional(),
});

export type Fault = z.infer<typeof faultSchema>;

/** A fault in force. */
export interface FaultHandle {
  readonly id: number;
  readonly fault: Fault;
  /** How often it has happened. */
  readonly hits: number;
  remove(): void;
}

export interface FaultTarget {
  readonly action: Action;
  readonly group: string | undefined;
  readonly stream: string | undefined;
  readonly nowMs: number;
}

export class Faults {
  readonly #inForce: ActiveFault[] = [];
  #lastId = 0;

  add(fault: Fault): FaultHandle {
    const active = new ActiveFault(++this.#lastId, fault, () => this.remove(active.id));
    this.#inForce.push(active);
    return active;
  }

  list(): readonly FaultHandle[] {
    return this.#inForce;
  }

  remove(id: number): void {
    const index = this.#inForce.findIndex((fault) => fault.id === id);
    if (index >= 0) this.#inForce.splice(index, 1);
  }

  clear(): void {
    this.#inForce.length = 0;
  }

  /** The one that befalls this request. */
  take(target: FaultTarget): Fault | undefined {
    return this.#inForce.find((fault) => fault.befalls(target))?.fault;
  }
}

class ActiveFault implements FaultHandle {
  hits = 0;
  #matched = 0;
  #tokens: number;
  #refilledMs: number | undefined;

  constructor(
    readonly id: number,
    readonly fault: Fault,
    readonly remove: () => void,
  ) {
    this.#tokens = fault.perSecond ?? 0;
  }

  befalls({ action, group, stream, nowMs }: FaultTarget): boolean {
    const { fault } = this;
    if (fault.times !== undefined && this.hits >= fault.times) return false;
    if ((fault.action ?? action) !== action || (fault.group ?? group) !== group || (fault.stream ?? stream) !== stream) return false;
    if (++this.#matched % (fault.every ?? 1) !== 0) return false;
    if (fault.perSecond !== undefined && this.#within(fault.perSecond, nowMs)) return false;
    this.hits++;
    return true;
  }

  /** A bucket of one second's requests. */
  #within(perSecond: number, nowMs: number): boolean {
    this.#tokens = Math.min(perSecond, this.#tokens + ((nowMs - (this.#refilledMs ?? nowMs)) * perSecond) / 1000);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** What the service answers in place of doing anything, for the kinds that are an answer. */
export function errorOf(fault: Fault, action: Action, identity: string, resource: string): ServiceError | undefined {
  switch (fault.kind) {
    case 'throttle':
      return new ServiceError('ThrottlingException', 'Rate exceeded');
    case 'unavailable':
      return new ServiceError('ServiceUnavailableException', 'The service cannot complete the request.', { status: 503 });
    case 'internal':
      return new ServiceError('InternalFailure', '', { status: 500 });
    case 'abort':
      return new ServiceError('OperationAbortedException', 'A conflicting operation is currently in progress against this resource. Please try again.');
    case 'limit':
      return new ServiceError('LimitExceededException', 'Resource limit exceeded.');
    case 'deny':
      return new ServiceError(
        'AccessDeniedException',
        `User: ${identity} is not authorized to perform: logs:${action} on resource: ${resource} because no identity-based policy allows the logs:${action} action`,
        { messageKey: 'Message' },
      );
    case 'bad-gateway':
    case 'reset':
    case 'lose-answer':
    case 'hang':
    case 'slow':
    case 'reject':
      return undefined;
  }
}
