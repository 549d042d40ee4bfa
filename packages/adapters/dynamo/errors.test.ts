import { isTmcError, kindOf } from '@tmc/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { cancellationReasons, isTransient, toTableError } from './errors.ts';

const named = (name: string, more: object = {}): Error => Object.assign(new Error('from AWS'), { name, ...more });
const cancelled = (...codes: string[]): Error =>
  named('TransactionCanceledException', { CancellationReasons: codes.map((Code) => ({ Code })) });

describe('answers of AWS', () => {
  it.each([
    'ProvisionedThroughputExceededException',
    'ThrottlingException',
    'RequestLimitExceeded',
    'InternalServerError',
    'TransactionConflictException',
    'TimeoutError',
  ])('%s is a retry with a delay, and keeps its cause', (name) => {
    const cause = named(name);
    const error = toTableError(cause, 'write table item A B');
    expect(kindOf(error)).toBe('retry');
    expect(isTmcError(error) && error.facts).toMatchObject({ component: 'table', retryAfterMs: 500, cause });
    expect((error as Error).message).toBe(`could not write table item A B: ${name}: from AWS`);
  });

  it.each([
    [named('Error', { code: 'ECONNREFUSED' })],
    [named('UnknownError', { $metadata: { httpStatusCode: 503 } })],
    [cancelled('None', 'TransactionConflict')],
    [cancelled('ThrottlingError', 'None')],
  ])('%s is a retry too', (error) => {
    expect(kindOf(toTableError(error, 'read'))).toBe('retry');
  });

  it.each([
    [named('ValidationException', { $metadata: { httpStatusCode: 400 } })],
    [named('AccessDeniedException', { $metadata: { httpStatusCode: 400 } })],
    [cancelled('ValidationError')],
  ])('%s stays what it is', (error) => {
    expect(toTableError(error, 'read')).toBe(error);
    expect(isTransient(error)).toBe(false);
  });

  it('the reasons of a cancelled transaction come by write', () => {
    expect(cancellationReasons(cancelled('None', 'ConditionalCheckFailed'))).toEqual([
      { Code: 'None' },
      { Code: 'ConditionalCheckFailed' },
    ]);
    expect(cancellationReasons(named('Other'))).toBeUndefined();
  });
});
