import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import { again, done, type Outcome } from '@tmc/kernel/result.ts';
import { sweepGroup, syncMessage } from './fan-out.ts';
import { ALL, type SyncDeps } from './load.ts';

/**
 * A member relay that starts does not know what was there before: a copy deleted while it was down is in no list and in no
 * memory. So it says of each kind that it was listed, and everything of that kind that may have a copy on its target is looked at
 * once; objects in order cost reads and no write.
 */

/** Whether a message says that a member relay listed a kind completely after its start. */
export function isListMarker({ source, change, key }: Envelope): boolean {
  return source.kind === 'member' && change === 'evaluate' && key.name === ALL;
}

/** One message to `sync` for each namespace that has a reservation on the target, about all its objects of the listed kind. */
export async function sweepTarget(
  ports: Pick<SyncDeps, 'store' | 'send' | 'clock' | 'ids' | 'settings'>,
  { workspace: targetKey, group, resource }: ResourceKey,
): Promise<Outcome> {
  const namespaces = await ports.store.namespacesOf(targetKey);
  if (namespaces.length === 0) return done;
  const messages = namespaces.map(({ workspace, namespace }) =>
    syncMessage(ports, {
      key: { workspace, group, resource, namespace, name: ALL },
      change: 'evaluate',
      fairGroup: sweepGroup(workspace),
    }),
  );
  const { failed } = await ports.send(messages);
  return failed.length === 0 ? done : again(1_000, `${failed.length} of ${messages.length} messages were not accepted`);
}
