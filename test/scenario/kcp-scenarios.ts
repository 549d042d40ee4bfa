import { OWNER_LABEL, SYNCED_FROM_LABEL, stateLabel, syncerFinalizer } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bindingKey,
  CLAIMED,
  claims,
  findBinding,
  type KcpServers,
  type KcpWorld,
  namespaceOf,
  ownerOf,
  startKcpWorld,
  TARGETS,
  type TenantName,
  tenantKey,
} from './kcp-world.ts';
import { configMap, dataOf, deployment, eventually, replicasOf, staysTrue } from './world.ts';

/** Kinds a namespace of these scenarios holds, one object of each called `web`. */
const KINDS = ['deployments', 'configmaps', 'secrets'] as const;
type Kind = (typeof KINDS)[number];

/** What tenants of one kcp see, the same on a simulated and on a real one. Scenarios share one world, each has namespaces of its own. */
export function describeKcpScenarios(servers: string, start: () => Promise<KcpServers>): void {
  describe(`tenants of ${servers}`, () => {
    let world: KcpWorld;
    beforeAll(async () => {
      world = await startKcpWorld(await start());
    }, 300_000);
    afterAll(() => world?.stop(), 60_000);

    const tenant = (name: TenantName) => world.tenants[name];
    const upstream = (name: TenantName, kind: string, namespace: string) =>
      tenant(name).api.get(tenantKey(tenant(name), kind, 'web', namespace));

    /** Copies of `web` on every target of a tenant, by target. */
    async function copies(
      name: TenantName,
      kind: Kind,
      namespace: string,
    ): Promise<Record<string, KubeObject | undefined>> {
      const targets = TARGETS.filter((target) => target.tenant === name);
      const found = await Promise.all(
        targets.map(async ({ target, member }) => {
          const ns = namespaceOf(tenant(name), target, namespace);
          const key = { ...tenantKey(tenant(name), kind, 'web', ns), workspace: member };
          return [target, await world.members[member]!.get(key)] as const;
        }),
      );
      return Object.fromEntries(found);
    }

    /** Why not all copies of a tenant are there, or why one is. */
    async function missing(name: TenantName, namespace: string, kinds: readonly Kind[] = KINDS) {
      for (const kind of kinds) {
        const absent = Object.entries(await copies(name, kind, namespace)).filter(([, copy]) => !copy);
        if (absent.length > 0) return `${kind} of ${name} has no copy on ${absent.map(([target]) => target)}`;
      }
      return undefined;
    }
    async function leftover(name: TenantName, namespace: string, kinds: readonly Kind[] = KINDS) {
      for (const kind of kinds) {
        const present = Object.entries(await copies(name, kind, namespace)).filter(([, copy]) => copy);
        if (present.length > 0) return `${kind} of ${name} still has a copy on ${present.map(([target]) => target)}`;
      }
      return undefined;
    }

    /** A namespace with a policy that places it on all targets, and a Deployment, a ConfigMap and a Secret `web` in it. */
    async function fill(name: TenantName, namespace: string, replicas: number): Promise<void> {
      const { api } = tenant(name);
      const keyOf = (kind: string, object: string, ns = '') => tenantKey(tenant(name), kind, object, ns);
      const targets = TARGETS.filter((target) => target.tenant === name).length;
      await api.create(keyOf('clusterworkloadplacements', namespace), {
        apiVersion: 'workload.kcp.io/v1alpha1',
        kind: 'ClusterWorkloadPlacement',
        metadata: { name: namespace },
        spec: {
          namespaceSelector: { matchLabels: { scenario: namespace } },
          minReplicas: targets,
          maxReplicas: targets,
        },
      });
      await api.create(keyOf('namespaces', namespace), {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace, labels: { scenario: namespace } },
      });
      await api.create(keyOf('deployments', 'web', namespace), deployment(namespace, 'web', replicas));
      await api.create(keyOf('configmaps', 'web', namespace), configMap(namespace, 'web', { tenant: name }));
      await api.create(keyOf('secrets', 'web', namespace), {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'web', namespace },
        type: 'Opaque',
        data: { tenant: Buffer.from(name).toString('base64') },
      });
    }

    const filled = async (name: TenantName, namespace: string, replicas = 2): Promise<void> => {
      await fill(name, namespace, replicas);
      await eventually(`copies of ${name}/${namespace}`, () => missing(name, namespace));
    };

    /** Every object of a tenant in the member clusters, by its owner label: uid of each. */
    async function uids(name: TenantName): Promise<string> {
      const all: string[] = [];
      for (const { target, member } of TARGETS.filter((t) => t.tenant === name)) {
        for (const kind of KINDS) {
          const { group, resource } = tenantKey(tenant(name), kind, '');
          const labelSelector = `${OWNER_LABEL}=${ownerOf(tenant(name), target)}`;
          const { items } = await world.members[member]!.list(
            { group, resource },
            { workspace: member, labelSelector },
          );
          all.push(
            ...items.map((item) => `${kind}/${item.metadata.namespace}/${item.metadata.name} ${item.metadata.uid}`),
          );
        }
      }
      return all.sort().join('\n');
    }

    it('objects of equal names live side by side on one member cluster, and each status goes to its own tenant', async () => {
      await Promise.all([filled('acme', 'shop', 3), filled('globex', 'shop', 2)]);
      for (const name of ['acme', 'globex'] as const) {
        for (const copy of Object.values(await copies(name, 'configmaps', 'shop'))) {
          expect(dataOf(copy)).toEqual({ tenant: name });
          expect(copy?.metadata.labels?.[SYNCED_FROM_LABEL]).toBe(name);
        }
        for (const copy of Object.values(await copies(name, 'secrets', 'shop'))) {
          expect(dataOf(copy)).toEqual({ tenant: Buffer.from(name).toString('base64') });
        }
      }
      const split = Object.values(await copies('acme', 'deployments', 'shop'))
        .map(replicasOf)
        .sort();
      expect(split).toEqual([1, 2]);
      expect(Object.values(await copies('globex', 'deployments', 'shop')).map(replicasOf)).toEqual([2]);
      for (const [name, replicas] of [
        ['acme', 3],
        ['globex', 2],
      ] as const) {
        await eventually(`${replicas} ready in ${name}`, async () => {
          const { readyReplicas } = ((await upstream(name, 'deployments', 'shop'))?.['status'] ?? {}) as {
            readyReplicas?: number;
          };
          return readyReplicas === replicas ? undefined : `${readyReplicas} are`;
        });
      }
      const namespaces = await world.members['member-1']!.list(
        { group: '', resource: 'namespaces' },
        { workspace: 'member-1' },
      );
      expect(namespaces.items.filter((ns) => ns.metadata.name === 'shop')).toEqual([]);
    });

    it("keys of one tenant's targets are on its objects only", async () => {
      await Promise.all([filled('acme', 'keys'), filled('globex', 'keys')]);
      const ofAcme = (await upstream('acme', 'configmaps', 'keys'))!.metadata;
      const ofGlobex = (await upstream('globex', 'configmaps', 'keys'))!.metadata;
      const acmeKeys = ['east', 'west'].map((target) => ownerOf(tenant('acme'), target));
      const globexKey = ownerOf(tenant('globex'), 'east');
      expect(ofAcme.finalizers?.toSorted()).toEqual(acmeKeys.map(syncerFinalizer).sort());
      expect(ofGlobex.finalizers).toEqual([syncerFinalizer(globexKey)]);
      expect(ofAcme.labels?.[stateLabel(globexKey)]).toBeUndefined();
      expect(acmeKeys.map((key) => ofGlobex.labels?.[stateLabel(key)])).toEqual([undefined, undefined]);
    });

    it('deleting in one tenant leaves the other as it was', async () => {
      await Promise.all([filled('acme', 'going'), filled('globex', 'going')]);
      const before = await uids('globex');
      for (const kind of KINDS) await tenant('acme').api.delete(tenantKey(tenant('acme'), kind, 'web', 'going'));
      await eventually('copies of acme go', () => leftover('acme', 'going'));
      for (const kind of KINDS) {
        await eventually(`${kind} leaves the workspace`, async () =>
          (await upstream('acme', kind, 'going')) ? 'it is still there' : undefined,
        );
      }
      await staysTrue('copies of globex', async () => ((await uids('globex')) === before ? undefined : 'they changed'));
    });

    it('claims that are rejected tear nothing down, and accepted again they carry changes', async () => {
      await filled('initech', 'claimed');
      const before = await uids('initech');
      const decide = (accepted: readonly string[]) =>
        tenant('initech').api.patch(bindingKey(tenant('initech')), { spec: { permissionClaims: claims(accepted) } });
      // All of them: namespaces vanish from sight too.
      await decide([]);
      await staysTrue(
        'copies of initech',
        async () => ((await uids('initech')) === before ? undefined : 'they changed'),
        3_000,
      );
      expect(await upstream('initech', 'configmaps', 'claimed')).toBeDefined();
      const key = tenantKey(tenant('initech'), 'configmaps', 'web', 'claimed');
      await tenant('initech').api.patch(key, { data: { tenant: 'changed meanwhile' } });
      await decide(CLAIMED);
      await eventually('the change arrives', async () => {
        const data = dataOf((await copies('initech', 'configmaps', 'claimed'))['only']);
        return data?.['tenant'] === 'changed meanwhile' ? undefined : JSON.stringify(data);
      });
      expect(await uids('initech'), 'the same copies as before').toBe(before);
    });

    it('a binding that is deleted takes the copies of its tenant along, and no others', async () => {
      await Promise.all([filled('umbrella', 'unbound'), filled('acme', 'unbound'), filled('initech', 'unbound')]);
      const before = [await uids('acme'), await uids('initech')];
      const binding = await findBinding(tenant('umbrella'));
      await tenant('umbrella').api.delete(binding!);
      await eventually('its copies go', () => leftover('umbrella', 'unbound'), 30_000);
      await eventually('the binding goes', async () =>
        (await tenant('umbrella').api.get(binding!)) ? 'it is still there' : undefined,
      );
      for (const kind of ['configmaps', 'secrets']) {
        const left = await upstream('umbrella', kind, 'unbound');
        expect(left?.metadata.finalizers ?? [], `what holds ${kind} in the workspace`).toEqual([]);
      }
      expect([await uids('acme'), await uids('initech')]).toEqual(before);
    });

    it('kcp may restart at any time: nothing is torn down, and what changed meanwhile is carried', async () => {
      await Promise.all([filled('acme', 'restart'), filled('globex', 'restart')]);
      const before = [await uids('acme'), await uids('globex')];
      await world.servers.restartKcp();
      const key = tenantKey(tenant('acme'), 'configmaps', 'web', 'restart');
      await eventually('a change after the restart is accepted', async () => {
        await tenant('acme').api.patch(key, { data: { tenant: 'after the restart' } });
        return undefined;
      });
      await eventually(
        'the change arrives',
        async () => {
          const data = Object.values(await copies('acme', 'configmaps', 'restart')).map(
            (copy) => dataOf(copy)?.['tenant'],
          );
          return data.every((value) => value === 'after the restart') ? undefined : `it is ${data}`;
        },
        60_000,
      );
      await tenant('globex').api.delete(tenantKey(tenant('globex'), 'configmaps', 'web', 'restart'));
      await eventually(
        'a deletion after the restart arrives',
        () => leftover('globex', 'restart', ['configmaps']),
        60_000,
      );
      expect(await uids('acme'), 'the same copies as before').toBe(before[0]);
      await staysTrue('the rest of globex', () => missing('globex', 'restart', ['deployments', 'secrets']));
    });
  });
}
