import { downstreamNamespaceName } from '@tmc/apis/hash.ts';
import { STATE_LABEL_PREFIX, SYNCER_FINALIZER_PREFIX } from '@tmc/apis/names.ts';
import type { ApiObject } from '@tmc/kubesim/index.ts';
import { isCopy } from './journal.ts';
import { RESOURCES, storageOf } from './script.ts';
import type { Server } from './server.ts';
import { NAMESPACES, TARGETS, WORKSPACE } from './targets.ts';
import type { World } from './world.ts';

/**
 * What must be true at rest, reckoned from the hub's last objects and policy by rules of its own: no function under test decides
 * here what is right.
 */

type Target = (typeof TARGETS)[number];
type Fields = Readonly<Record<string, unknown>>;

/** Everything that is wrong; empty when nothing is. */
export function findWrongs(world: World): string[] {
  const policy = readPolicy(world.hub);
  const chosen = TARGETS.filter(({ location }) => policy.required.includes(location));
  const expected = TARGETS.map(() => new Map<string, unknown>());
  const wrongs: string[] = [...world.journal.violations];
  for (const namespace of NAMESPACES) {
    const found = world.hub.store.get({ storage: 'namespaces.core', cluster: '', namespace: '', name: namespace });
    wrongs.push(...wrongLabels(`namespace ${namespace}`, found, chosen));
    for (const resource of RESOURCES) {
      for (const upstreamObj of world.hub.store.list(storageOf(resource), { namespace })) {
        wrongs.push(...wrongMetadata(`${resource} ${namespace}/${upstreamObj.metadata.name}`, upstreamObj, chosen));
        const shares = sharesOf(upstreamObj, chosen, policy.preferred);
        for (const target of chosen) {
          const place = `${storageOf(resource)} ${downstreamNamespace(world, target, namespace)}/${upstreamObj.metadata.name}`;
          expected[TARGETS.indexOf(target)]?.set(place, contentOf(upstreamObj, shares.get(target.name)));
        }
      }
    }
  }
  for (const [index, { name }] of TARGETS.entries()) {
    wrongs.push(...wrongCopies(world.members[name], expected[index] as ReadonlyMap<string, unknown>));
    wrongs.push(...wrongForeign(world.members[name]));
  }
  return wrongs;
}

function readPolicy(hub: Server): { required: string[]; preferred: string | undefined } {
  const [policy] = hub.store.list('clusterworkloadplacements.workload.kcp.io');
  const selector = fieldsAt(fieldsAt(policy, 'spec'), 'locationSelector');
  return {
    required: selector['requiredLocations'] as string[],
    preferred: (selector['preferredLocations'] as string[] | undefined)?.[0],
  };
}

const fieldsAt = (fields: Fields | undefined, name: string): Fields => (fields?.[name] ?? {}) as Fields;

function wrongMetadata(what: string, upstreamObj: ApiObject, chosen: readonly Target[]): string[] {
  const { deletionTimestamp } = upstreamObj.metadata;
  const finalizers = upstreamObj.metadata.finalizers ?? [];
  if (deletionTimestamp) return [`${what} was deleted and is still there, held by ${finalizers}`];
  const wanted = chosen.map(({ key }) => SYNCER_FINALIZER_PREFIX + key).sort();
  const wrongs = wrongLabels(what, upstreamObj, chosen);
  if (!same([...finalizers].sort(), wanted)) wrongs.push(`${what} has finalizers ${finalizers}, not ${wanted}`);
  return [...wrongs, ...wrongStatus(what, upstreamObj)];
}

function wrongLabels(what: string, found: ApiObject | undefined, chosen: readonly Target[]): string[] {
  const state = Object.entries(found?.metadata.labels ?? {}).filter(([name]) => name.startsWith(STATE_LABEL_PREFIX));
  const wanted = chosen.map(({ key }) => [STATE_LABEL_PREFIX + key, 'Sync']);
  if (same(state.sort(), wanted.sort())) return [];
  return [`${what} has state labels ${JSON.stringify(state)}, not ${JSON.stringify(wanted)}`];
}

