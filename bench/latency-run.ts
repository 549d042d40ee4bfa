import { loadavg } from 'node:os';
import { OWNER_LABEL } from '@tmc/apis/names.ts';
import { apiVersionOf, resourceType } from '@tmc/apis/resources.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { BenchFleet } from './latency-fleet.ts';
import { type Percentiles, percentiles } from './percentiles.ts';
import type { StageTimes } from './stages.ts';

export type RunResult = {
  readonly servers: string;
  readonly workload: string;
  readonly objects: number;
  /** Hub write sent → object present in the last chosen member, ms. */
  readonly latency: Percentiles;
  /** Medians, ms. */
  readonly stages: {
    readonly relay: number;
    readonly queue: number;
    readonly function: number;
    readonly apply: number;
  };
  /** Median time of the hub's own answer to the create, ms. */
  readonly hubAckMs: number;
  readonly memberWritesPerSecond: number;
  /** One-minute load of the machine when the run ended. */
  readonly load: number;
};

const DEPLOYMENTS = resourceType({ group: 'apps', resource: 'deployments' });
const DEADLINE_MS = 120_000;

/** Open loop: object i is written at i / perSecond seconds, whatever happened to those before it. */
export async function measureRate(
  fleet: BenchFleet,
  { name, perSecond, seconds }: { name: string; perSecond: number; seconds: number },
): Promise<RunResult> {
  const count = Math.round(perSecond * seconds);
  const workload = `${perSecond}/s`;
  return measure(fleet, { name, workload, count, dueMs: (i) => (i * 1000) / perSecond });
}

/** Everything at once: how many member writes a second come out. */
export async function measureBurst(
  fleet: BenchFleet,
  { name, count }: { name: string; count: number },
): Promise<RunResult> {
  return measure(fleet, { name, workload: `${count} at once`, count, dueMs: () => 0 });
}

type Plan = { name: string; workload: string; count: number; dueMs: (i: number) => number };
type Track = { sentAt: number; ackedAt: number; seen: Map<string, number> };

let runs = 0;

async function measure(fleet: BenchFleet, { name, workload, count, dueMs }: Plan): Promise<RunResult> {
  runs += 1;
  const prefix = `b${runs}-`;
  const tracks = new Map<string, Track>();
  const finished = Promise.withResolvers<void>();
  let open = count;
  const stopWatching = await watchMembers(fleet, (objectName, member) => {
    const track = tracks.get(objectName);
    if (!track || track.seen.has(member)) return;
    track.seen.set(member, performance.now());
    if (track.seen.size === fleet.members.length && --open === 0) finished.resolve();
  });
  const startedAt = performance.now();
  const writes = Array.from({ length: count }, async (_, i) => {
    await pauseUntil(startedAt + dueMs(i));
    const objectName = `${prefix}${i}`;
    const track: Track = { sentAt: performance.now(), ackedAt: 0, seen: new Map() };
    tracks.set(objectName, track);
    await fleet.hub.create(keyOf(fleet, objectName), deployment(fleet, objectName));
    track.ackedAt = performance.now();
  });
  await Promise.all(writes);
  const late = setTimeout(
    () => finished.reject(new Error(`${open} of ${count} objects are not everywhere`)),
    DEADLINE_MS,
  );
  await finished.promise;
  clearTimeout(late);
  await stopWatching();
  await fleet.removeAll();
  return summarise(fleet, { name, workload, tracks });
}

function summarise(
  fleet: BenchFleet,
  { name, workload, tracks }: { name: string; workload: string; tracks: ReadonlyMap<string, Track> },
): RunResult {
  const last = (track: Track) => Math.max(...track.seen.values());
  const all = [...tracks.values()];
  const stages = [...tracks].map(([objectName, track]) => splitOf(track, fleet.stages.of(objectName)));
  const median = (pick: (split: Split) => number) => percentiles(stages.map(pick)).p50;
  const wallMs = Math.max(...all.map(last)) - Math.min(...all.map((track) => track.sentAt));
  return {
    servers: name,
    workload,
    objects: all.length,
    latency: percentiles(all.map((track) => last(track) - track.sentAt)),
    stages: {
      relay: median((s) => s.relay),
      queue: median((s) => s.queue),
      function: median((s) => s.function),
      apply: median((s) => s.apply),
    },
    hubAckMs: percentiles(all.map((track) => track.ackedAt - track.sentAt)).p50,
    memberWritesPerSecond: (all.length * fleet.members.length * 1000) / wallMs,
    load: loadavg()[0] ?? 0,
  };
}

type Split = RunResult['stages'];

function splitOf(track: Track, times: StageTimes): Split {
  return {
    relay: times.relayedAt - track.sentAt,
    queue: times.receivedAt - times.relayedAt,
    function: times.applyStartedAt - times.receivedAt,
    apply: times.applyEndedAt - times.applyStartedAt,
  };
}

/** Watches the copies in every member; resolves once all watches are open. */
async function watchMembers(
  fleet: BenchFleet,
  onCopy: (objectName: string, member: string) => void,
): Promise<() => Promise<void>> {
  const ending = new AbortController();
  const starts = await Promise.all(
    fleet.members.map(async ({ source }) => source.page(DEPLOYMENTS, { limit: 1, signal: ending.signal })),
  );
  const loops = fleet.members.map(async ({ name, source }, index) => {
    const resourceVersion = starts[index]?.resourceVersion ?? '';
    const options = { resourceVersion, timeoutSeconds: 600, labelSelector: OWNER_LABEL, signal: ending.signal };
    try {
      for await (const { object } of source.watch(DEPLOYMENTS, options)) onCopy(object.metadata.name, name);
    } catch (error) {
      if (!ending.signal.aborted) throw error;
    }
  });
  return async () => {
    ending.abort();
    await Promise.all(loops);
  };
}

const keyOf = (fleet: BenchFleet, name: string): ResourceKey => ({
  workspace: fleet.workspace,
  group: 'apps',
  resource: 'deployments',
  namespace: fleet.namespace,
  name,
});

function deployment(fleet: BenchFleet, name: string): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: apiVersionOf(DEPLOYMENTS),
    kind: 'Deployment',
    metadata: { name, namespace: fleet.namespace, labels },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'nginx:1.27' }] } },
    },
  };
}

async function pauseUntil(at: number): Promise<void> {
  const waitMs = at - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
