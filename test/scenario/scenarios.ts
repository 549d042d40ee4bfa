import { LOCATOR_ANNOTATION, OWNER_LABEL, stateLabel, syncerFinalizer, TENANT_LABEL } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  conditionOf,
  configMap,
  dataOf,
  deployment,
  eventually,
  HASHED,
  hubKey,
  keyOfTarget,
  MEMBERS,
  memberKey,
  placeNamespace,
  replicasOf,
  staysTrue,
  type World,
} from './world.ts';

/**
 * What a user of the whole system sees, the same on simulated and on real API servers. Scenarios share one world: each has a
 * namespace and a policy of its own name.
 */
export function describeScenarios(servers: string, start: () => Promise<World>): void {
  describe(`scenarios on ${servers}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await start();
      for (const name of MEMBERS) {
        await eventually(`target ${name} is Ready`, async () => {
          const ready = conditionOf(await world.hub.get(hubKey('synctargets', name)), 'Ready');
          return ready?.status === 'True' ? undefined : (ready?.message ?? 'it has no Ready condition');
        });
      }
    });
    afterAll(() => world?.stop());

    const copy = (member: string, resource: string, name: string, namespace: string) =>
      world.members[member]!.get(memberKey(member, resource, name, namespace));
    const upstream = (resource: string, name: string, namespace = '') =>
      world.hub.get(hubKey(resource, name, namespace));
    const splitOf = async (name: string, ns: string) =>
      JSON.stringify(await Promise.all(MEMBERS.map(async (m) => replicasOf(await copy(m, 'deployments', name, ns)))));
    const expectSplit = (ns: string, split: readonly (number | undefined)[], name = 'web') =>
      eventually(`replicas ${split}`, async () => {
        const seen = await splitOf(name, ns);
        return seen === JSON.stringify(split) ? undefined : `they are ${seen}`;
      });

    it('divides seven replicas 3 : 2 : 2, sums their status, and scaling up takes none away', async () => {
      await placeNamespace(world, 'divided');
      await world.hub.create(hubKey('deployments', 'web', 'divided'), deployment('divided', 'web', 7));
      await eventually('seven in all, no member without', async () => {
        const split = (JSON.parse(await splitOf('web', 'divided')) as (number | null)[]).map(Number).sort();
        return JSON.stringify(split) === '[2,2,3]' ? undefined : `they are ${split}`;
      });
      const before = JSON.parse(await splitOf('web', 'divided')) as number[];
      await eventually('7 ready in the hub', async () => {
        const status = (await upstream('deployments', 'web', 'divided'))?.['status'] as { readyReplicas?: number };
        return status?.readyReplicas === 7 ? undefined : `${status?.readyReplicas} are`;
      });
      await world.hub.patch(hubKey('deployments', 'web', 'divided'), { spec: { replicas: 8 } });
      await eventually('eight in all', async () => {
        const after = JSON.parse(await splitOf('web', 'divided')) as number[];
        const sum = after.reduce((a, b) => a + b, 0);
        return sum === 8 && after.every((n, i) => n >= before[i]!) ? undefined : `${before} became ${after}`;
      });
      await eventually('observedGeneration is that of the hub', async () => {
        const object = await upstream('deployments', 'web', 'divided');
        const status = object?.['status'] as { observedGeneration?: number; readyReplicas?: number };
        if (status?.readyReplicas !== 8) return `${status?.readyReplicas} are ready`;
        return status.observedGeneration === object?.metadata.generation ? undefined : JSON.stringify(status);
      });
    });

    it('finalizer and state label are on the object for exactly its targets, and a deletion leaves nothing', async () => {
      await placeNamespace(world, 'lifecycle', { locationSelector: { requiredLocations: ['region-1', 'region-2'] } });
      await world.hub.create(
        hubKey('configmaps', 'settings', 'lifecycle'),
        configMap('lifecycle', 'settings', { a: '1' }),
      );
      await eventually('copies in member-1 and member-2', async () => {
        const copies = await Promise.all(MEMBERS.map((m) => copy(m, 'configmaps', 'settings', 'lifecycle')));
        return copies[0] && copies[1] ? undefined : 'not both are there';
      });
      const { metadata } = (await upstream('configmaps', 'settings', 'lifecycle'))!;
      const keys = MEMBERS.slice(0, 2).map(keyOfTarget);
      expect(metadata.finalizers?.toSorted()).toEqual(keys.map(syncerFinalizer).toSorted());
      expect(keys.map((key) => metadata.labels?.[stateLabel(key)])).toEqual(['Sync', 'Sync']);
      expect(await copy('member-3', 'configmaps', 'settings', 'lifecycle')).toBeUndefined();
      await world.hub.delete(hubKey('configmaps', 'settings', 'lifecycle'));
      await eventually('gone everywhere', async () => {
        const left = await Promise.all(MEMBERS.map((m) => copy(m, 'configmaps', 'settings', 'lifecycle')));
        if (left.some(Boolean)) return 'a copy is left';
        return (await upstream('configmaps', 'settings', 'lifecycle')) ? 'the object is held' : undefined;
      });
    });

    it('a policy that leaves a cluster removes the copies there, and a policy that goes removes all', async () => {
      await placeNamespace(world, 'leaving', { locationSelector: { requiredLocations: ['region-1', 'region-2'] } });
      await world.hub.create(hubKey('configmaps', 'c', 'leaving'), configMap('leaving', 'c', { a: '1' }));
      const where = async () =>
        JSON.stringify(
          await Promise.all(MEMBERS.map(async (m) => Boolean(await copy(m, 'configmaps', 'c', 'leaving')))),
        );
      const expectWhere = (expected: boolean[]) =>
        eventually(`copies ${expected}`, async () => {
          const seen = await where();
          return seen === JSON.stringify(expected) ? undefined : `they are ${seen}`;
        });
      await expectWhere([true, true, false]);
      const policy = hubKey('clusterworkloadplacements', 'leaving');
      await world.hub.patch(policy, { spec: { locationSelector: { requiredLocations: ['region-2', 'region-3'] } } });
      await expectWhere([false, true, true]);
      await world.hub.delete(policy);
      await expectWhere([false, false, false]);
      await eventually('the object is free', async () => {
        const object = await upstream('configmaps', 'c', 'leaving');
        if (!object) return 'it is gone, which nobody asked for';
        return object.metadata.finalizers?.length ? `it still has ${object.metadata.finalizers}` : undefined;
      });
    });

    it('an edited copy is repaired, a deleted one comes back, what others own is left alone', async () => {
      await placeNamespace(world, 'drift', { locationSelector: { requiredLocations: ['region-1'] } });
      await world.hub.create(hubKey('deployments', 'web', 'drift'), deployment('drift', 'web', 2));
      await expectSplit('drift', [2, null as unknown as number, null as unknown as number]);
      const member = world.members['member-1']!;
      const key = memberKey('member-1', 'deployments', 'web', 'drift');
      await member.patch(key, { spec: { replicas: 9 }, metadata: { annotations: { 'team.example/owner': 'ops' } } });
      await eventually('replicas back at 2', async () => {
        const seen = await member.get(key);
        return replicasOf(seen) === 2 ? undefined : `they are ${replicasOf(seen)}`;
      });
      await member.patch(key, { metadata: { labels: { app: null } } });
      await eventually('the removed label is back', async () => {
        const seen = (await member.get(key))?.metadata.labels;
        return seen?.['app'] === 'web' ? undefined : JSON.stringify(seen);
      });
      expect((await member.get(key))?.metadata.annotations?.['team.example/owner']).toBe('ops');
      await member.delete(key);
      await eventually('a new copy', async () => ((await member.get(key)) ? undefined : 'there is none'));
    });

    it('an object of somebody else in the way is refused, told to the user, and not touched', async () => {
      await placeNamespace(world, 'foreign', { locationSelector: { requiredLocations: ['region-1'] } });
      await world.hub.create(hubKey('configmaps', 'first', 'foreign'), configMap('foreign', 'first', { a: '1' }));
      await eventually('the namespace exists', async () =>
        (await copy('member-1', 'configmaps', 'first', 'foreign')) ? undefined : 'no copy yet',
      );
      const member = world.members['member-1']!;
      const key = memberKey('member-1', 'configmaps', 'mine', 'foreign');
      await member.create(key, configMap('foreign', 'mine', { owner: 'somebody else' }));
      await world.hub.create(hubKey('configmaps', 'mine', 'foreign'), configMap('foreign', 'mine', { owner: 'tmc' }));
      await expectEvent('foreign', 'mine', /member-1/);
      expect(dataOf(await member.get(key))).toEqual({ owner: 'somebody else' });
      await world.hub.delete(hubKey('configmaps', 'mine', 'foreign'));
      await eventually('the hub object goes', async () =>
        (await upstream('configmaps', 'mine', 'foreign')) ? 'it is still held' : undefined,
      );
      expect(dataOf(await member.get(key)), 'the foreign object survives').toEqual({ owner: 'somebody else' });
    });

    it('a namespace name that is taken in a member is refused with a condition, and the namespace is left alone', async () => {
      const member = world.members['member-1']!;
      await member.create(memberKey('member-1', 'namespaces', 'taken'), {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'taken', labels: { team: 'other' } },
      });
      await placeNamespace(world, 'taken', { locationSelector: { requiredLocations: ['region-1'] } });
      await world.hub.create(hubKey('deployments', 'web', 'taken'), deployment('taken', 'web', 1));
      await eventually('a condition says so', async () => {
        const conditions = (await upstream('deployments', 'web', 'taken'))?.['status'] as {
          conditions?: { message: string }[];
        };
        const told = conditions?.conditions?.find((c) => c.message.includes('member-1') && c.message.includes('taken'));
        return told ? undefined : JSON.stringify(conditions ?? {});
      });
      expect(await copy('member-1', 'deployments', 'web', 'taken')).toBeUndefined();
      const left = await member.get(memberKey('member-1', 'namespaces', 'taken'));
      expect(left?.metadata.annotations?.[LOCATOR_ANNOTATION]).toBeUndefined();
    });

    it('labels and finalizers a tenant forges place nothing and are repaired', async () => {
      await placeNamespace(world, 'forged', { locationSelector: { requiredLocations: ['region-1'] } });
      await world.hub.create(hubKey('configmaps', 'c', 'forged'), configMap('forged', 'c', { a: '1' }));
      await eventually('a copy in member-1', async () =>
        (await copy('member-1', 'configmaps', 'c', 'forged')) ? undefined : 'none',
      );
      const forged = stateLabel(keyOfTarget('member-2'));
      await world.hub.patch(hubKey('namespaces', 'forged'), { metadata: { labels: { [forged]: 'Sync' } } });
      await world.hub.patch(hubKey('configmaps', 'c', 'forged'), {
        metadata: { labels: { [forged]: 'Sync', [stateLabel(keyOfTarget('member-1'))]: null } },
      });
      await eventually('labels are as decided', async () => {
        const ns = (await upstream('namespaces', 'forged'))?.metadata.labels ?? {};
        const object = (await upstream('configmaps', 'c', 'forged'))?.metadata.labels ?? {};
        if (forged in ns || forged in object) return 'the forged label is still there';
        return object[stateLabel(keyOfTarget('member-1'))] === 'Sync' ? undefined : 'the removed label is not back';
      });
      expect(await copy('member-2', 'configmaps', 'c', 'forged')).toBeUndefined();
      expect(await copy('member-1', 'configmaps', 'c', 'forged')).toBeDefined();
    });

    it('without a policy nothing is synced', async () => {
      await world.hub.create(hubKey('namespaces', 'unplaced'), {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'unplaced' },
      });
      await world.hub.create(hubKey('configmaps', 'c', 'unplaced'), configMap('unplaced', 'c', { a: '1' }));
      await staysTrue('no copy, no finalizer', async () => {
        const copies = await Promise.all(MEMBERS.map((member) => copy(member, 'configmaps', 'c', 'unplaced')));
        if (copies.some(Boolean)) return 'there is a copy';
        const object = await upstream('configmaps', 'c', 'unplaced');
        return object?.metadata.finalizers?.length ? `it has ${object.metadata.finalizers}` : undefined;
      });
    });

    it('hashed namespaces carry their locator; a SyncTarget that is deleted takes its copies along', async () => {
      const target = hubKey('synctargets', HASHED);
      await world.hub.create(target, {
        apiVersion: 'workload.kcp.io/v1alpha1',
        kind: 'SyncTarget',
        metadata: { name: HASHED },
        spec: { location: 'region-hashed' },
      });
      await placeNamespace(world, 'hashed', { locationSelector: { requiredLocations: ['region-hashed'] } });
      await world.hub.create(hubKey('configmaps', 'c', 'hashed'), configMap('hashed', 'c', { a: '1' }));
      const member = world.members['member-3']!;
      const copies = async () =>
        (
          await member.list(
            { group: '', resource: 'configmaps' },
            { workspace: 'member-3', labelSelector: `${OWNER_LABEL}=${keyOfTarget(HASHED)}` },
          )
        ).items;
      await eventually('a copy in a kcp- namespace', async () => {
        const [found] = await copies();
        return /^kcp-[a-z0-9]{12}$/.test(found?.metadata.namespace ?? '')
          ? undefined
          : `it is in ${found?.metadata.namespace}`;
      });
      const [found] = await copies();
      const ns = await member.get(memberKey('member-3', 'namespaces', found!.metadata.namespace!));
      expect(ns?.metadata.annotations?.[LOCATOR_ANNOTATION]).toContain('"namespace":"hashed"');
      expect(ns?.metadata.labels?.[TENANT_LABEL]).toMatch(/^[0-9a-zA-Z]+$/);

      await expect(world.hub.patch(target, { spec: { namespaceMapping: 'Preserve' } })).rejects.toThrow(
        'namespaceMapping cannot change',
      );
      await world.hub.delete(target);
      await eventually('the copies are gone and the object is free', async () => {
        if ((await copies()).length > 0) return 'a copy is left';
        const object = await upstream('configmaps', 'c', 'hashed');
        if (!object) return 'the object is gone, which nobody asked for';
        return object.metadata.finalizers?.length ? `it still has ${object.metadata.finalizers}` : undefined;
      });
      await eventually('the target goes', async () => ((await world.hub.get(target)) ? 'it is held' : undefined));
    });

    it('at rest nothing is written: objects keep their resourceVersions', async () => {
      await placeNamespace(world, 'quiet');
      await world.hub.create(hubKey('deployments', 'web', 'quiet'), deployment('quiet', 'web', 3));
      await eventually('3 ready', async () => {
        const status = (await upstream('deployments', 'web', 'quiet'))?.['status'] as { readyReplicas?: number };
        return status?.readyReplicas === 3 ? undefined : `${status?.readyReplicas} are`;
      });
      const versions = async () =>
        JSON.stringify([
          (await upstream('deployments', 'web', 'quiet'))?.metadata.resourceVersion,
          (await upstream('namespaces', 'quiet'))?.metadata.resourceVersion,
          ...(await Promise.all(MEMBERS.map(async (m) => writtenByUs(await copy(m, 'deployments', 'web', 'quiet'))))),
        ]);
      // A second status write of the rollout may still be due; after that it must be still.
      let last = await versions();
      await eventually('two looks a second apart are equal', async () => {
        await new Promise((settle) => setTimeout(settle, 1_000));
        const now = await versions();
        const same = now === last;
        last = now;
        return same ? undefined : 'it still moves';
      });
      await staysTrue(
        'resourceVersions',
        async () => ((await versions()) === last ? undefined : 'they changed'),
        3_000,
      );
    });

    async function expectEvent(namespace: string, name: string, text: RegExp): Promise<void> {
      await eventually(`an Event on ${name}`, async () => {
        const { items } = await world.hub.list({ group: '', resource: 'events' }, { workspace: 'acme', namespace });
        const told = items.find(
          (event) =>
            (event['involvedObject'] as { name?: string } | undefined)?.name === name &&
            event['type'] === 'Warning' &&
            text.test(String(event['message'])),
        );
        return told ? undefined : `events are ${JSON.stringify(items.map((event) => event['message']))}`;
      });
    }
  });
}

/** What only a write of ours changes of a copy: a resourceVersion moves with the member's own status writes, too. */
function writtenByUs(copy: KubeObject | undefined): unknown {
  const { annotations = {}, generation } = copy?.metadata ?? {};
  const ours = Object.entries(annotations).filter(([name]) => !name.startsWith('deployment.kubernetes.io/'));
  return { annotations: ours.toSorted(([a], [b]) => (a < b ? -1 : 1)), generation };
}
