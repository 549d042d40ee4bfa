import { describe, expect, it } from 'vitest';
import {
  conflictError,
  ERROR_TYPES,
  isTmcError,
  kindOf,
  malformedError,
  messageOf,
  retryError,
  severityOf,
  TmcError,
  terminalError,
} from './errors.ts';

describe('errors', () => {
  it('carry kind, facts and cause', () => {
    const cause = new Error('socket closed');
    const error = retryError('get web', { type: 'ClusterUnreachable', target: 'west', retryAfterMs: 500, cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'TmcError', kind: 'retry', message: 'get web', cause });
    expect(error.facts.retryAfterMs).toBe(500);
    expect('cause' in terminalError('x', { type: 'InternalError' })).toBe(false);
  });

  it('each maker has its kind and type', () => {
    expect(conflictError('x')).toMatchObject({ kind: 'conflict', facts: { type: 'ResourceConflict' } });
    expect(conflictError('x', { type: 'SyncConflict' }).facts.type).toBe('SyncConflict');
    expect(terminalError('x', { type: 'PlacementPolicy' }).kind).toBe('terminal');
    expect(malformedError('x', 1)).toMatchObject({
      kind: 'malformed',
      cause: 1,
      facts: { type: 'ResourceValidation' },
    });
  });

  it('are known across copies of the module by their brand, not by their class or name', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('tmc.error')]: true, kind: 'conflict' });
    expect(isTmcError(foreign)).toBe(true);
    expect(kindOf(foreign)).toBe('conflict');
    expect(isTmcError(Object.assign(new Error('x'), { name: 'TmcError', kind: 'retry' }))).toBe(false);
  });

  it.each([new Error('x'), 'text', undefined, null, 7])('%s is a bug', (thrown) => {
    expect(kindOf(thrown)).toBe('bug');
  });

  it('text of anything thrown', () => {
    expect([messageOf(new TmcError('bug', 'boom', { type: 'InternalError' })), messageOf('text')]).toEqual([
      'boom',
      'text',
    ]);
  });

  it('severities follow the table, the rest is Medium', () => {
    const bySeverity = Object.groupBy(ERROR_TYPES, severityOf);
    expect(bySeverity.Critical).toEqual(['ClusterAuthentication', 'MigrationRollback', 'InternalError']);
    expect(bySeverity.High).toEqual([
      'ResourcePermission',
      'ClusterUnreachable',
      'PlacementConstraint',
      'MigrationFailure',
    ]);
    expect(bySeverity.Low).toEqual(['ResourceNotFound', 'ResourceValidation', 'SyncTimeout']);
    expect(severityOf('NetworkConnectivity')).toBe('Medium');
  });
});
