import { failureOf, type Failure } from '../failure.js';

/** An error of the client, as far as it is looked at: its own text is told only where it can hold no secret. */
interface ClientError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $retryable?: { readonly throttling?: boolean };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

export interface ServiceFailure extends Failure {
  readonly isThrottled: boolean;
  /** Other credentials than those that were used may do better: they are to be looked up again. */
  readonly concernsCredentials: boolean;
  /** No waiting helps. */
  readonly needsOperator: boolean;
  readonly retryAfterMs: number | undefined;
}

/** The operations of CloudWatch Logs that are used, which are also the names of their permissions. */
export type Operation = 'PutLogEvents' | 'CreateLogStream' | 'CreateLogGroup' | 'PutRetentionPolicy' | 'DescribeLogStreams';

export function nameOf(error: unknown): string {
  return (error as ClientError).name ?? '';
}

/**
 * What went wrong, and what to do where an operator can mend it. All of it may pass, so all of it is tried again. The
 * message of a signature's error is not told: it can hold the session's token.
 */
export function serviceFailureOf(error: unknown, operation: Operation, group: string): ServiceFailure {
  const { $metadata, $retryable, $response, message = '' } = error as ClientError;
  const name = nameOf(error);
  const status = $metadata?.httpStatusCode;
  const isThrottled = $retryable?.throttling === true || THROTTLING.has(name) || status === 429;
  const isSkewed = SKEW.has(name) || (SIGNATURE.has(name) && /signature expired|not yet current/i.test(message));
  // Not where the clock is wrong: the client learns the right time from the answer, and a new one would not know it.
  const concernsCredentials = CREDENTIALS.has(name) && !isSkewed;
  const needsOperator = concernsCredentials || isSkewed || name === 'ResourceNotFoundException' || /region is missing/i.test(message) || status === 407;
  const retryAfterMs = millisecondsOf($response?.headers?.['retry-after']);
  const told = (reason: string): ServiceFailure => ({ code: name || 'UNKNOWN', reason, isThrottled, concernsCredentials, needsOperator, retryAfterMs });

  if (isThrottled) return told(`CloudWatch throttles ${operation} (${name})`);
  if (EXPIRED.has(name)) return told(`the credentials have expired (${name}); renew them, they are looked up again at each attempt`);
  if (name === 'AccessDeniedException') return told(`the permission logs:${operation} on the log group ${group} is missing (${name}); add it to the policy of these credentials, as deploy/aws/ has it`);
  if (isSkewed) return told(`this machine's clock differs from AWS's by more than five minutes (${name}); set it`);
  if (SIGNATURE.has(name)) return told(`the signature is refused (${name}); the secret access key is wrong`);
  if (UNKNOWN_KEY.has(name)) return told(`the access key is unknown or disabled (${name}); use other credentials`);
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') return told('no AWS credentials are found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give this machine, task or pod a role');
  if (/region is missing/i.test(message)) return told('no AWS region is known; add region= or set AWS_REGION');
  if (name === 'ResourceNotFoundException') return told(`the log group ${group} does not exist (${name}); create it, or add create=true`);
  if (name === 'LimitExceededException') return told(`a quota of this AWS account is used up (${name} of ${operation}); raise it`);
  if (status === 407) return told('the proxy wants a user and a password (407); put them into HTTPS_PROXY');
  // The client calls a reset connection so, too.
  if (name === 'TimeoutError' && !['ECONNRESET', 'EPIPE'].includes((error as ClientError).code ?? '')) return told('CloudWatch does not answer in time');
  if (status !== undefined && status >= 400) return told(`CloudWatch answers ${status} to ${operation} (${name || 'no name'})`);
  // Of the network below: the same words as for every other transport.
  return { ...failureOf(error), isThrottled, concernsCredentials, needsOperator, retryAfterMs };
}

const THROTTLING = new Set(['ThrottlingException', 'Throttling', 'TooManyRequestsException', 'RequestLimitExceeded', 'RequestThrottledException', 'SlowDown']);
const EXPIRED = new Set(['ExpiredTokenException', 'ExpiredToken', 'TokenRefreshRequired']);
const SIGNATURE = new Set(['InvalidSignatureException', 'SignatureDoesNotMatch', 'IncompleteSignatureException', 'IncompleteSignature']);
const UNKNOWN_KEY = new Set(['UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidAccessKeyId', 'MissingAuthenticationTokenException', 'MissingAuthenticationToken', 'NotAuthorized', 'OptInRequired']);
const SKEW = new Set(['RequestExpired', 'RequestTimeTooSkewed', 'RequestInTheFuture']);
const CREDENTIALS = new Set([...EXPIRED, ...SIGNATURE, ...UNKNOWN_KEY, 'AccessDeniedException', 'CredentialsProviderError', 'TokenProviderError']);

/** Retry-After in seconds; AWS sends no dates there. */
function millisecondsOf(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined;
}
