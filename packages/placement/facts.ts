/** Keeping the table's facts in step with the hub's control objects. */
import {
  convertClusterRegistration,
  convertClusterWorkloadPlacement,
  convertLocation,
  convertNamespace,
  convertPlacement,
  convertSyncTarget,
  convertWorkloadPlacement,
} from '@tmc/apis/convert.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import { STATE_LABEL_PREFIX } from '@tmc/apis/names.ts';
import type { Converted, FieldProblem, NamespaceFacts, Policy } from '@tmc/apis/policy.ts';
import { canonicalJson } from '@tmc/kernel/canonical.ts';
import { conflictError } from '@tmc/kernel/errors.ts';
import { formatGroupResource, formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { compareResourceVersions } from '@tmc/kernel/source-version.ts';
import type { Facts, PlacementStore } from './commit.ts';
import type { Stored } from './load.ts';
import type { Run } from './run.ts';

/** What became of an object's facts. */
export type FactsChange = {
  readonly before?: Facts;
  readonly after?: Facts;
  /** The object as last seen; absent when it is gone. */
  readonly seen?: KubeObject;
  /** True when `seen` was read from the hub just now, not taken from the message. */
  readonly fresh: boolean;
  /** Why the object gives no facts; then those of its last usable state stay. */
  readonly problems: readonly FieldProblem[];
  /** True when facts were written. */
  readonly changed: boolean;
};

type Source = {
  readonly find: (store: PlacementStore, key: ResourceKey) => Promise<Stored<Facts['value']> | undefined>;
  readonly convert: (obj: KubeObject, workspace: string) => Converted<Facts['value']>;
  readonly kind: Facts['kind'];
};

const target = (convert: Source['convert']): Source => ({
  find: (store, key) => store.findTarget(targetKey(key.workspace, key.name)),
  convert,
  kind: 'target',
});
const policy = (convert: (obj: KubeObject, workspace: string) => Converted<Policy>): Source => ({
  find: (store, key) => store.findPolicy(key.workspace, policyId(key)),
  convert: (obj, workspace) => withinWorkspace(convert(obj, workspace)),
  kind: 'policy',
});

/** The resources placement knows, by `resource.group`. */
const SOURCES: Readonly<Record<string, Source>> = {
  'synctargets.workload.kcp.io': target(convertSyncTarget),
  'clusterregistrations.tmc.kcp.io': target(convertClusterRegistration),
  'placements.scheduling.kcp.io': policy(convertPlacement),
  'workloadplacements.tmc.kcp.io': policy(convertWorkloadPlacement),
  'clusterworkloadplacements.workload.kcp.io': policy(convertClusterWorkloadPlacement),
  'locations.scheduling.kcp.io': {
    find: (store, key) => store.findLocation(key.workspace, key.name),
    convert: convertLocation,
    kind: 'location',
  },
  namespaces: {
    find: (store, key) => store.findNamespace(key.workspace, key.name),
    convert: (obj, workspace) => ({ ok: true, value: namespaceFacts(obj, workspace) }),
    kind: 'namespace',
  },
};

/** The kind of facts a resource gives, undefined when placement has no use for it. */
export function factsKind(key: ResourceKey): Facts['kind'] | undefined {
  return SOURCES[formatGroupResource(key)]?.kind;
}

/** What makes an object unusable; none when it is fine. */
export function problemsOf(key: ResourceKey, obj: KubeObject): readonly FieldProblem[] {
  const converted = SOURCES[formatGroupResource(key)]?.convert(obj, key.workspace);
  return converted?.ok === false ? converted.problems : [];
}

/** `<resource>/<namespace or empty>/<name>`, as `Policy.id`. */
export const policyId = (key: ResourceKey): string => `${key.resource}/${key.namespace}/${key.name}`;

/** How often facts are read again when another function wrote them meanwhile. */
const ATTEMPTS = 3;

/**
 * Brings the facts of the message's object up to date. The state in the message only tells whether anything may have changed; what
 * is written was read from the hub after the stored facts were, so that late and reordered messages cannot turn facts back.
 * @throws TmcError conflict when others keep writing the same facts.
 */
export async function trackFacts(run: Run): Promise<FactsChange> {
  const { key } = run.envelope;
  const source = SOURCES[formatGroupResource(key)];
  if (!source) throw new RangeError(`placement does not track ${formatGroupResource(key)}`);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await source.find(run.deps.store, key);
    if (stored && isTaken(stored, key)) return refuse(run, stored);
    const change = attempt === 0 ? unchangedByMessage(run, source, stored) : undefined;
    const result = change ?? (await refresh(run, source, stored));
    if (result) return result;
  }
  throw conflictError(`updating the facts of ${formatKey(key)}: other writers kept changing them`, {
    component: 'placement',
    key: formatKey(key),
  });
}