/** Members report what they run; the sum is the Deployment's own. */
function wrongStatus(what: string, { kind, ...upstreamObj }: ApiObject): string[] {
  if (kind !== 'Deployment') return [];
  const wanted = fieldsAt(upstreamObj, 'spec')['replicas'];
  const { readyReplicas = 0, observedGeneration } = fieldsAt(upstreamObj, 'status');
  const wrongs = readyReplicas === wanted ? [] : [`${what}: status says ${readyReplicas} of ${wanted} are ready`];
  if (observedGeneration === upstreamObj.metadata.generation) return wrongs;
  return [...wrongs, `${what}: status is of generation ${observedGeneration}, not ${upstreamObj.metadata.generation}`];
}

/** Replicas by weight: 2 for the preferred location, 1 for others, each next one to whom it is most due; a tie to the lower key. */
function sharesOf(
  upstreamObj: ApiObject,
  chosen: readonly Target[],
  preferred: string | undefined,
): Map<string, number> {
  const total = Number(fieldsAt(upstreamObj, 'spec')['replicas'] ?? 0);
  const claims = chosen.map(({ name, key, location }) => ({
    name,
    key,
    weight: location === preferred ? 2 : 1,
    share: 0,
  }));
  for (let given = 0; given < total; given += 1) {
    const due = claims.map((claim) => ({ claim, quotient: claim.weight / (2 * claim.share + 1) }));
    due.sort((a, b) => b.quotient - a.quotient || (a.claim.key < b.claim.key ? -1 : 1));
    const first = due[0];
    if (first) first.claim.share += 1;
  }
  return new Map(claims.map(({ name, share }) => [name, share]));
}

/** What a copy must say: the data, or replicas and image of a Deployment. */
function contentOf(object: ApiObject, share?: number): unknown {
  if (object.kind !== 'Deployment') return object['data'];
  const spec = fieldsAt(object, 'spec');
  const containers = fieldsAt(fieldsAt(spec['template'] as Fields, 'spec'), 'containers') as unknown as {
    image: string;
  }[];
  return { replicas: share ?? spec['replicas'], images: containers.map(({ image }) => image) };
}

function downstreamNamespace({ hub }: World, { name, mapping }: Target, namespace: string): string {
  if (mapping === 'Preserve') return namespace;
  const target = hub.store.get({ storage: 'synctargets.workload.kcp.io', cluster: '', namespace: '', name });
  const syncTarget = { cluster: WORKSPACE, name, uid: target?.metadata.uid ?? '' };
  return downstreamNamespaceName({ syncTarget, cluster: WORKSPACE, namespace });
}

function wrongCopies(member: Server, expected: ReadonlyMap<string, unknown>): string[] {
  const wrongs: string[] = [];
  const missing = new Map(expected);
  for (const resource of RESOURCES) {
    const storage = storageOf(resource);
    for (const copy of member.store.list(storage).filter(isCopy)) {
      const place = `${storage} ${copy.metadata.namespace}/${copy.metadata.name}`;
      const wanted = expected.get(place);
      missing.delete(place);
      if (!wanted) wrongs.push(`${member.name} has ${place}, which belongs nowhere`);
      else if (!same(contentOf(copy), wanted)) {
        wrongs.push(`${member.name}: ${place} is ${JSON.stringify(contentOf(copy))}, not ${JSON.stringify(wanted)}`);
      }
    }
  }
  return [...wrongs, ...[...missing.keys()].map((place) => `${member.name} lacks ${place}`)];
}

/** Objects that others made before us are as they made them. */
function wrongForeign(member: Server): string[] {
  return ['foreign', 'default'].flatMap((namespace) => {
    const found = member.store.get({ storage: 'configmaps.core', cluster: '', namespace, name: 'settings' });
    const untouched = found && same(found['data'], { value: 'theirs' }) && !isCopy(found);
    return untouched ? [] : [`${member.name}: the foreign ConfigMap ${namespace}/settings is ${JSON.stringify(found)}`];
  });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
