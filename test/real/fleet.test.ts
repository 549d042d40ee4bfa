import { createMember } from '@tmc/adapters/kube/member.ts';
import { kindOf } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Fleet, startFleet } from './harness/fleet.ts';

const WAIT = { timeout: 60_000, interval: 50 };

function keyOf(name: string) {
  return { workspace: 'target', group: 'apps', resource: 'deployments', namespace: 'default', name };
}

function deployment(name: string, image: string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }] } },
    },
  };
}

/** The harness itself: what other suites of this folder build on. */
// In order: the last test kills the API server, which the kubelet of the first one would remember.
describe('fleet of real servers', { shuffle: false }, () => {
  let fleet: Fleet;
  let memberClients: ReturnType<typeof createMember>[] = [];

  beforeAll(async () => {
    fleet = await startFleet({ members: 2 });
    memberClients = fleet.members.map(({ connection }) => createMember({ connection }));
  }, 180_000);

  afterAll(async () => {
    for (const memberClient of memberClients) memberClient.close();
    await fleet?.stop();
  }, 60_000);

  const member = (index: number) => {
    const memberClient = memberClients[index];
    if (!memberClient) throw new Error(`no member ${index}`);
    return memberClient;
  };
  const available = async (index: number, name: string) => {
    const live = await member(index).get(keyOf(name));
    return (live?.['status'] as { availableReplicas?: number } | undefined)?.availableReplicas ?? 0;
  };

  it('runs Deployments in the member they were applied to, and only there', async () => {
    await member(0).apply(keyOf('web'), deployment('web', 'nginx:1'), 'createOnly');
    await vi.waitFor(async () => expect(await available(0, 'web')).toBe(3), WAIT);
    expect(await member(1).get(keyOf('web'))).toBeUndefined();
    expect(fleet.members[0]?.kubelet.lastError()).toBeUndefined();
  }, 90_000);

  it('fails pods on demand and heals them', async () => {
    const heal = fleet.members[1]?.kubelet.fail({ image: /broken/ });
    await member(1).apply(keyOf('good'), deployment('good', 'nginx:1'), 'createOnly');
    const created = await member(1).apply(keyOf('bad'), deployment('bad', 'broken:1'), 'createOnly');
    await vi.waitFor(async () => expect(await available(1, 'good')).toBe(3), WAIT);
    const pods = { group: '', resource: 'pods' };
    await vi.waitFor(async () => {
      const { items } = await member(1).list(pods, { namespace: 'default', labelSelector: 'app=bad' });
      const reasons = items.map((pod) => JSON.stringify(pod['status']).includes('CrashLoopBackOff'));
      expect(reasons).toEqual([true, true, true]);
    }, WAIT);
    expect(await available(1, 'bad')).toBe(0);
    heal?.();
    await vi.waitFor(async () => expect(await available(1, 'bad')).toBe(3), WAIT);
    await member(1).delete(keyOf('bad'), created.metadata.uid ?? '');
    await vi.waitFor(async () => {
      const { items } = await member(1).list(pods, { namespace: 'default', labelSelector: 'app=bad' });
      expect(items).toEqual([]);
    }, WAIT);
  }, 120_000);

  it('tells a killed API server from an absent object, and serves again after its start', async () => {
    const [first] = fleet.members;
    await member(0).apply(keyOf('kept'), deployment('kept', 'nginx:1'), 'createOnly');
    first?.signal('SIGKILL');
    await vi.waitFor(async () => {
      const kind = await member(0)
        .get(keyOf('kept'))
        .then(() => 'answered', kindOf);
      expect(kind).toBe('retry');
    }, WAIT);
    await first?.start();
    expect(await member(0).get(keyOf('kept'))).toBeDefined();
    await vi.waitFor(async () => expect(await available(0, 'kept')).toBe(3), WAIT);
  }, 120_000);
});
