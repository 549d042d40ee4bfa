/** The condition that tells users that a message about their object was given up: nothing more happens until somebody acts. */
import { findCondition, setCondition } from '@tmc/kernel/condition.ts';
import type { Condition } from '@tmc/kernel/object.ts';

export const STALLED_CONDITION = 'workload.kcp.io/Stalled';

type Conditions = readonly Condition[] | undefined;

export const isStalled = (conditions: Conditions): boolean =>
  findCondition(conditions, STALLED_CONDITION)?.status === 'True';

/** The conditions with the stall and its reason; the same array when they say so already. */
export const withStall = (conditions: Conditions, message: string, nowMs: number): Conditions =>
  setCondition(conditions, { type: STALLED_CONDITION, status: 'True', reason: 'GivenUp', message }, nowMs);

/** The conditions with a stall taken back; the same array when there is none. `reason` says what succeeded. */
export const withoutStall = (conditions: Conditions, reason: string, nowMs: number): Conditions =>
  isStalled(conditions)
    ? setCondition(conditions, { type: STALLED_CONDITION, status: 'False', reason, message: '' }, nowMs)
    : conditions;
