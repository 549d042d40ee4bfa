import { loadavg } from 'node:os';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { settledWrites } from './hub-writes.ts';
import { instant } from './instant.ts';
import type { BenchFleet, HostNotes } from './latency-fleet.ts';
import { watchMembers } from './member-watch.ts';
import { deployment, imageOf, imagePatch, keyOf } from './objects.ts';
import { type Percentiles, percentiles } from './percentiles.ts';
import { NO_TIMES, type StageTimes } from './stages.ts';

export type RunResult = {
  readonly servers: string;
  readonly workload: string;
  readonly objects: number;
  /** Hub write sent → state present in the last chosen member, ms. */
  readonly latency: Percentiles;
  /** Medians, ms. */
  readonly stages: Split;
  /** Median time of the hub's own answer to the write, ms. */
  readonly hubAckMs: number;
  readonly memberWritesPerSecond: number;
  /** From the first write to the last arrival. */
  readonly wallMs: number;
  /** Processor time of the host per object, until the last arrival. */
  readonly hostCpuMs: number;
  /** Processor time of all API servers per object, until the last arrival. */
  readonly serversCpuMs?: number | undefined;
  /** Writes of the host to the hub's Deployments per object, once all statuses are settled; undefined where not counted. */
  readonly hubWrites?: number | undefined;
  /** One-minute load of the machine when the run ended. */
  readonly load: number;
};

type Split = { readonly relay: number; readonly queue: number; readonly function: number; readonly apply: number };

const DEADLINE_MS = 120_000;

/** Open loop: object i is written at i / perSecond seconds, whatever happened to those before it. */
export async function measureRate(
  fleet: BenchFleet,
  { name, perSecond, seconds }: { name: string; perSecond: number; seconds: number },
): Promise<RunResult> {
  const objects = names(Math.round(perSecond * seconds));
  const create = creation(fleet);
  const result = await measure(fleet, {
    name,
    workload: `${perSecond}/s`,
    objects,
    ...create,
    dueMs: (i) => (i * 1000) / perSecond,
  });
  await fleet.removeAll();
  return result;
}

/** Everything at once: first created, then given a new image. */
export async function measureBurst(
  fleet: BenchFleet,
  { name, count }: { name: string; count: number },
): Promise<readonly RunResult[]> {
  const objects = names(count);
  const dueMs = () => 0;
  const created = await measure(fleet, { name, workload: `${count} new`, objects, ...creation(fleet), dueMs });
  const image = 'nginx:1.28';
  const updated = await measure(fleet, {
    name,
    workload: `${count} image`,
    objects,
    dueMs,
    write: (objectName) => fleet.hub.patch(keyOf(fleet, objectName), imagePatch(image)),
    isArrived: (downstreamObj) => imageOf(downstreamObj) === image,
  });
  await fleet.removeAll();
  return [created, updated];
}

const creation = (fleet: BenchFleet) => ({
  write: (objectName: string) => fleet.hub.create(keyOf(fleet, objectName), deployment(fleet, objectName)),
  isArrived: () => true,
});

let runs = 0;

/** Names no other run has. */
function names(count: number): readonly string[] {
  runs += 1;
  return Array.from({ length: count }, (_, i) => `b${runs}-${i}`);
}

type Plan = {
  readonly name: string;
  readonly workload: string;
  readonly objects: readonly string[];
  readonly dueMs: (i: number) => number;
  readonly write: (objectName: string) => Promise<unknown>;
  readonly isArrived: (downstreamObj: KubeObject) => boolean;
};
type Track = { sentAt: number; ackedAt: number; readonly seen: Map<string, number> };

async function measure(fleet: BenchFleet, plan: Plan): Promise<RunResult> {
  const { objects, dueMs, write, isArrived } = plan;
  const writesBefore = await settledWrites(fleet.hubConnection);
  await fleet.notes();
  const cpuBefore = fleet.serversCpuMs();
  const tracks = new Map<string, Track>();
  const finished = Promise.withResolvers<void>();
  let open = objects.length;
  const stopWatching = await watchMembers(fleet, (downstreamObj, member) => {
    const track = tracks.get(downstreamObj.metadata.name);
    if (!track || track.seen.has(member) || !isArrived(downstreamObj)) return;
    track.seen.set(member, instant());
    if (track.seen.size === fleet.members.length && --open === 0) finished.resolve();
  });
  const startedAt = performance.now();
  const late = () => finished.reject(new Error(`${open} of ${objects.length} objects are not everywhere`));
  const timer = setTimeout(late, DEADLINE_MS + dueMs(objects.length));
  const writes = objects.map(async (objectName, i) => {
    await pauseUntil(startedAt + dueMs(i));
    const track: Track = { sentAt: instant(), ackedAt: 0, seen: new Map() };
    tracks.set(objectName, track);
    await write(objectName);
    track.ackedAt = instant();
  });
  await Promise.all([...writes, finished.promise]);
  clearTimeout(timer);
  const load = loadavg()[0] ?? 0;
  const notes = await fleet.notes();
  const cpuMs = (fleet.serversCpuMs() ?? Number.NaN) - (cpuBefore ?? Number.NaN);
  await stopWatching();
  const writesAfter = await settledWrites(fleet.hubConnection);
  const counted = writesBefore !== undefined && writesAfter !== undefined && writesBefore > 0;
  // One write of each object is this bench's own.
  const hubWrites = counted ? (writesAfter - writesBefore) / objects.length - 1 : undefined;
  return { ...summarise(plan, tracks, notes), hubWrites, serversCpuMs: cpuMs / objects.length, load };
}

function summarise(
  { name, workload }: Plan,
  tracks: ReadonlyMap<string, Track>,
  { stages, cpuMs }: HostNotes,
): Omit<RunResult, 'hubWrites' | 'serversCpuMs' | 'load'> {
  const last = (track: Track) => Math.max(...track.seen.values());
  const all = [...tracks.values()];
  const splits = [...tracks].map(([objectName, track]) => splitOf(track, stages.get(objectName) ?? NO_TIMES));
  const median = (pick: (split: Split) => number) => percentiles(splits.map(pick)).p50;
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
    memberWritesPerSecond: (all.reduce((sum, track) => sum + track.seen.size, 0) * 1000) / wallMs,
    wallMs,
    hostCpuMs: cpuMs / all.length,
  };
}

function splitOf(track: Track, times: StageTimes): Split {
  return {
    relay: times.relayedAt - track.sentAt,
    queue: times.receivedAt - times.relayedAt,
    function: times.applyStartedAt - times.receivedAt,
    apply: times.applyEndedAt - times.applyStartedAt,
  };
}

async function pauseUntil(at: number): Promise<void> {
  const waitMs = at - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
