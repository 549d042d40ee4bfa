import {
  CONTENT_HASH_ANNOTATION,
  OWNER_LABEL,
  SOURCE_VERSION_ANNOTATION,
  UPSTREAM_ANNOTATION,
} from '@tmc/apis/names.ts';
import { resourceType } from '@tmc/apis/resources.ts';
import { envelopeSchema } from '@tmc/kernel/envelope.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { configMap, secret } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { heartbeatParcel, listMarkerParcel, observationParcel, tickParcel } from './message.ts';
import type { Observation } from './observe.ts';
import { routeOf } from './route.ts';

const HUB = { kind: 'hub', id: 'hub-1', relay: 'r', epoch: 3 } as const;
const MEMBER = { kind: 'member', id: 'targetkey', relay: 'r', epoch: 0 } as const;
const stamp = { id: 'm-1', at: 5 };
const CONFIG_MAPS = resourceType({ group: '', resource: 'configmaps' });
const SECRETS = resourceType({ group: '', resource: 'secrets' });

function observation(change: Observation['change'], resource: string, object?: KubeObject): Observation {
  const key = { workspace: 'w', group: '', resource, namespace: 'default', name: object?.metadata.name ?? 'gone' };
  return { change, key, id: 'id', uid: 'u', rv: '9', hash: 'h', ...(object && { object }) };
}

describe('messages about objects', () => {
  it('carries the object without managedFields, with the kind a list leaves out', () => {
    const object = configMap({ name: 'c', managedFields: [{ manager: 'kubectl' }] }, { a: 'b' });
    const { apiVersion: _a, kind: _k, ...bare } = object;
    const { message } = observationParcel(observation('upsert', 'configmaps', bare as KubeObject), {
      origin: HUB,
      resource: CONFIG_MAPS,
      stamp,
    });
    expect(message).toEqual({
      queue: 'sync',
      group: 'w',
      envelope: {
        v: 1,
        id: 'm-1',
        at: 5,
        source: HUB,
        key: { workspace: 'w', group: '', resource: 'configmaps', namespace: 'default', name: 'c' },
        uid: 'u',
        rv: '9',
        change: 'upsert',
        hash: 'h',
        body: { ...configMap({ name: 'c' }, { a: 'b' }) },
      },
    });
    expect(envelopeSchema.safeParse(message.envelope).success).toBe(true);
    expect(object.metadata.managedFields).toHaveLength(1);
  });

  it('leaves a body of more than 6 KiB out', () => {
    const parcelOf = (text: string) =>
      observationParcel(observation('upsert', 'configmaps', configMap({ name: 'c' }, { text })), {
        origin: HUB,
        resource: CONFIG_MAPS,
        stamp,
      });
    expect(parcelOf('x'.repeat(5_900)).message.envelope.body).toBeDefined();
    expect(parcelOf('x'.repeat(6_200)).message.envelope.body).toBeUndefined();
    expect(parcelOf('ü'.repeat(3_200)).message.envelope.body).toBeUndefined();
  });

  it.each([HUB, MEMBER])('nothing of a Secret leaves, from a $kind, whatever happened', (origin) => {
    const annotations = {
      [UPSTREAM_ANNOTATION]: 'w|default/s',
      'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"password":"c2VzYW1l"}}',
    };
    const object = secret({ name: 's', annotations }, { password: 'sesame' });
    for (const change of ['upsert', 'delete', 'unseen'] as const) {
      const text = JSON.stringify(
        observationParcel(observation(change, 'secrets', object), { origin, resource: SECRETS, stamp }).message,
      );
      expect(text).not.toContain('c2VzYW1l');
      expect(text).not.toContain('"hash"');
    }
  });

  it('of a deleted copy of a Secret only what leads back is left, no hash of its content', () => {
    const kept = { [UPSTREAM_ANNOTATION]: 'w|default/s', [SOURCE_VERSION_ANNOTATION]: '0/u/9' };
    const annotations = { ...kept, [CONTENT_HASH_ANNOTATION]: 'sha256:0' };
    const object = secret({ name: 's', annotations, labels: { [OWNER_LABEL]: 'targetkey', app: 'a' } });
    const { body } = observationParcel(observation('delete', 'secrets', object), {
      origin: MEMBER,
      resource: SECRETS,
      stamp,
    }).message.envelope;
    expect(body?.metadata.annotations).toEqual(kept);
    expect(body?.metadata.labels).toEqual({ [OWNER_LABEL]: 'targetkey' });
  });

  it('a copy that is gone names its upstream object, whether the event, the size or only memory tells it', () => {
    const annotations = { [UPSTREAM_ANNOTATION]: 'w|default/c' };
    const labels = { [OWNER_LABEL]: 'targetkey' };
    const seen: [Observation, boolean][] = [
      [observation('delete', 'configmaps', configMap({ name: 'c', annotations, labels })), true],
      [
        observation('delete', 'configmaps', configMap({ name: 'c', annotations, labels }, { t: 'x'.repeat(7_000) })),
        false,
      ],
      [{ ...observation('delete', 'configmaps'), upstream: 'w|default/c' }, false],
      [observation('delete', 'secrets', secret({ name: 'c', annotations, labels })), false],
    ];
    for (const [gone, whole] of seen) {
      const resource = gone.key.resource === 'secrets' ? SECRETS : CONFIG_MAPS;
      const { body } = observationParcel(gone, { origin: MEMBER, resource, stamp }).message.envelope;
      expect(body?.metadata.annotations).toEqual(annotations);
      expect(body?.kind).toBe(resource.kind);
      expect(body && 'data' in body).toBe(whole);
    }
  });
});

