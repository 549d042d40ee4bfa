import { describe, expect, it } from 'vitest';
import { isAbsent, isUnreachable, isUnsupported, orAbsent, reasonOf } from './failure.ts';

const answer = (name: string, message: string, httpStatusCode: number): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

describe('what an endpoint answers', () => {
  it.each([
    ['InternalFailure', "The API action 'X' for service 'y' has not yet been emulated", 501],
    [
      'InternalFailure',
      "Service 'scheduler' is not enabled. Please check your 'SERVICES' configuration variable.",
      500,
    ],
    ['InvalidAction', 'Unknown action: PutFoo', 400],
    ['UnknownOperationException', 'UnknownError', 400],
  ])('is missing: %s, %s', (name, message, status) => {
    expect(isUnsupported(answer(name, message, status))).toBe(true);
  });

  it.each([
    ['ResourceNotFoundException', 'Function not found', 404],
    ['ValidationException', 'the value of period is out of range', 400],
    ['ServiceException', 'the process is not there', 500],
  ])('is offered: %s, %s', (name, message, status) => {
    expect(isUnsupported(answer(name, message, status))).toBe(false);
  });

  it('is undefined for what is not there, and only for that', async () => {
    await expect(orAbsent(Promise.reject(answer('NoSuchKey', 'no such key', 404)))).resolves.toBeUndefined();
    await expect(orAbsent(Promise.reject(answer('AccessDenied', 'no', 403)))).rejects.toThrow('no');
    expect(isAbsent(answer('NoSuchEntity', 'role', 404))).toBe(true);
  });

  it('is nothing at all when no address of a name can be reached', () => {
    const refused = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
    expect(isUnreachable(new AggregateError([refused, refused]))).toBe(true);
    expect(isUnreachable(answer('AccessDenied', 'no', 403))).toBe(false);
  });

  it('is told with its code and status', () => {
    expect(reasonOf(answer('AccessDenied', 'not you', 403))).toBe('not you (AccessDenied, HTTP 403)');
    expect(reasonOf(new Error('waited a minute'))).toBe('waited a minute');
  });
});
