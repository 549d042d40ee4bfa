/** What the SDK throws, as far as it is looked at. */
type Answer = {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
};

const ABSENT = new Set([
  'NoSuchBucket',
  'NoSuchEntity',
  'NoSuchEntityException',
  'NoSuchKey',
  'NotFound',
  'NotFoundException',
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
  'ResourceNotFoundException',
]);

const UNSUPPORTED = new Set([
  'ActionNotFound',
  'InvalidAction',
  'NotImplemented',
  'NotImplementedException',
  'UnknownOperationException',
  'UnknownServiceError',
  'UnsupportedOperation',
  'UnsupportedOperationException',
]);

/** How emulators say that they lack a service or an action, in place of an error code. */
const UNSUPPORTED_TEXT =
  /not (yet )?(been )?(implemented|emulated|supported)|is not enabled|unknown (operation|path|action)/i;

const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENOTFOUND', 'ETIMEDOUT', 'TimeoutError']);

/** True where what was asked for is not there. */
export function isAbsent(error: unknown): boolean {
  return ABSENT.has((error as Answer).name ?? '');
}

/** True where the endpoint does not offer the service or the action at all. */
export function isUnsupported(error: unknown): boolean {
  const { name = '', message = '', $metadata } = (error ?? {}) as Answer;
  if ($metadata?.httpStatusCode === 501 || UNSUPPORTED.has(name)) return true;
  return ($metadata?.httpStatusCode ?? 0) >= 400 && UNSUPPORTED_TEXT.test(message);
}

/** True where nothing answers. */
export function isUnreachable(error: unknown): boolean {
  const { name = '', code = '' } = error as Answer;
  const parts = error instanceof AggregateError ? error.errors : [];
  return UNREACHABLE.has(code) || UNREACHABLE.has(name) || parts.some(isUnreachable);
}

/** The answer to a read, undefined where what was asked for is not there. */
export async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** One line about what the SDK threw. */
export function reasonOf(error: unknown): string {
  const { name, message, $metadata } = error as Answer;
  const status = $metadata?.httpStatusCode;
  const origin = [name === 'Error' ? undefined : name, status && `HTTP ${status}`].filter(Boolean).join(', ');
  return origin ? `${message || 'no message'} (${origin})` : String(message ?? error);
}
