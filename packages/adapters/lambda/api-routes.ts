import { findQuantity, formatQuantity, parseQuantity } from '@tmc/apis/quantity.ts';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import type { PlacementReads, Reservations, StoredGroup } from '@tmc/placement/load.ts';
import { judge } from '@tmc/recovery/detect.ts';
import type { FleetTarget, RecoveryStore } from '@tmc/recovery/load.ts';
import type { Queue, Queues } from '../queue/queue.ts';
import type { HttpRoute } from './http-function.ts';

export type ApiDeps = {
  readonly placement: Pick<PlacementReads, 'findTarget' | 'listReservations' | 'listGroups'>;
  readonly recovery: Pick<RecoveryStore, 'listFleet' | 'findSeen'>;
  readonly queues: Readonly<Record<keyof Queues, Pick<Queue, 'depth'>>>;
  readonly clock: Clock;
  /** Silence longer than this makes a target not ready. */
  readonly heartbeatThresholdMs: number;
};

/** Targets read side by side. */
const PARALLEL = 16;

/** What the API shows: the fleet, decisions with their reasons, and how full the queues are. */
export function apiRoutes(deps: ApiDeps): readonly HttpRoute[] {
  return [
    { path: '/healthz', read: async () => ({ status: 'ok' }) },
    { path: '/v1/targets', read: () => targets(deps) },
    {
      path: '/v1/workspaces/{workspace}/namespaces/{namespace}/decisions',
      read: async ({ workspace = '', namespace = '' }) => {
        const groups = await deps.placement.listGroups(workspace, namespace);
        return { decisions: groups.filter(({ withdrawn }) => !withdrawn).map(decision) };
      },
    },
    { path: '/v1/queues', read: () => queues(deps) },
  ];
}

async function targets(deps: ApiDeps): Promise<object> {
  const waiting = [...(await deps.recovery.listFleet()).entries()];
  const shown: object[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) shown[next[0]] = await target(deps, next[1]);
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return { targets: shown };
}

async function target(
  { placement, recovery, clock, heartbeatThresholdMs }: ApiDeps,
  one: FleetTarget,
): Promise<object> {
  const { key, workspace, name, resource } = one;
  const [seen, stored, reservations] = await Promise.all([
    recovery.findSeen(key),
    placement.findTarget(key),
    placement.listReservations(key),
  ]);
  const lastSeenMs = seen?.record.lastSeenMs;
  const { health, message } = judge({ lastSeenMs, nowMs: clock(), thresholdMs: heartbeatThresholdMs });
  return {
    key,
    workspace,
    name,
    resource,
    health,
    message,
    ...(lastSeenMs === undefined ? {} : { lastSeen: new Date(lastSeenMs).toISOString() }),
    groups: reservations.held.length,
    ...(stored && scheduling(stored.value, reservations)),
  };
}

function scheduling(facts: TargetFacts, { held }: Reservations): object {
  const { ready, unschedulable, terminating = false, location, allocatable } = facts;
  const room = Object.entries(allocatable).flatMap(([resource, text]) => {
    const all = findQuantity(text);
    if (all === undefined) return [];
    const reserved = held.reduce((sum, { needs }) => sum + parseQuantity(needs[resource] ?? '0'), 0n);
    const free = formatQuantity(all - reserved);
    return [[resource, { allocatable: text, reserved: formatQuantity(reserved), free }] as const];
  });
  return { ready, unschedulable, terminating, location, room: Object.fromEntries(room) };
}

function decision({ decision: made, satisfied, message, published }: StoredGroup): object {
  const { workspace, namespace, decidedAtMs, ...rest } = made;
  return { ...rest, decidedAt: new Date(decidedAtMs).toISOString(), satisfied, message, published };
}

async function queues(deps: ApiDeps): Promise<object> {
  const depths = Object.entries(deps.queues).map(async ([name, queue]) => [name, await queue.depth()] as const);
  return { queues: Object.fromEntries(await Promise.all(depths)) };
}
