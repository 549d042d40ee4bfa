import { formatTime } from './clock.ts';
import type { Condition } from './object.ts';

/**
 * The conditions with one set: replaced by type, lastTransitionTime kept while the status stays.
 * Returns the very same array when nothing but the time would change, so that callers can skip the write.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  nowMs: number,
): Condition[] {
  const before = conditions ?? [];
  const current = before.find((c) => c.type === next.type);
  if (current && sameCondition(current, next)) return before as Condition[];
  const lastTransitionTime = current?.status === next.status ? current.lastTransitionTime : formatTime(nowMs);
  return [...before.filter((c) => c.type !== next.type), { ...next, lastTransitionTime }];
}

/** The condition of a type, if the object carries it. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((c) => c.type === type);
}

function sameCondition(a: Condition, b: Omit<Condition, 'lastTransitionTime'>): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}
