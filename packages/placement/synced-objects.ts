/** What the hub says is synced to a target. */
import { stateLabel } from '@tmc/apis/names.ts';
import { SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import type { Run } from './run.ts';

/** The objects of the target's workspace that carry its state label: they have a copy there, or are about to get or lose one. */
export async function listSynced(
  { deps }: Pick<Run, 'deps'>,
  { workspace, key }: TargetFacts,
): Promise<readonly ResourceKey[]> {
  const labelSelector = stateLabel(key);
  const found: ResourceKey[] = [];
  for (const { group, resource } of SYNCED_RESOURCES) {
    const { items } = await deps.hub.list({ group, resource }, { workspace, labelSelector });
    for (const { metadata } of items) {
      found.push({ workspace, group, resource, namespace: metadata.namespace ?? '', name: metadata.name });
    }
  }
  return found;
}
