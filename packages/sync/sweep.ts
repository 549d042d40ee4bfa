import { isWhole, touches } from '@tmc/apis/list-marks.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { formatGroupResource, formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { again, done, type Outcome, park } from '@tmc/kernel/result.ts';
import { downstreamKeyOf } from './copy-identity.ts';
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

/**
 * One message to `sync` for each namespace that has a reservation on the target, about all its objects of the listed kind. A list
 * mark speaks of a range of keys: of the namespaces whose copies are outside it, another mark speaks.
 */
export async function sweepTarget(
  ports: Pick<SyncDeps, 'store' | 'send' | 'clock' | 'ids' | 'settings'>,
  { key, list }: Pick<Envelope, 'key' | 'list'>,
): Promise<Outcome> {
  const { workspace: targetKey, group, resource } = key;
  if (list && !isWhole(list)) return park(`the list mark of ${formatGroupResource(key)} on ${targetKey} is not whole`);
  const all = await ports.store.namespacesOf(targetKey);
  const target = list && (await ports.store.findTarget(targetKey));
  const namespaces = list && target ? all.filter((from) => touches(list, prefixOf(key, target, from))) : all;
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

/** How the keys of all copies of a kind begin that come from one namespace. */
function prefixOf(
  key: ResourceKey,
  target: TargetFacts,
  { workspace, namespace }: { readonly workspace: string; readonly namespace: string },
): string {
  return formatKey(downstreamKeyOf({ ...key, workspace, namespace, name: ALL }, target)).slice(0, -ALL.length);
}
