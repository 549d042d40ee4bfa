import { describe, expect, it } from 'vitest';
import { findCondition, setCondition } from './condition.ts';
import type { Condition } from './object.ts';

const T0 = Date.UTC(2026, 0, 1);
const ready = { type: 'Ready', status: 'True' as const, reason: 'AllGood', message: 'all good' };
const other: Condition = { ...ready, type: 'Other', lastTransitionTime: '2025-01-01T00:00:00Z' };

describe('conditions', () => {
  it('a new one gets the time, others stay', () => {
    expect(setCondition([other], ready, T0)).toEqual([other, { ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
    expect(setCondition(undefined, ready, T0)).toHaveLength(1);
  });

  it('an equal one gives the very same array, so that nobody writes', () => {
    const before = setCondition([other], ready, T0);
    expect(setCondition(before, ready, T0 + 60_000)).toBe(before);
  });

  it('the time moves with the status only', () => {
    const before = setCondition([], ready, T0);
    const sameStatus = setCondition(before, { ...ready, message: 'still good' }, T0 + 60_000);
    expect(findCondition(sameStatus, 'Ready')).toEqual({
      ...ready,
      message: 'still good',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const changed = setCondition(sameStatus, { ...ready, status: 'False' }, T0 + 60_000);
    expect(findCondition(changed, 'Ready')?.lastTransitionTime).toBe('2026-01-01T00:01:00Z');
  });

  it.each([{ reason: 'Else' }, { message: 'else' }, { observedGeneration: 2 }])('%j is a change', (change) => {
    const before = setCondition([], ready, T0);
    expect(setCondition(before, { ...ready, ...change }, T0)).not.toBe(before);
  });

  it('replaces by type and leaves the input alone', () => {
    const before = [other, { ...ready, lastTransitionTime: '2025-01-01T00:00:00Z' }];
    const copy = structuredClone(before);
    const after = setCondition(before, { ...ready, status: 'Unknown' }, T0);
    expect(after.filter((c) => c.type === 'Ready')).toHaveLength(1);
    expect(before).toEqual(copy);
    expect(findCondition(undefined, 'Ready')).toBeUndefined();
  });
});
