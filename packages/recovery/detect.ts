/** Whether a target is alive, from when it was last heard of. */
import { formatTime } from '@tmc/kernel/clock.ts';
import { setCondition } from '@tmc/kernel/condition.ts';
import type { Condition } from '@tmc/kernel/object.ts';

export type Health = 'Healthy' | 'Unhealthy' | 'Unknown';
export type Judgement = { readonly health: Health; readonly message: string };

export type Heard = {
  /** Undefined: never heard of. */
  readonly lastSeenMs: number | undefined;
  readonly nowMs: number;
  /** Silence longer than this is a failure. */
  readonly thresholdMs: number;
};

/** Healthy up to and at the threshold, Unhealthy beyond it, Unknown before the first heartbeat; the message names the last one. */
export function judge({ lastSeenMs, nowMs, thresholdMs }: Heard): Judgement {
  if (lastSeenMs === undefined) return { health: 'Unknown', message: 'no heartbeat was seen yet' };
  const last = `last heartbeat at ${formatTime(lastSeenMs)}`;
  if (nowMs - lastSeenMs <= thresholdMs) return { health: 'Healthy', message: last };
  return { health: 'Unhealthy', message: `no heartbeat for more than ${thresholdMs / 1000} s, ${last}` };
}

/**
 * True when a heartbeat tells about now. One sent longer ago than the threshold was late or replayed, one from as far in the future
 * has a clock that cannot be trusted; neither may revive a dead target.
 */
export function isTimely(sentAtMs: number, { nowMs, thresholdMs }: Omit<Heard, 'lastSeenMs'>): boolean {
  return Math.abs(nowMs - sentAtMs) <= thresholdMs;
}

/** Conditions that make a target not ready while they are False, in the order in which their reason is told. */
const REQUIRED = ['HeartbeatHealthy', 'SyncerAuthorized', 'ClusterReady', 'ConfigurationValid'] as const;

/** The conditions of a SyncTarget with its health and the summary Ready; the same array when they say so already. */
export function healthConditions(
  conditions: readonly Condition[] | undefined,
  { health, message }: Judgement,
  nowMs: number,
): Condition[] {
  const heartbeat = setCondition(
    conditions,
    {
      type: 'HeartbeatHealthy',
      status: health === 'Healthy' ? 'True' : health === 'Unhealthy' ? 'False' : 'Unknown',
      reason: health === 'Healthy' ? 'HeartbeatSeen' : 'ErrorHeartbeat',
      // Times move with every heartbeat; a healthy target's condition must not.
      message: health === 'Healthy' ? 'heartbeats arrive' : message,
    },
    nowMs,
  );
  return setCondition(heartbeat, { type: 'Ready', ...summary(heartbeat) }, nowMs);
}

function summary(conditions: readonly Condition[]): Pick<Condition, 'status' | 'reason' | 'message'> {
  for (const type of REQUIRED) {
    const condition = conditions.find((c) => c.type === type);
    const missing = type === 'HeartbeatHealthy' && condition?.status !== 'True';
    if (condition && (missing || condition.status === 'False')) {
      return { status: 'False', reason: condition.reason, message: condition.message };
    }
  }
  return { status: 'True', reason: 'Ready', message: 'heartbeats arrive and nothing speaks against it' };
}
