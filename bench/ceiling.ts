import type { BenchFleet } from './latency-fleet.ts';
import { DEPLOYMENTS, deployment, keyOf } from './objects.ts';
import { percentiles } from './percentiles.ts';

/** What these API servers can do for one user on this machine now, without any host's work: the measure of all other rows. */
export type Ceiling = {
  readonly servers: string;
  /** Objects through hub create, hub patch and three applies, so many at a time: member writes a second. */
  readonly memberWritesPerSecond: number;
  readonly createMs: number;
  readonly patchMs: number;
  /** Three members in parallel. */
  readonly applyMs: number;
};

/** As many as a host has under way at once. */
const CONCURRENCY = 80;

/**
 * Does by hand, on objects of a namespace no policy covers, the requests that carrying `count` objects to all members needs:
 * a create and a metadata patch in the hub, then one apply to each member in parallel.
 */
export async function measureCeiling(
  fleet: BenchFleet,
  { name, count }: { name: string; count: number },
): Promise<Ceiling> {
  const away = { ...fleet, namespace: 'ceiling' };
  await createNamespaces(away);
  const times = { create: [] as number[], patch: [] as number[], apply: [] as number[] };
  const left = Array.from({ length: count }, (_, i) => `raw-${i}`);
  const timed = async <T>(into: number[], work: Promise<T>) => {
    const startedAt = performance.now();
    const result = await work;
    into.push(performance.now() - startedAt);
    return result;
  };
  const startedAt = performance.now();
  const carry = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const key = keyOf(away, next);
      const object = deployment(away, next);
      await timed(times.create, away.hub.create(key, object));
      await timed(times.patch, away.hub.patch(key, { metadata: { annotations: { raw: 'yes' } } }));
      await timed(
        times.apply,
        Promise.all(away.members.map(({ direct }) => direct.apply({ ...key, workspace: 'raw' }, object, 'createOnly'))),
      );
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, carry));
  const tookMs = performance.now() - startedAt;
  await removeNamespaces(away);
  const median = (sample: number[]) => percentiles(sample).p50;
  return {
    servers: name,
    memberWritesPerSecond: (count * fleet.members.length * 1000) / tookMs,
    createMs: median(times.create),
    patchMs: median(times.patch),
    applyMs: median(times.apply),
  };
}

function namespaceKeys({ workspace, namespace, hub, members }: BenchFleet) {
  const key = { group: '', resource: 'namespaces', namespace: '', name: namespace };
  return [{ name: workspace, api: hub }, ...members].map(({ name, api }) => ({
    api,
    key: { ...key, workspace: name },
  }));
}

async function createNamespaces(fleet: BenchFleet): Promise<void> {
  const namespaceObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: fleet.namespace } };
  await Promise.all(namespaceKeys(fleet).map(({ api, key }) => api.create(key, namespaceObject)));
}

/** Empties them first: a namespace controller takes its time. */
async function removeNamespaces(fleet: BenchFleet): Promise<void> {
  await Promise.all(
    namespaceKeys(fleet).map(async ({ api, key }) => {
      const scope = { workspace: key.workspace, namespace: fleet.namespace };
      for (const { metadata } of (await api.list(DEPLOYMENTS, scope)).items) {
        await api.delete({ ...scope, group: 'apps', resource: 'deployments', name: metadata.name });
      }
      await api.delete(key);
    }),
  );
}