function unchangedByMessage(
  { envelope, resumed }: Run,
  source: Source,
  stored: Stored<Facts['value']> | undefined,
): FactsChange | undefined {
  if (resumed || !envelope.body || !stored) return undefined;
  const converted = source.convert(envelope.body, envelope.key.workspace);
  if (!converted.ok || !sameFacts(stored.value, converted.value)) return undefined;
  const facts = factsOf(source, envelope.key, stored.value);
  return { before: facts, after: facts, seen: envelope.body, fresh: false, problems: [], changed: false };
}

/** One attempt from the hub's state; undefined when the write lost against another. */
async function refresh(
  { deps, envelope }: Run,
  source: Source,
  stored: Stored<Facts['value']> | undefined,
): Promise<FactsChange | undefined> {
  const { store, hub } = deps;
  const live = await readNewest(hub, envelope.key, stored?.value.rv);
  const before = stored && factsOf(source, envelope.key, stored.value);
  const base = { fresh: true, problems: [], ...(before ? { before } : {}), ...(live ? { seen: live } : {}) };
  if (!live) {
    if (!stored || !before) return { ...base, changed: false };
    return (await store.removeFacts(before, stored.version)) ? { ...base, changed: true } : undefined;
  }
  const converted = source.convert(live, envelope.key.workspace);
  const kept = before ? { ...base, after: before, changed: false } : { ...base, changed: false };
  if (!converted.ok) return { ...kept, problems: converted.problems };
  if (stored && sameFacts(stored.value, converted.value)) return kept;
  const after = factsOf(source, envelope.key, converted.value);
  return (await replace(store, stored, { before, after })) ? { ...base, after, changed: true } : undefined;
}

/**
 * The object as the hub has it now. It is read after the stored facts were, so it is as new as they are. Should its revision be lower
 * all the same, the hub answered from an old copy of its data, once, or was restored from a backup: then it says so again.
 */
async function readNewest(
  hub: Run['deps']['hub'],
  key: ResourceKey,
  storedRv: string | undefined,
): Promise<KubeObject | undefined> {
  const live = await hub.get(key);
  const isOlder = live && storedRv && compareResourceVersions(live.metadata.resourceVersion ?? '', storedRv) < 0;
  return isOlder ? hub.get(key) : live;
}

/** True when the facts under this name are those of an object of another kind: SyncTarget and ClusterRegistration share theirs. */
const isTaken = ({ source }: Stored<unknown>, key: ResourceKey): boolean => source !== formatGroupResource(key);

async function refuse({ deps, envelope }: Run, { source }: Stored<unknown>): Promise<FactsChange> {
  const live = await deps.hub.get(envelope.key);
  const received = `${envelope.key.name}, which the object of ${source} with that name had first`;
  const problem = { field: 'metadata.name', expected: 'a name that no other target of the workspace has', received };
  return { ...(live ? { seen: live } : {}), fresh: true, problems: [problem], changed: false };
}

/** A new object of the same name inherits nothing: what was stored of the old one goes first, and the next attempt saves it. */
async function replace(
  store: PlacementStore,
  stored: Stored<Facts['value']> | undefined,
  { before, after }: { readonly before: Facts | undefined; readonly after: Facts },
): Promise<boolean> {
  if (!stored || !before || !isAnother(stored.value, after.value)) {
    return store.saveFacts(after, stored?.version, { owesSync: isBack(before, after) });
  }
  await store.removeFacts(before, stored.version);
  return false;
}

/** True when a target can be reached that could not before: what waited for it has to be carried. */
const isBack = (before: Facts | undefined, after: Facts): boolean =>
  after.kind === 'target' && after.value.ready && !(before?.kind === 'target' && before.value.ready);

const isAnother = (a: Facts['value'], b: Facts['value']): boolean => 'uid' in a && 'uid' in b && a.uid !== b.uid;

/** Equal but for the resourceVersion, which rises for reasons nobody here looks at. */
function sameFacts(a: Facts['value'], b: Facts['value']): boolean {
  return canonicalJson({ ...a, rv: '' }) === canonicalJson({ ...b, rv: '' });
}

const factsOf = ({ kind }: Source, key: ResourceKey, value: Facts['value']): Facts => ({ kind, key, value }) as Facts;

/** Labels that publish decisions are none that decisions are made from. */
function namespaceFacts(obj: KubeObject, workspace: string): NamespaceFacts {
  const facts = convertNamespace(obj, workspace);
  const labels = Object.entries(facts.labels).filter(([name]) => !name.startsWith(STATE_LABEL_PREFIX));
  return { ...facts, labels: Object.fromEntries(labels) };
}

/** Naming another workspace gives no right to its targets, and rights between workspaces are granted nowhere yet. */
function withinWorkspace(converted: Converted<Policy>): Converted<Policy> {
  if (!converted.ok || converted.value.locationWorkspace === converted.value.workspace) return converted;
  const { workspace, locationWorkspace } = converted.value;
  const expected = `absent or the policy's own workspace ${workspace}, whose targets alone it may use`;
  return { ok: false, problems: [{ field: 'spec.locationWorkspace', expected, received: locationWorkspace }] };
}
