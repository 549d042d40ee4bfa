import { setTimeout as pause } from 'node:timers/promises';
import { NAMESPACE, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Kubesim } from '@tmc/kubesim/index.ts';
import { until } from '../real/harness/process.ts';
import type { Simulators } from './servers.ts';

/** Small workloads in the namespace that the demo's policy governs: each goes to both members whole. */

export const configMapKey = (name: string): ResourceKey => ({
  workspace: WORKSPACE,
  group: '',
  resource: 'configmaps',
  namespace: NAMESPACE,
  name,
});

export const configMap = (name: string, round: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE },
  data: { round: String(round) },
});

const CONFIG_MAPS = 'configmaps.core';
const copyIn = (server: Kubesim, name: string) =>
  server.store.get({ storage: CONFIG_MAPS, cluster: '', namespace: NAMESPACE, name });

/** The round each member's copy holds; undefined where there is none. */
export function roundsOf(simulators: Simulators, name: string): (string | undefined)[] {
  return membersOf(simulators).map((server) => (copyIn(server, name)?.['data'] as Record<string, string>)?.['round']);
}

const membersOf = ({ members }: Simulators): readonly Kubesim[] => Object.values(members);

/** Waits until every named object has this round in both members. */
export async function converged(
  simulators: Simulators,
  names: readonly string[],
  { round, deadlineMs }: { readonly round: number; readonly deadlineMs: number },
): Promise<void> {
  await until(
    `${names.length} objects in both members in round ${round}`,
    async () => {
      const late = names.filter((name) => roundsOf(simulators, name).some((seen) => seen !== String(round)));
      if (late.length === 0) return undefined;
      const [first = ''] = late;
      return `${late.length} are not, ${first} has rounds ${roundsOf(simulators, first).join(' and ')}`;
    },
    deadlineMs,
  );
}

/** Writes per member so far that change ConfigMaps. */
export function writesOf(simulators: Simulators): number {
  return membersOf(simulators).reduce((sum, server) => sum + server.requests.total('configmaps'), 0);
}

export type Latencies = { readonly p50: number; readonly p99: number; readonly count: number };

/**
 * Time in ms from a create in the hub to its copy in the last member, at a steady rate; the next one is due by the clock, whether or
 * not the last one arrived.
 */
export async function measureLatency(
  simulators: Simulators,
  create: (name: string) => Promise<unknown>,
  { count, perSecond }: { readonly count: number; readonly perSecond: number },
): Promise<Latencies> {
  const arrived = new Map<string, number[]>();
  const ends = membersOf(simulators).map((server) =>
    server.store.subscribe(CONFIG_MAPS, ({ type, name }) => {
      if (type === 'ADDED') arrived.set(name, [...(arrived.get(name) ?? []), performance.now()]);
    }),
  );
  const names = Array.from({ length: count }, (_, at) => `latency-${at}`);
  const startedMs = new Map<string, number>();
  const creating: Promise<unknown>[] = [];
  for (const name of names) {
    startedMs.set(name, performance.now());
    creating.push(create(name));
    await pause(1000 / perSecond);
  }
  await Promise.all(creating);
  await converged(simulators, names, { round: 0, deadlineMs: 60_000 });
  for (const end of ends) end();
  const taken = names.map((name) => Math.max(...(arrived.get(name) ?? [])) - (startedMs.get(name) ?? 0));
  taken.sort((a, b) => a - b);
  const at = (share: number) => taken[Math.min(taken.length - 1, Math.ceil(taken.length * share) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), count };
}
