import { driftedFromApplied } from '@tmc/apis/owned-fields.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { MemberApi } from '@tmc/kernel/ports.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { downstreamKeyOf } from './copy-identity.ts';
import { createNamespaces } from './namespace.ts';
import { planCopy } from './plan.ts';
import { decide, keyOf, NS, targetNamed } from './testing/world.ts';
import { viewFor } from './view.ts';

/** A member under test. */
export type MemberPeer = { readonly member: MemberApi; readonly close: () => Promise<void> };

const target = targetNamed('east');
const settings = { sourceClusterName: 'hub', epoch: 1 };
const now = '2026-01-01T00:00:00Z';

const withMeta = (obj: Partial<KubeObject> & { apiVersion: string; kind: string }, name: string): KubeObject => ({
  ...obj,
  metadata: { name, namespace: NS, uid: 'u1', resourceVersion: '42', labels: { app: name } },
});

/** Everything API servers are known to rewrite: quantities, zero values, defaults inside what we apply, orders. */
const template = {
  metadata: { labels: { app: 'web' } },
  spec: {
    securityContext: {},
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    volumes: [
      { name: 'z', emptyDir: {} },
      { name: 'c', configMap: { name: 'settings' } },
    ],
    initContainers: [{ name: 'init', image: 'busybox', command: ['sh', '-c', 'true'] }],
    containers: [
      {
        name: 'web',
        image: 'nginx:1',
        args: ['b', 'a'],
        env: [
          { name: 'EMPTY', value: '' },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        ],
        ports: [{ containerPort: 443, name: 'https' }, { containerPort: 80 }],
        resources: { requests: { cpu: '0.5', memory: '1024Mi' }, limits: { cpu: '2000m', memory: '1Gi' } },
        volumeMounts: [{ name: 'z', mountPath: '/z', readOnly: false }],
        readinessProbe: { httpGet: { path: '/', port: 80 } },
        securityContext: { allowPrivilegeEscalation: false },
      },
    ],
  },
};

const OBJECTS: readonly { resource: string; upstreamObj: KubeObject }[] = [
  {
    resource: 'deployments',
    upstreamObj: withMeta(
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        spec: { replicas: 2, strategy: {}, minReadySeconds: 0, selector: { matchLabels: { app: 'web' } }, template },
      },
      'web',
    ),
  },
  {
    resource: 'services',
    upstreamObj: withMeta(
      {
        apiVersion: 'v1',
        kind: 'Service',
        spec: {
          selector: { app: 'web' },
          ports: [
            { name: 'a', port: 80 },
            { name: 'b', port: 8080 },
          ],
        },
      },
      'web',
    ),
  },
  {
    resource: 'configmaps',
    upstreamObj: withMeta({ apiVersion: 'v1', kind: 'ConfigMap', data: { value: '', a: '1' } }, 'c'),
  },
  { resource: 'configmaps', upstreamObj: withMeta({ apiVersion: 'v1', kind: 'ConfigMap', data: {} }, 'empty') },
  {
    resource: 'secrets',
    upstreamObj: withMeta({ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data: { a: 'Yg==' } }, 's'),
  },
];

/** What we record about a copy and what an API server makes of it agree: else every report of a member would look like drift. */
export function memberAgreement(name: string, open: () => Promise<MemberPeer>): void {
  describe(`copies on ${name}`, () => {
    let peer: MemberPeer;
    beforeAll(async () => {
      peer = await open();
      const upstreamKey = keyOf('configmaps', 'any');
      await createNamespaces(() => 0).ensure({ member: peer.member, target, upstreamKey });
    }, 90_000);
    afterAll(() => peer?.close());

    it.each(OBJECTS)(
      '$upstreamObj.kind $upstreamObj.metadata.name has not drifted when applied, and has when edited',
      async ({ resource, upstreamObj }) => {
        const key = keyOf(resource, upstreamObj.metadata.name);
        const view = viewFor({ key, upstreamObj, decision: decide([target]), target, settings, now });
        if (!view.ok) throw new Error(view.problem);
        await peer.member.apply(view.key, view.copy, 'createOnly');
        const live = await read(peer.member, view.key);
        expect(driftedFromApplied(live)).toBe(false);
        const input = { upstreamKey: key, targetKey: target.key, view, recordVersion: true };
        expect(planCopy({ ...input, downstreamObj: live })).toEqual({ kind: 'nothing' });
        const { uid = '', resourceVersion = '' } = live.metadata;
        const again = await peer.member.apply(view.key, view.copy, { uid, resourceVersion });
        expect(again.metadata.resourceVersion).toBe(resourceVersion);
        const edited = { ...live, metadata: { ...live.metadata, labels: { ...live.metadata.labels, app: 'edited' } } };
        expect(driftedFromApplied(edited)).toBe(true);
        await expect(peer.member.apply(view.key, view.copy, 'createOnly')).rejects.toMatchObject({ kind: 'conflict' });
      },
    );

    it('a missing namespace is told apart', async () => {
      const upstreamObj = OBJECTS[2]!.upstreamObj;
      const key = keyOf('configmaps', 'c', { namespace: 'elsewhere' });
      const view = viewFor({ key, upstreamObj, decision: decide([target]), target, settings, now });
      if (!view.ok) throw new Error(view.problem);
      const refused = expect.objectContaining({ type: 'ResourceNotFound' });
      await expect(peer.member.apply(downstreamKeyOf(key, target), view.copy, 'createOnly')).rejects.toMatchObject({
        kind: 'terminal',
        facts: refused,
      });
    });
  });
}

async function read(member: MemberApi, key: ResourceKey): Promise<KubeObject> {
  const found = await member.get(key);
  if (!found) throw new Error(`${key.name} is not there`);
  return found;
}
