import { isSynced } from '@tmc/apis/resources.ts';
import type { QueueName } from '@tmc/kernel/envelope.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';

/** Who a relay reads: a hub, or the member cluster of one target. */
export type SourceKind = 'hub' | 'member';

/** Queue and fair group of a message. */
export type Route = { readonly queue: QueueName; readonly group: string };

/**
 * Where a seen object goes. From a hub: workloads to `sync`; control kinds, namespaces and bindings to `placement`; one
 * tenant never delays another. From a member everything is `status`, grouped by target (a member key's workspace).
 */
export function routeOf(source: SourceKind, key: ResourceKey): Route {
  if (source === 'member') return { queue: 'status', group: key.workspace };
  return { queue: isSynced(key) ? 'sync' : 'placement', group: key.workspace };
}

/** Heartbeats and ticks; `group` is the target key, or the hub for its ticks. */
export function recoveryRoute(group: string): Route {
  return { queue: 'recovery', group };
}