describe('what is left of a copy that is gone', () => {
  it('holds no annotation that cannot be ours, and is weighed', () => {
    const upstream = `w|${'n'.repeat(2_000)}`;
    const annotations = { [UPSTREAM_ANNOTATION]: upstream, [SOURCE_VERSION_ANNOTATION]: 'x'.repeat(200_000) };
    const gone = observation('delete', 'secrets', secret({ name: 's', annotations, labels: { [OWNER_LABEL]: 't' } }));
    const { message, bytes } = observationParcel(gone, { origin: MEMBER, resource: SECRETS, stamp });
    expect(message.envelope.body?.metadata.annotations).toEqual({ [UPSTREAM_ANNOTATION]: upstream });
    expect(bytes).toBe(600 + Buffer.byteLength(JSON.stringify(message.envelope.body)));
  });
});

describe('messages about the relay itself', () => {
  it('are valid, and go to recovery or, list markers, to placement', () => {
    const beat = heartbeatParcel({ workspace: 'w', name: 'west' }, MEMBER, stamp).message;
    const tick = tickParcel(HUB, stamp).message;
    const marker = listMarkerParcel(
      resourceType({ group: 'workload.kcp.io', resource: 'synctargets' }),
      HUB,
      stamp,
    ).message;
    for (const { envelope } of [beat, tick, marker]) expect(envelopeSchema.safeParse(envelope).success).toBe(true);
    expect([beat.queue, beat.group, beat.envelope.key.name]).toEqual(['recovery', 'targetkey', 'west']);
    expect([tick.queue, tick.envelope.change]).toEqual(['recovery', 'tick']);
    expect([marker.queue, marker.envelope.change, marker.envelope.key.name]).toEqual(['placement', 'evaluate', '*']);
  });
});

describe('routes', () => {
  const key = (group: string, resource: string) => ({ workspace: 'w', group, resource, namespace: '', name: 'n' });

  it.each([
    ['hub', 'apps', 'deployments', 'sync'],
    ['hub', '', 'secrets', 'sync'],
    ['hub', '', 'namespaces', 'placement'],
    ['hub', 'apis.kcp.io', 'apibindings', 'placement'],
    ['hub', 'workload.kcp.io', 'synctargets', 'placement'],
    ['hub', 'tmc.kcp.io', 'workloadplacements', 'placement'],
    ['member', 'apps', 'deployments', 'status'],
  ] as const)('%s %s/%s → %s', (source, group, resource, queue) => {
    expect(routeOf(source, key(group, resource))).toEqual({ queue, group: 'w' });
  });
});
