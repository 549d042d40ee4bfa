import type { Condition } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { healthConditions, isTimely, judge } from './detect.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const thresholdMs = 15_000;

describe('judging a target', () => {
  it.each([
    ['never heard of: unknown', undefined, 'Unknown', 'no heartbeat was seen yet'],
    ['heard of just now: healthy', NOW, 'Healthy', 'last heartbeat at 2026-01-01T12:00:00Z'],
    ['silent for exactly the threshold: healthy', NOW - 15_000, 'Healthy', 'last heartbeat at 2026-01-01T11:59:45Z'],
    [
      'silent for longer: unhealthy, naming the last heartbeat',
      NOW - 15_001,
      'Unhealthy',
      'no heartbeat for more than 15 s, last heartbeat at 2026-01-01T11:59:44Z',
    ],
  ])('%s', (_title, lastSeenMs, health, message) => {
    expect(judge({ lastSeenMs, nowMs: NOW, thresholdMs })).toEqual({ health, message });
  });

  it.each([
    ['on time', NOW - 1, true],
    ['at the threshold', NOW - 15_000, true],
    ['late', NOW - 15_001, false],
    ['from a clock far ahead', NOW + 15_001, false],
  ])('takes a heartbeat %s as %s', (_title, sentAtMs, timely) => {
    expect(isTimely(sentAtMs, { nowMs: NOW, thresholdMs })).toBe(timely);
  });
});

describe('conditions', () => {
  const healthy = { health: 'Healthy', message: '' } as const;
  const condition = (type: string, status: Condition['status']): Condition => ({
    type,
    status,
    reason: `${type}Reason`,
    message: `${type} message`,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const ready = (conditions: Condition[]) => conditions.find((c) => c.type === 'Ready');

  it('are the same array when nothing changes', () => {
    const once = healthConditions(undefined, healthy, NOW);
    expect(healthConditions(once, healthy, NOW + 60_000)).toBe(once);
  });

  it('sum up Ready with the reason of what fails first', () => {
    const silent = healthConditions([], { health: 'Unhealthy', message: 'silent' }, NOW);
    expect(ready(silent)).toMatchObject({ status: 'False', reason: 'ErrorHeartbeat', message: 'silent' });
    const refused = healthConditions([condition('SyncerAuthorized', 'False')], healthy, NOW);
    expect(ready(refused)).toMatchObject({ status: 'False', reason: 'SyncerAuthorizedReason' });
    expect(ready(healthConditions([condition('SyncerAuthorized', 'True')], healthy, NOW))?.status).toBe('True');
  });

  it('keep those of others', () => {
    const own = condition('Mine', 'False');
    expect(healthConditions([own], healthy, NOW)).toContainEqual(own);
  });
});
