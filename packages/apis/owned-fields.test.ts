import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { CONTENT_HASH_ANNOTATION, MEMBER_FIELD_MANAGER, SYNC_TIMESTAMP_ANNOTATION } from './names.ts';
import { contentHashOf, driftedFromApplied, ownedProjection } from './owned-fields.ts';

/** What we apply, and what a Kubernetes 1.36 API server makes of it: defaulted, quantities rewritten, zero values left out. */
const applied: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    namespace: 'ns',
    labels: { app: 'web' },
    annotations: { [SYNC_TIMESTAMP_ANNOTATION]: 'T1' },
  },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        securityContext: {},
        containers: [
          {
            name: 'web',
            image: 'nginx:1',
            args: ['b', 'a'],
            env: [
              { name: 'EMPTY', value: '' },
              { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ],
            ports: [{ containerPort: 443 }, { containerPort: 80 }],
            resources: { requests: { cpu: '1000m', memory: '0.5Gi' }, limits: { cpu: 2 } },
          },
        ],
      },
    },
  },
};

const fieldsV1: JsonObject = {
  'f:metadata': { 'f:labels': { 'f:app': {} }, 'f:annotations': { [`f:${SYNC_TIMESTAMP_ANNOTATION}`]: {} } },
  'f:spec': {
    'f:replicas': {},
    'f:selector': {},
    'f:template': {
      'f:metadata': { 'f:labels': { 'f:app': {} } },
      'f:spec': {
        'f:securityContext': {},
        'f:containers': {
          'k:{"name":"web"}': {
            '.': {},
            'f:args': {},
            'f:name': {},
            'f:image': {},
            'f:env': {
              'k:{"name":"EMPTY"}': { '.': {}, 'f:name': {}, 'f:value': {} },
              'k:{"name":"POD"}': { '.': {}, 'f:name': {}, 'f:valueFrom': { 'f:fieldRef': {} } },
            },
            'f:ports': {
              'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
              'k:{"containerPort":443,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
            },
            'f:resources': {
              'f:limits': { 'f:cpu': {} },
              'f:requests': { 'f:cpu': {}, 'f:memory': {} },
            },
          },
        },
      },
    },
  },
};

type LiveContainer = { args: string[]; image: string; env: JsonObject[]; ports: JsonObject[] };

function live(edit: (container: LiveContainer, live: KubeObject) => void = () => {}): KubeObject {
  const container = {
    name: 'web',
    image: 'nginx:1',
    imagePullPolicy: 'IfNotPresent',
    args: ['b', 'a'],
    env: [
      { name: 'EMPTY' },
      { name: 'POD', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
    ],
    ports: [
      { containerPort: 80, protocol: 'TCP' },
      { containerPort: 443, protocol: 'TCP' },
    ],
    resources: { requests: { cpu: '1', memory: '512Mi' }, limits: { cpu: '2' } },
  };
  const annotations = { [SYNC_TIMESTAMP_ANNOTATION]: 'T2', [CONTENT_HASH_ANNOTATION]: contentHashOf(applied) };
  const downstreamObj: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      uid: 'u',
      labels: { app: 'web' },
      annotations: { ...annotations, 'deployment.kubernetes.io/revision': '1' },
      managedFields: [
        { manager: 'kube-controller-manager', operation: 'Update', subresource: 'status', fieldsV1: {} },
        { manager: MEMBER_FIELD_MANAGER, operation: 'Apply', fieldsV1 },
      ],
    },
    spec: {
      replicas: 2,
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { securityContext: {}, restartPolicy: 'Always', containers: [container] },
      },
    },
    status: { replicas: 2 },
  };
  edit(container, downstreamObj);
  return downstreamObj;
}

describe('driftedFromApplied', () => {
  it('is false for what an API server makes of an applied object', () =>
    expect(driftedFromApplied(live())).toBe(false));

  it('ignores fields of others and elements they add', () => {
    const edited = live((container, obj) => {
      container.env.push({ name: 'SIDE', value: 'x' });
      obj.metadata.labels = { ...obj.metadata.labels, other: 'x' };
    });
    expect(driftedFromApplied(edited)).toBe(false);
  });

  it.each<[string, (container: LiveContainer, obj: KubeObject) => void]>([
    ['another image', (c) => Object.assign(c, { image: 'nginx:2' })],
    ['reordered arguments', (c) => c.args.reverse()],
    ['a removed port', (c) => c.ports.pop()],
    ['a removed label of ours', (_c, obj) => Object.assign(obj.metadata, { labels: {} })],
    ['no entry of our manager', (_c, obj) => obj.metadata.managedFields?.pop()],
    ['no recorded hash', (_c, obj) => Object.assign(obj.metadata, { annotations: {} })],
  ])('is true for %s', (_title, edit) => expect(driftedFromApplied(live(edit))).toBe(true));
});

describe('ownedProjection', () => {
  it('picks set elements by value and list elements by index', () => {
    const value = { finalizers: ['a', 'b'], list: ['x', 'y'] };
    expect(ownedProjection(value, { 'f:finalizers': { 'v:"b"': {} }, 'f:list': { 'i:0': {} } })).toEqual({
      finalizers: ['b'],
      list: ['x'],
    });
  });

  it('owns nothing by a selector it cannot read', () => {
    expect(ownedProjection({ list: [{ a: 1 }] }, { 'f:list': { 'k:{oops': {} } })).toEqual({ list: [] });
  });

  it('takes an element of which only the existence is owned as empty', () => {
    expect(ownedProjection({ map: { a: { b: 1 } } }, { 'f:map': { 'f:a': { '.': {} } } })).toEqual({ map: { a: {} } });
  });
});

describe('contentHashOf', () => {
  it('tells configuration values apart that only look alike', () => {
    const configMap = (value: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c' },
      data: { value },
    });
    expect(contentHashOf(configMap(''))).not.toBe(contentHashOf({ ...configMap(''), data: { other: '' } }));
    expect(contentHashOf(configMap('1000m'))).not.toBe(contentHashOf(configMap('1')));
  });
});
