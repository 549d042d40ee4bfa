import { SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { type Change, type Envelope, MAX_BODY_BYTES, type OutgoingMessage } from '@tmc/kernel/envelope.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { again, done, type Outcome } from '@tmc/kernel/result.ts';
import { covers, heldBy, type SyncDeps } from './load.ts';

type Ports = Pick<SyncDeps, 'hub' | 'store' | 'send' | 'clock' | 'ids' | 'settings'>;

/** A decision about a namespace changed: one message for each of its objects that a decision covers or that has copies. */
export async function fanOutNamespace(ports: Ports, namespaceKey: ResourceKey): Promise<Outcome> {
  const { workspace, name: namespace } = namespaceKey;
  const decisions = await ports.store.decisions(workspace, namespace);
  const lists = await Promise.all(
    SYNCED_RESOURCES.map(async (resource) => {
      const { items } = await ports.hub.list(resource, { workspace, namespace });
      const { group, resource: plural } = resource;
      return items.map((upstreamObj) => ({
        upstreamObj,
        key: { workspace, group, resource: plural, namespace, name: upstreamObj.metadata.name },
      }));
    }),
  );
  const concerned = lists
    .flat()
    .filter(({ key, upstreamObj }) => isCarried(key, upstreamObj))
    .filter(
      ({ key, upstreamObj }) => heldBy(upstreamObj).length > 0 || decisions.some((d) => covers(d, key, upstreamObj)),
    );
  const messages = concerned.map(({ key, upstreamObj }) =>
    syncMessage(ports, { key, upstreamObj, change: 'evaluate' }),
  );
  if (messages.length === 0) return done;
  const { failed } = await ports.send(messages);
  // All are sent again then: a duplicate finds nothing to do.
  return failed.length === 0 ? done : again(1_000, `${failed.length} of ${messages.length} messages were not accepted`);
}

/** Objects every namespace has by itself, and tokens that mean nothing elsewhere, stay in the hub. */
export function isCarried({ group, resource, name }: ResourceKey, upstreamObj: KubeObject): boolean {
  if (group !== '') return true;
  if (resource === 'configmaps') return name !== 'kube-root-ca.crt';
  return resource !== 'secrets' || upstreamObj['type'] !== 'kubernetes.io/service-account-token';
}

/** A message to the sync queue about one object, with its state when that is small and no Secret. */
export function syncMessage(
  { clock, ids, settings }: Pick<Ports, 'clock' | 'ids' | 'settings'>,
  { key, upstreamObj, change }: { key: ResourceKey; upstreamObj?: KubeObject; change: Change },
): OutgoingMessage {
  const body = upstreamObj && smallBody(key, upstreamObj);
  const envelope: Envelope = {
    v: 1,
    id: ids(),
    at: clock(),
    source: { kind: 'function', id: 'sync', relay: '', epoch: settings.epoch },
    key,
    uid: upstreamObj?.metadata.uid ?? '',
    rv: upstreamObj?.metadata.resourceVersion ?? '',
    change,
    ...(body && { body }),
  };
  return { queue: 'sync', group: key.workspace, envelope };
}

function smallBody(key: ResourceKey, upstreamObj: KubeObject): KubeObject | undefined {
  if (key.group === '' && key.resource === 'secrets') return undefined;
  const { managedFields: _m, ...metadata } = upstreamObj.metadata;
  const body = { ...upstreamObj, metadata };
  return Buffer.byteLength(JSON.stringify(body)) <= MAX_BODY_BYTES ? body : undefined;
}
