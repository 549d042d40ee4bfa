import { type ResourceType, resourceType, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { type Change, type Envelope, MAX_BODY_BYTES, type OutgoingMessage } from '@tmc/kernel/envelope.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { again, done, type Outcome } from '@tmc/kernel/result.ts';
import { covers, heldBy, type SyncDeps } from './load.ts';

type Ports = Pick<SyncDeps, 'hub' | 'store' | 'send' | 'clock' | 'ids' | 'settings'>;

type Scope = {
  readonly workspace: string;
  readonly namespace: string;
  readonly resources: readonly ResourceType[];
  readonly queue: 'sync' | 'status';
};

/** A decision about a namespace changed: one message for each of its objects that a decision covers or that has copies. */
export function fanOutNamespace(ports: Ports, { workspace, name: namespace }: ResourceKey): Promise<Outcome> {
  return fanOut(ports, { workspace, namespace, resources: SYNCED_RESOURCES, queue: 'sync' }, workspace);
}

/** A sweep looks at the objects of one kind in a namespace: the same for this kind, in a fair group of its own. */
export function fanOutKind(ports: Ports, key: ResourceKey): Promise<Outcome> {
  const { workspace, namespace } = key;
  return fanOut(ports, { workspace, namespace, resources: [resourceType(key)], queue: 'sync' }, sweepGroup(workspace));
}

/** A target is back: what it runs counts again, so each object with a status in the namespace is summed up anew. */
export function fanOutStatus(
  ports: Ports,
  { workspace, name: namespace }: ResourceKey,
  resources: readonly ResourceType[],
): Promise<Outcome> {
  return fanOut(ports, { workspace, namespace, resources, queue: 'status' }, sweepGroup(workspace));
}

/** Fair group of a workspace's sweeps: however many objects there are, what users change now goes in turn with them. */
export const sweepGroup = (workspace: string): string => `${workspace}/sweep`;

async function fanOut(
  ports: Ports,
  { workspace, namespace, resources, queue }: Scope,
  fairGroup: string,
): Promise<Outcome> {
  const decisions = await ports.store.decisions(workspace, namespace);
  const lists = await Promise.all(
    resources.map(async (resource) => {
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
  const messages = concerned.map(({ key, upstreamObj }) => ({
    ...syncMessage(ports, { key, upstreamObj, change: 'evaluate', fairGroup }),
    queue,
  }));
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

type Content = {
  readonly key: ResourceKey;
  readonly upstreamObj?: KubeObject;
  readonly change: Change;
  /** The workspace unless given. */
  readonly fairGroup?: string;
};

/** A message to the sync queue about one object, with its state when that is small and no Secret. */
export function syncMessage(
  { clock, ids, settings }: Pick<Ports, 'clock' | 'ids' | 'settings'>,
  { key, upstreamObj, change, fairGroup = key.workspace }: Content,
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
  return { queue: 'sync', group: fairGroup, envelope };
}

function smallBody(key: ResourceKey, upstreamObj: KubeObject): KubeObject | undefined {
  if (key.group === '' && key.resource === 'secrets') return undefined;
  const { managedFields: _m, ...metadata } = upstreamObj.metadata;
  const body = { ...upstreamObj, metadata };
  return Buffer.byteLength(JSON.stringify(body)) <= MAX_BODY_BYTES ? body : undefined;
}
