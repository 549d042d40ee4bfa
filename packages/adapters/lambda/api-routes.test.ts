import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import type { DecisionWrite } from '@tmc/placement/commit.ts';
import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../memory/queue.ts';
import { createMemoryTable } from '../memory/table.ts';
import { createPlacementStore } from '../table/placement-store.ts';
import { createRecoveryStore } from '../table/recovery-store.ts';
import { apiRoutes } from './api-routes.ts';

const NOW = Date.UTC(2026, 0, 1);
const POLICY = 'clusterworkloadplacements//p';

const facts = (name: string): TargetFacts => ({
  key: `key-${name}`,
  workspace: 'shop',
  name,
  uid: 'u',
  rv: '1',
  labels: {},
  location: 'eu',
  ready: true,
  unschedulable: false,
  namespaceMapping: 'Hashed',
  syncMode: 'push',
  allocatable: { cpu: '4', memory: '8Gi', odd: 'many' },
  capabilities: [],
  syncedResources: [],
});

const decision: Decision = {
  workspace: 'shop',
  namespace: 'ns',
  policy: POLICY,
  version: 1,
  division: 'Duplicated',
  selects: {},
  targets: [
    { key: 'key-west', workspace: 'shop', name: 'west', state: 'Active', weight: 1, score: 3, reason: 'most room' },
  ],
  rejected: [{ name: 'east', reason: 'needs 4 CPU, 2.5 free' }],
  decidedAtMs: NOW,
  inputs: { policy: 'p/1' },
};

/** Two targets, west heard of a second ago with a group on it. */
async function world() {
  const table = createMemoryTable();
  const placement = createPlacementStore(table, { nowS: () => NOW / 1000 });
  const recovery = createRecoveryStore(table);
  for (const name of ['west', 'east']) {
    const key = { workspace: 'shop', group: 'workload.kcp.io', resource: 'synctargets', namespace: '', name };
    await placement.saveFacts({ kind: 'target', key, value: facts(name) }, undefined);
  }
  await recovery.saveSeen('key-west', { lastSeenMs: NOW - 1_000, shown: 'Healthy' }, undefined);
  const state = { published: true, toSync: false, satisfied: true, message: '1 of 1', leaving: [], withdrawn: false };
  const write: DecisionWrite = { group: { decision, ...state }, needs: { cpu: '500m' }, fences: new Map() };
  await placement.commitDecision(write);
  let id = 0;
  const make = (name: string) => createMemoryQueue({ name, clock: () => NOW, ids: () => `id-${++id}` });
  const queues = {
    placement: make('placement'),
    sync: make('sync'),
    status: make('status'),
    recovery: make('recovery'),
  };
  const routes = apiRoutes({ placement, recovery, queues, clock: () => NOW, heartbeatThresholdMs: 15_000 });
  const read = (path: string, parameters = {}) => routes.find((route) => route.path === path)?.read(parameters);
  return { placement, queues, read, write };
}

describe('what the API shows', () => {
  it('targets with health, last seen and room', async () => {
    const { read } = await world();
    const common = {
      workspace: 'shop',
      resource: 'synctargets',
      ready: true,
      unschedulable: false,
      terminating: false,
      location: 'eu',
    };
    const memory = { allocatable: '8Gi', reserved: '0', free: '8589934592' };
    expect(await read('/v1/targets')).toEqual({
      targets: [
        {
          ...common,
          key: 'key-east',
          name: 'east',
          health: 'Unknown',
          message: 'no heartbeat was seen yet',
          groups: 0,
          room: { cpu: { allocatable: '4', reserved: '0', free: '4' }, memory },
        },
        {
          ...common,
          key: 'key-west',
          name: 'west',
          health: 'Healthy',
          message: 'last heartbeat at 2025-12-31T23:59:59Z',
          lastSeen: '2025-12-31T23:59:59.000Z',
          groups: 1,
          room: { cpu: { allocatable: '4', reserved: '500m', free: '3500m' }, memory },
        },
      ],
    });
  });

  it('decisions with their reasons, but none that was withdrawn', async () => {
    const { read, placement, write } = await world();
    const ask = (namespace: string) =>
      read('/v1/workspaces/{workspace}/namespaces/{namespace}/decisions', { workspace: 'shop', namespace });
    const { workspace: _w, namespace: _n, decidedAtMs: _d, ...rest } = decision;
    const decidedAt = '2026-01-01T00:00:00.000Z';
    expect(await ask('ns')).toEqual({
      decisions: [{ ...rest, decidedAt, satisfied: true, message: '1 of 1', published: true }],
    });
    expect(await ask('other')).toEqual({ decisions: [] });
    const [previous] = await placement.listGroups('shop', 'ns');
    await placement.commitDecision({ ...write, group: { ...write.group, withdrawn: true }, previous: previous! });
    expect(await ask('ns')).toEqual({ decisions: [] });
  });

  it('how full each queue is', async () => {
    const { read, queues } = await world();
    await queues.sync.send([{ body: 'a', group: 'g' }]);
    const empty = { visible: 0, inFlight: 0, delayed: 0, dead: 0 };
    expect(await read('/v1/queues')).toEqual({
      queues: { placement: empty, sync: { ...empty, visible: 1 }, status: empty, recovery: empty },
    });
  });

  it('that it lives', async () => {
    expect(await (await world()).read('/healthz')).toEqual({ status: 'ok' });
  });
});
