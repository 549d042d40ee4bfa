import { apiExport, apiResourceSchemas } from '@tmc/apis/export.ts';
import type { TmcError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { WatchEvent } from '@tmc/kernel/ports.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureKcpExport } from './bootstrap-kcp.ts';
import type { KubeConnection } from './connection.ts';
import { createKcpHub, type KcpHub } from './hub-kcp.ts';

/** A kcp server as administrator. */
export type KcpPeer = {
  readonly connection: KubeConnection;
  /** Makes a workspace of a type below root and gives its logical cluster id. */
  createWorkspace(path: string, type: { path: string; name: string }): Promise<string>;
  close(): Promise<void>;
};

const EXPORT = { exportWorkspace: 'root:tmc', exportName: 'tmc.kcp.io' };

/** What bootstrap and hub adapter promise of kcp. */
export function kcpAdapterContract(name: string, open: () => Promise<KcpPeer>): void {
  describe(`kcp hub on ${name}`, () => {
    let peer: KcpPeer;
    let hub: KcpHub;
    let alice: string;
    let bob: string;

    beforeAll(async () => {
      peer = await open();
      const schemas = apiResourceSchemas();
      const bootstrap = {
        connection: peer.connection,
        exportWorkspace: EXPORT.exportWorkspace,
        schemas,
        apiExport: apiExport(schemas),
      };
      await ensureKcpExport(bootstrap);
      await ensureKcpExport(bootstrap);
      const type = { path: 'root:tmc', name: 'tmc-tenant' };
      alice = await peer.createWorkspace('root:alice', type);
      bob = await peer.createWorkspace('root:bob', type);
      hub = await createKcpHub({ connection: peer.connection, ...EXPORT });
      await vi.waitFor(async () => {
        const bound = (await hub.tenants()).filter((tenant) => tenant.bound && tenant.missingClaims.length === 0);
        expect(bound.map(({ workspace }) => workspace)).toEqual(expect.arrayContaining([alice, bob]));
      }, 30_000);
    }, 180_000);

    afterAll(async () => {
      await hub?.close();
      await peer?.close();
    }, 60_000);

    it('is reached at endpoints of the export', () => {
      expect(hub.sources().map(({ endpoint }) => new URL(endpoint).pathname)).toEqual([
        expect.stringMatching(/^\/services\/apiexport\/[^/]+\/tmc\.kcp\.io$/),
      ]);
    });

    it('finds the id of a workspace by its path', async () => {
      expect(await hub.resolveWorkspace('root:alice')).toBe(alice);
    });

    it('keeps equal names of two workspaces apart', async () => {
      for (const workspace of [alice, bob]) {
        await hub.create(keyOf(workspace, 'same'), configMap('same', { of: workspace }));
      }
      for (const workspace of [alice, bob]) {
        const found = await hub.get(keyOf(workspace, 'same'));
        expect(found?.['data']).toEqual({ of: workspace });
        expect(found && hub.workspaceOf(found)).toBe(workspace);
      }
      const list = await hub.list(CONFIG_MAPS, { workspace: alice, namespace: 'default' });
      expect(new Set(list.items.map((item) => hub.workspaceOf(item)))).toEqual(new Set([alice]));
    });

    it('patches under preconditions', async () => {
      const key = keyOf(alice, 'patched');
      const { metadata } = await hub.create(key, configMap('patched', { a: '1', b: '2' }));
      const { uid = '', resourceVersion = '' } = metadata;
      const patched = await hub.patch(key, { data: { a: null } }, { uid, resourceVersion });
      expect(patched['data']).toEqual({ b: '2' });
      for (const stale of [{ resourceVersion }, { uid: '00000000-0000-0000-0000-000000000000' }]) {
        await expect(hub.patch(key, { data: { c: '3' } }, stale)).rejects.toMatchObject({ kind: 'conflict' });
      }
      await expect(hub.patch(keyOf(alice, 'absent'), { data: { a: '1' } })).rejects.toMatchObject({ kind: 'conflict' });
      await hub.delete(key, { uid });
      await hub.delete(key, { uid });
      expect(await hub.get(key)).toBeUndefined();
    });

    it('writes status of its own kinds', async () => {
      const key = { workspace: bob, group: 'workload.kcp.io', resource: 'synctargets', namespace: '', name: 'east' };
      await hub.create(key, {
        apiVersion: 'workload.kcp.io/v1alpha1',
        kind: 'SyncTarget',
        metadata: { name: 'east' },
        spec: {},
      });
      const written = await hub.patch(key, { status: { allocatable: { cpu: '4' } } }, { subresource: 'status' });
      expect(written['status']).toMatchObject({ allocatable: { cpu: '4' } });
    });

    it('watches all workspaces in one stream', async () => {
      const [source] = hub.sources();
      if (!source) throw new Error('no endpoint');
      const signal = AbortSignal.timeout(20_000);
      const { resourceVersion } = await source.page(CONFIG_MAPS, { signal });
      for (const workspace of [alice, bob]) await hub.create(keyOf(workspace, 'seen'), configMap('seen', {}));
      const events = source.watch(CONFIG_MAPS, { resourceVersion, timeoutSeconds: 60, signal });
      const seen = await firstNamed(events, { name: 'seen', count: 2 });
      expect(seen.map(({ object }) => hub.workspaceOf(object)).sort()).toEqual([alice, bob].sort());
    });

    it('does not take a refused workspace for an absent object', async () => {
      const error = await hub.get(keyOf('nowhere', 'x')).then(
        () => undefined,
        (thrown: TmcError) => thrown,
      );
      expect(error).toMatchObject({ kind: 'retry' });
    });
  });
}

const CONFIG_MAPS = { group: '', resource: 'configmaps' };

function keyOf(workspace: string, name: string): ResourceKey {
  return { workspace, ...CONFIG_MAPS, namespace: 'default', name };
}

function configMap(name: string, data: Record<string, string>) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data };
}

/** The first events about objects of a name. */
async function firstNamed(events: AsyncIterable<WatchEvent>, { name, count }: { name: string; count: number }) {
  const seen: WatchEvent[] = [];
  for await (const event of events) {
    if (event.object.metadata.name === name) seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
}
