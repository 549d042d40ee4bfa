import { messageOf, retryError, type TmcError } from '@tmc/kernel/errors.ts';

/** Answers of AWS that a later attempt may not meet; everything else is a bug or a missing right, and stays as it is. */
const RETRYABLE = new Set([
  'InternalServerError',
  'LimitExceededException',
  'NetworkingError',
  'ProvisionedThroughputExceededException',
  'OverLimit',
  'RequestLimitExceeded',
  'RequestThrottled',
  'ReplicatedWriteConflictException',
  'RequestTimeout',
  'ServiceUnavailable',
  'ThrottlingException',
  'TimeoutError',
  'TransactionConflictException',
  'TransactionInProgressException',
]);
const RETRYABLE_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

/** Reasons of a cancelled transaction that are nobody's decision. */
const RETRYABLE_REASONS = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
]);

/** After the SDK's own attempts: what a queue message waits before it comes back. */
const RETRY_AFTER_MS = 500;

/** True for throttling, overload and lost links of any AWS service, as its SDK reports them after its own attempts. */
export function isTransient(error: unknown): boolean {
  const { name = '', code = '', $metadata } = error as AwsError;
  return RETRYABLE.has(name) || RETRYABLE_CODES.has(code) || ($metadata?.httpStatusCode ?? 0) >= 500;
}

/** The same error, or the `retry` it means. */
export function toTableError(error: unknown, attempted: string): unknown {
  return isTransient(error) || cancelledByLoad(error) ? toRetry(error, { attempted, component: 'table' }) : error;
}

/** Makes a call; what it throws is as {@link toTableError} says. */
export async function attempt<T>(attempted: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toTableError(error, attempted);
  }
}

/** A `retry` that keeps the AWS error's name and text. */
export function toRetry(error: unknown, about: { readonly attempted: string; readonly component: string }): TmcError {
  const { name, code } = error as AwsError;
  return retryError(`could not ${about.attempted}: ${code ?? name ?? 'error'}: ${messageOf(error)}`, {
    type: 'NetworkConnectivity',
    component: about.component,
    retryAfterMs: RETRY_AFTER_MS,
    cause: error,
  });
}

type AwsError = { readonly name?: string; readonly code?: string; readonly $metadata?: { httpStatusCode?: number } };
type CancellationReason = { readonly Code?: string };

/** Why each write of a cancelled transaction was refused; undefined for any other error. */
export function cancellationReasons(error: unknown): readonly CancellationReason[] | undefined {
  const { name, CancellationReasons: reasons } = error as { name?: string; CancellationReasons?: CancellationReason[] };
  return name === 'TransactionCanceledException' ? (reasons ?? []) : undefined;
}

function cancelledByLoad(error: unknown): boolean {
  return cancellationReasons(error)?.some(({ Code = '' }) => RETRYABLE_REASONS.has(Code)) ?? false;
}
