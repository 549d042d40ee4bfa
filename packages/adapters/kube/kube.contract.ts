import { crds } from '@tmc/apis/crd.ts';
import type { TmcError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureCrds } from './bootstrap-crds.ts';
import { createKubernetesHub } from './hub-kubernetes.ts';
import { createMember } from './member.ts';
import { failure, type KubePeer, watchContract } from './watch.contract.ts';
import { createWatchSource } from './watch.ts';

export type { KubePeer } from './watch.contract.ts';

const WORKSPACE = 'default';
const CONFIG_MAPS = { group: '', resource: 'configmaps' };

/** Everything the adapters promise of a plain API server; the real one and the simulator are held to it alike. */
export function kubeAdapterContract(name: string, open: () => Promise<KubePeer>): void {
  describe(`kube adapters on ${name}`, () => {
    let peer: KubePeer;
    let hub: ReturnType<typeof createKubernetesHub>;
    let member: ReturnType<typeof createMember>;
    let source: ReturnType<typeof createWatchSource>;
    const namespace = 'contract';
    let serial = 0;
    const fresh = () => `o${process.pid}-${++serial}`;

    beforeAll(async () => {
      peer = await open();
      const { connection } = peer;
      hub = createKubernetesHub({ connection, workspace: WORKSPACE });
      member = createMember({ connection });
      source = createWatchSource({ connection });
      await hub.create(keyOf('namespaces', namespace, ''), namespaceObj(namespace));
    }, 120_000);

    afterAll(async () => {
      for (const part of [hub, member, source]) part?.close();
      await peer?.close();
    }, 60_000);

    const configMap = (objName = fresh(), labels: Record<string, string> = {}) => ({
      key: keyOf('configmaps', objName, namespace),
      obj: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: objName, namespace, labels },
        data: { a: '1', b: '2' },
      } as KubeObject & { data: Record<string, string> },
    });

    describe('hub', () => {
      it('creates once and reads back', async () => {
        const { key, obj } = configMap();
        const created = await hub.create(key, obj);
        expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
        expect(await hub.get(key)).toEqual(created);
        expect(await failure(hub.create(key, obj))).toMatchObject({ kind: 'conflict' });
        expect(hub.workspaceOf(created)).toBe(WORKSPACE);
      });

      it('finds nothing where nothing is', async () => {
        expect(await hub.get(configMap().key)).toBeUndefined();
        expect(await hub.get({ ...configMap().key, namespace: 'absent' })).toBeUndefined();
      });

      it('tells a missing namespace from everything else', async () => {
        const key = keyOf('configmaps', 'absent', 'absent');
        const { obj } = configMap('absent');
        const error = await failure(hub.create(key, { ...obj, metadata: { name: 'absent', namespace: 'absent' } }));
        expect(error).toMatchObject({
          kind: 'terminal',
          facts: { type: 'ResourceNotFound', key: 'default|/namespaces|/absent' },
        });
      });

      it('patches by merge: null removes, the answer carries the new version', async () => {
        const { key, obj } = configMap();
        const before = await hub.create(key, obj);
        const after = await hub.patch(key, { data: { a: null, c: '3' } }, preconditions(before));
        expect(after['data']).toEqual({ b: '2', c: '3' });
        expect(after.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
        const unchanged = await hub.patch(key, { data: { c: '3' } });
        expect(unchanged.metadata.resourceVersion).toBe(after.metadata.resourceVersion);
      });

      it('refuses a patch of another incarnation, of a stale version, of nothing', async () => {
        const { key, obj } = configMap();
        const { metadata } = await hub.create(key, obj);
        const patch = { data: { a: '9' } };
        const other = { uid: '00000000-0000-0000-0000-000000000000' };
        expect(await failure(hub.patch(key, patch, other))).toMatchObject({ kind: 'conflict' });
        await hub.patch(key, { data: { a: '2' } });
        const stale = { resourceVersion: metadata.resourceVersion ?? '' };
        expect(await failure(hub.patch(key, patch, stale))).toMatchObject({ kind: 'conflict' });
        expect(await failure(hub.patch(configMap().key, patch))).toMatchObject({ kind: 'conflict' });
        expect((await hub.get(key))?.['data']).toEqual({ a: '2', b: '2' });
      });

      it('writes status apart from spec', async () => {
        const key = keyOf('deployments', fresh(), namespace, 'apps');
        await hub.create(key, deployment(key));
        const patch = { spec: { replicas: 7 }, status: { observedGeneration: 1, replicas: 2 } };
        const patched = await hub.patch(key, patch, { subresource: 'status' });
        expect(patched['status']).toMatchObject({ replicas: 2 });
        expect(patched['spec']).toMatchObject({ replicas: 1 });
      });

      it('deletes under preconditions; absent already is success', async () => {
        const { key, obj } = configMap();
        const { metadata } = await hub.create(key, obj);
        expect(await failure(hub.delete(key, { uid: 'another' }))).toMatchObject({ kind: 'conflict' });
        await hub.delete(key, { uid: metadata.uid ?? '' });
        await hub.delete(key, { uid: metadata.uid ?? '' });
        expect(await hub.get(key)).toBeUndefined();
      });

      it('lists everything page by page, each item with its kind', async () => {
        const many = 'contract-many';
        await hub.create(keyOf('namespaces', many, ''), namespaceObj(many));
        const names = Array.from({ length: 520 }, (_, i) => `m${i}`);
        const create = (objName: string) =>
          hub.create(keyOf('configmaps', objName, many), {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: objName, namespace: many, labels: { made: 'many' } },
          });
        for (let at = 0; at < names.length; at += 40) await Promise.all(names.slice(at, at + 40).map(create));
        const list = await hub.list(CONFIG_MAPS, { workspace: WORKSPACE, namespace: many, labelSelector: 'made=many' });
        expect(new Set(list.items.map((item) => item.metadata.name))).toEqual(new Set(names));
        expect(list.items.every((item) => item.kind === 'ConfigMap' && item.apiVersion === 'v1')).toBe(true);
        expect(list.resourceVersion).toMatch(/^\d+$/);
      });

      it('parks what the server will never take', async () => {
        const { key, obj } = configMap('Not_a_Name');
        expect(await failure(hub.create(key, obj))).toMatchObject({
          kind: 'terminal',
          facts: { type: 'ResourceValidation' },
        });
      });

      it('refuses keys of another workspace', async () => {
        const key = { ...configMap().key, workspace: 'other' };
        expect(await failure(hub.get(key))).toMatchObject({ kind: 'terminal', facts: { type: 'ConfigurationError' } });
      });
    });

    describe('member', () => {
      it('lets exactly one of fifty create-only applies at once win, twenty times', async () => {
        for (let round = 0; round < 20; round += 1) expect(await race(configMap())).toEqual({ won: 1, conflicts: 49 });
      }, 60_000);

      const race = async ({ key, obj }: ReturnType<typeof configMap>) => {
        const attempts = Array.from({ length: 50 }, (_, i) =>
          member.apply(key, { ...obj, data: { attempt: String(i) } }, 'createOnly').then(
            (made) => ({ kind: 'won', made }),
            (error) => ({ kind: (error as TmcError).kind, made: undefined }),
          ),
        );
        const results = await Promise.all(attempts);
        const winner = results.find((r) => r.made)?.made;
        expect((await member.get(key))?.['data']).toEqual(winner?.['data']);
        const count = (kind: string) => results.filter((r) => r.kind === kind).length;
        return { won: count('won'), conflicts: count('conflict') };
      };

      it('does not create over what exists', async () => {
        const { key, obj } = configMap();
        await hub.create(key, obj);
        expect(await failure(member.apply(key, { ...obj, data: { a: '9' } }, 'createOnly'))).toMatchObject({
          kind: 'conflict',
        });
        expect((await member.get(key))?.['data']).toEqual({ a: '1', b: '2' });
      });

      it('updates what it created, removing what it dropped and nobody else has', async () => {
        const { key, obj } = configMap();
        const created = await member.apply(key, obj, 'createOnly');
        await hub.patch(key, { data: { theirs: '1' } });
        const updated = await member.apply(key, { ...obj, data: { a: '5' } }, { uid: created.metadata.uid ?? '' });
        expect(updated['data']).toEqual({ a: '5', theirs: '1' });
        const managers = updated.metadata.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`);
        expect(managers?.sort()).toEqual(['tmc Update', 'tmc-syncer Apply']);
      });

      it('does not bring a vanished copy back', async () => {
        const { key, obj } = configMap();
        const { metadata } = await member.apply(key, obj, 'createOnly');
        await member.delete(key, metadata.uid ?? '');
        expect(await failure(member.apply(key, obj, { uid: metadata.uid ?? '' }))).toMatchObject({ kind: 'conflict' });
        expect(await member.get(key)).toBeUndefined();
      });

      it('refuses an apply to another incarnation or from a stale version', async () => {
        const { key, obj } = configMap();
        const first = await member.apply(key, obj, 'createOnly');
        await member.delete(key, first.metadata.uid ?? '');
        const second = await member.apply(key, obj, 'createOnly');
        const wrongUid = member.apply(key, { ...obj, data: { a: '7' } }, { uid: first.metadata.uid ?? '' });
        expect(await failure(wrongUid)).toMatchObject({ kind: 'conflict' });
        await hub.patch(key, { data: { theirs: '1' } });
        const stale = member.apply(key, { ...obj, data: { a: '7' } }, preconditions(second));
        expect(await failure(stale)).toMatchObject({ kind: 'conflict' });
      });

      it('names the namespace that is missing', async () => {
        const key = keyOf('configmaps', 'absent', 'absent');
        const { obj } = configMap('absent');
        const error = await failure(
          member.apply(key, { ...obj, metadata: { name: 'absent', namespace: 'absent' } }, 'createOnly'),
        );
        expect(error).toMatchObject({
          kind: 'terminal',
          facts: { type: 'ResourceNotFound', key: 'default|/namespaces|/absent' },
        });
      });

      it('deletes by uid only; absent already is success', async () => {
        const { key, obj } = configMap();
        const { metadata } = await member.apply(key, obj, 'createOnly');
        expect(await failure(member.delete(key, 'another'))).toMatchObject({ kind: 'conflict' });
        expect(await member.get(key)).toBeDefined();
        await member.delete(key, metadata.uid ?? '');
        await member.delete(key, metadata.uid ?? '');
        expect(await member.get(key)).toBeUndefined();
      });
    });

    watchContract(() => ({ peer, hub, source }));

    describe('rights and credentials', () => {
      it('retries a 403 until it persisted for half a minute', async () => {
        let nowMs = 0;
        const powerless = createMember({ connection: peer.powerless, clock: () => nowMs });
        const { key } = configMap();
        expect(await failure(powerless.get(key))).toMatchObject({
          kind: 'retry',
          facts: { type: 'ResourcePermission' },
        });
        nowMs = 30_001;
        expect(await failure(powerless.get(key))).toMatchObject({
          kind: 'terminal',
          facts: { type: 'ResourcePermission' },
        });
        powerless.close();
      });

      it('retries a token that is not accepted', async () => {
        const connection = { ...peer.powerless, authorization: () => 'Bearer not-a-token' };
        const stranger = createMember({ connection });
        expect(await failure(stranger.get(configMap().key))).toMatchObject({
          kind: 'retry',
          facts: { type: 'ClusterAuthentication' },
        });
        stranger.close();
      });
    });

    describe('our own kinds', () => {
      const target = (objName: string) => ({
        key: keyOf('synctargets', objName, '', 'workload.kcp.io'),
        obj: { apiVersion: 'workload.kcp.io/v1alpha1', kind: 'SyncTarget', metadata: { name: objName }, spec: {} },
      });

      it('are served once their definitions are ensured, which may be repeated', async () => {
        const definitions = { connection: peer.connection, crds: crds() };
        await ensureCrds(definitions);
        await ensureCrds(definitions);
        const { key, obj } = target(fresh());
        const created = await hub.create(key, obj as KubeObject);
        const patched = await hub.patch(
          key,
          { status: { allocatable: { cpu: '4' } } },
          { ...preconditions(created), subresource: 'status' },
        );
        expect(patched['status']).toMatchObject({ allocatable: { cpu: '4' } });
      }, 60_000);

      it('can be created by exactly one of fifty', async () => {
        await ensureCrds({ connection: peer.connection, crds: crds() });
        const { key, obj } = target(fresh());
        const attempts = Array.from({ length: 50 }, () => member.apply(key, obj as KubeObject, 'createOnly'));
        const results = await Promise.allSettled(attempts);
        const conflicts = results.filter((r) => r.status === 'rejected' && (r.reason as TmcError).kind === 'conflict');
        expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
        expect(conflicts).toHaveLength(49);
      }, 60_000);

      it('give their uid guard as a conflict', async () => {
        await ensureCrds({ connection: peer.connection, crds: crds() });
        const { key, obj } = target(fresh());
        await hub.create(key, obj as KubeObject);
        const other = { uid: '00000000-0000-0000-0000-000000000000' };
        const patch = { metadata: { labels: { a: 'b' } } };
        expect(await failure(hub.patch(key, patch, other))).toMatchObject({ kind: 'conflict' });
      }, 60_000);
    });
  });
}

function keyOf(resource: string, name: string, namespace: string, group = ''): ResourceKey {
  return { workspace: WORKSPACE, group, resource, namespace, name };
}

function namespaceObj(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function deployment({ name, namespace }: ResourceKey): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'nginx' }] } },
    },
  };
}

function preconditions({ metadata }: KubeObject) {
  return { uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' };
}
