/** Our schemas against a real kube-apiserver: accepted, enforced, defaulted and shown as columns. */
import { crds } from '@tmc/apis/crd.ts';
import { apiResourceSchemas } from '@tmc/apis/export.ts';
import { type OpenApiDocument, reduceOpenApi } from '@tmc/apis/generate/reduce-openapi.ts';
import { KINDS } from '@tmc/apis/kinds/all.ts';
import { resourceType } from '@tmc/apis/resources.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type PlainApiServer, startPlainApiServer, until } from './plain-api-server.ts';
import { SAMPLES } from './samples.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = 'application/merge-patch+json';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const NOW = '2026-01-01T00:00:00Z';

let server: PlainApiServer;

const pathOf = (apiVersion: string, kind: string) =>
  `/apis/${apiVersion}/${KINDS.find((k) => k.resource.kind === kind)?.resource.resource}`;
const create = (obj: KubeObject): Promise<Answer> =>
  server.call('POST', pathOf(obj.apiVersion, obj.kind), { body: obj });
const syncTarget = (name: string, spec: object): KubeObject => ({
  apiVersion: 'workload.kcp.io/v1alpha1',
  kind: 'SyncTarget',
  metadata: { name },
  spec,
});

async function establish(crd: KubeObject): Promise<void> {
  const created = await server.call('POST', CRDS, { body: crd });
  expect(created.status, JSON.stringify(created.body['message'])).toBe(201);
  await until(`CRD ${crd.metadata.name} established`, async () => {
    const { body } = await server.call('GET', `${CRDS}/${crd.metadata.name}`);
    const status = body['status'] as { conditions?: { type: string; status: string; message: string }[] };
    const bad = status.conditions?.find((c) => c.type === 'NonStructuralSchema' && c.status === 'True');
    if (bad) throw new Error(`${crd.metadata.name}: ${bad.message}`);
    return status.conditions?.find((c) => c.type === 'Established' && c.status === 'True');
  });
}

/** The row of an object in the table `kubectl get -o wide` shows, by column name. */
async function rowOf(path: string, name: string): Promise<Record<string, unknown>> {
  const { body } = await server.call('GET', path, { accept: TABLE });
  const { columnDefinitions, rows } = body as {
    columnDefinitions: { name: string }[];
    rows: { cells: unknown[]; object: KubeObject }[];
  };
  const row = rows.find((candidate) => candidate.object.metadata.name === name);
  return Object.fromEntries(columnDefinitions.map((column, index) => [column.name, row?.cells[index]]));
}

beforeAll(async () => {
  server = await startPlainApiServer();
  for (const crd of crds()) await establish(crd);
  // A kind just established is served a moment later.
  for (const { resource } of KINDS) {
    const path = `/apis/${resource.group}/${resource.version}/${resource.resource}`;
    await until(`${path} served`, async () => ((await server.call('GET', path)).status === 200 ? true : undefined));
  }
  for (const sample of SAMPLES) {
    const answer = await create(sample);
    expect(answer.status, `${sample.kind} ${sample.metadata.name}: ${answer.body['message']}`).toBe(201);
  }
}, 120_000);

afterAll(async () => {
  await server?.stop();
}, 30_000);

describe('our kinds on a real API server', () => {
  it('fill in defaults and prune what they do not know', async () => {
    const { status, body } = await create({
      ...syncTarget('bare', {}),
      spec: { unknownField: 1, syncerConfig: { other: true } },
    });
    expect(status).toBe(201);
    expect(body['spec']).toEqual({
      unschedulable: false,
      namespaceMapping: 'Hashed',
      syncerConfig: {
        syncMode: 'push',
        syncInterval: '30s',
        retryBackoff: { initialInterval: '1s', maxInterval: '5m', multiplier: 2 },
      },
    });
    const { spec: _none, ...withoutSpec } = syncTarget('none', {});
    const without = await create(withoutSpec as KubeObject);
    expect(without.body['spec']).toEqual(body['spec']);
  });

  it.each([
    ['eviction without cordon', { evictAfter: NOW }, 'evictAfter needs unschedulable: true'],
    [
      'credentials in pull mode',
      { syncerConfig: { syncMode: 'pull' }, workloadCluster: { credentials: { secretRef: { name: 'x' } } } },
      'workloadCluster.credentials are of no use in syncMode pull',
    ],
    [
      'an unknown mode',
      { syncerConfig: { syncMode: 'telepathy' } },
      'supported values: "push", "pull", "bidirectional"',
    ],
    ['an amount that is none', { resourceQuotas: { cpu: 'lots' } }, 'spec.resourceQuotas.cpu'],
    ['a time that is none', { unschedulable: true, evictAfter: 'tomorrow' }, 'date-time'],
  ])('SyncTarget: refuses %s', async (_what, spec, message) => {
    const { status, body } = await create(syncTarget('bad', spec));
    expect(status).toBe(422);
    expect(body['message']).toContain(message);
  });

  it.each([
    { cpu: 1 },
    { cpu: '500m' },
    { cpu: '1.5' },
    { memory: '1Gi' },
    { memory: '2e3' },
    { custom: { 'a/b': 7 } },
  ])('accepts amounts %j', async (resourceQuotas) => {
    const path = `${pathOf('workload.kcp.io/v1alpha1', 'SyncTarget')}?dryRun=All`;
    const { status, body } = await server.call('POST', path, { body: syncTarget('amounts', { resourceQuotas }) });
    expect(status, String(body['message'])).toBe(201);
  });

  it('ClusterWorkloadPlacement: refuses more at least than at most, with the default counted', async () => {
    const path = `${pathOf('workload.kcp.io/v1alpha1', 'ClusterWorkloadPlacement')}/multi-region-placement`;
    const { status, body } = await server.call('PATCH', path, {
      contentType: MERGE,
      body: { spec: { minReplicas: 3 } },
    });
    expect(status).toBe(422);
    expect(body['message']).toContain('minReplicas must not be greater than maxReplicas (both count targets)');
    const fine = await server.call('PATCH', path, { contentType: MERGE, body: { spec: { maxReplicas: 3 } } });
    expect(fine.status).toBe(200);
  });

  it('WorkloadPlacement: refuses label expressions', async () => {
    const { status, body } = await create({
      apiVersion: 'tmc.kcp.io/v1alpha1',
      kind: 'WorkloadPlacement',
      metadata: { name: 'expressions' },
      spec: { workloadSelector: { labelSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } } },
    });
    expect(status).toBe(422);
    expect(body['message']).toContain('takes matchLabels only');
  });

  it('a status is written beside the spec, and columns show both', async () => {
    const path = pathOf('workload.kcp.io/v1alpha1', 'SyncTarget');
    const labels = { 'internal.workload.kcp.io/key': '6ohB8yeXhwqTQVuBzJRgqcRJTpRjX7yTZu5g5g' };
    await server.call('PATCH', `${path}/west-target`, { contentType: MERGE, body: { metadata: { labels } } });
    const conditions = [
      { type: 'HeartbeatHealthy', status: 'True', reason: 'Seen', message: '', lastTransitionTime: NOW },
      { type: 'Ready', status: 'False', reason: 'Waiting', message: 'not yet', lastTransitionTime: NOW },
    ];
    const status = {
      conditions,
      lastSyncerHeartbeatTime: NOW,
      allocatable: { cpu: '4', pods: 110 },
      syncedResources: [{ group: 'apps', resource: 'deployments', versions: ['v1'], state: 'Accepted' }],
    };
    const written = await server.call('PATCH', `${path}/west-target/status`, {
      contentType: MERGE,
      body: { status, spec: { location: 'elsewhere' } },
    });
    expect(written.status, String(written.body['message'])).toBe(200);
    expect(written.body['status']).toEqual(status);
    expect(await rowOf(path, 'west-target')).toMatchObject({
      Name: 'west-target',
      Location: 'us-west-2',
      Ready: 'False',
      Key: labels['internal.workload.kcp.io/key'],
      Reason: 'Waiting',
      Mode: 'push',
      Unschedulable: false,
      'Synced API resources': expect.stringContaining('"resource":"deployments"'),
    });
  });

  it('columns of the placement kinds show what was decided', async () => {
    const cwp = pathOf('workload.kcp.io/v1alpha1', 'ClusterWorkloadPlacement');
    await server.call('PATCH', `${cwp}/multi-region-placement/status`, {
      contentType: MERGE,
      body: {
        status: {
          selectedTargets: ['west-target', 'east-target'],
          conditions: [{ type: 'Ready', status: 'True', reason: 'PlacementSuccess', message: '' }],
        },
      },
    });
    expect(await rowOf(cwp, 'multi-region-placement')).toMatchObject({
      Ready: 'True',
      Targets: '["west-target","east-target"]',
      Min: 1,
      Reason: 'PlacementSuccess',
      Scheduling: 'Divided',
    });
    const placements = pathOf('scheduling.kcp.io/v1alpha1', 'Placement');
    await server.call('PATCH', `${placements}/default/status`, {
      contentType: MERGE,
      body: { status: { phase: 'Bound', selectedLocation: { path: 'root', locationName: 'default' } } },
    });
    expect(await rowOf(placements, 'default')).toMatchObject({ Phase: 'Bound', Location: 'default' });
  });
});

describe('the built-in kinds we export', () => {
  const builtins = () => apiResourceSchemas().slice(KINDS.length);
  type Spec = {
    names: Record<string, unknown>;
    scope: string;
    versions: (Record<string, unknown> & { schema: unknown })[];
  };

  it('have schemas an API server accepts, and a Deployment keeps its template', async () => {
    const group = 'builtins.tmc.example.com';
    for (const schema of builtins()) {
      const { names, scope, versions } = schema['spec'] as Spec;
      const { categories: _categories, shortNames: _shortNames, ...plainNames } = names;
      await establish({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `${names['plural']}.${group}` },
        spec: {
          group,
          scope,
          names: plainNames,
          versions: versions.map((version) => ({ ...version, schema: { openAPIV3Schema: version.schema } })),
        },
      });
    }
    const deployment = {
      apiVersion: `${group}/v1`,
      kind: 'Deployment',
      metadata: { name: 'web', creationTimestamp: null },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'web' } },
        strategy: {},
        template: {
          metadata: { creationTimestamp: null, labels: { app: 'web' }, annotations: { a: 'b' } },
          spec: {
            containers: [
              {
                name: 'c',
                image: 'nginx',
                ports: [{ containerPort: 80 }],
                resources: { limits: { cpu: 1, memory: '1Gi' } },
              },
            ],
            imagePullSecrets: [{ name: 'pull' }],
          },
        },
      },
      status: {},
    };
    const path = `/apis/${group}/v1/namespaces/default/deployments`;
    const created = await until('deployments served', async () => {
      const answer = await server.call('POST', path, { body: deployment });
      return answer.status === 404 ? undefined : answer;
    });
    expect(created.status, String(created.body['message'])).toBe(201);
    expect(created.body['spec']).toMatchObject({
      replicas: 3,
      template: {
        metadata: { labels: { app: 'web' }, annotations: { a: 'b' } },
        spec: {
          containers: [
            { ports: [{ containerPort: 80, protocol: 'TCP' }], resources: { limits: { cpu: 1, memory: '1Gi' } } },
          ],
          imagePullSecrets: [{ name: 'pull' }],
        },
      },
    });
  });

  it('are what this server publishes, when it is of the version they were made from', async () => {
    const { body: version } = await server.call('GET', '/version');
    const documents = { deployments: '/openapi/v3/apis/apps/v1', services: '/openapi/v3/api/v1' };
    for (const [resource, path] of Object.entries(documents)) {
      const { body } = await server.call('GET', path);
      const type = resourceType({ group: resource === 'deployments' ? 'apps' : '', resource });
      const live = reduceOpenApi(body as OpenApiDocument, type);
      const ours = builtins().find((s) => (s['spec'] as Spec).names['plural'] === resource)?.['spec'] as Spec;
      expect(Object.keys(live)).toEqual(Object.keys(ours.versions[0]!.schema as object));
      if (String(version['gitVersion']).startsWith('v1.36.')) expect(live).toEqual(ours.versions[0]!.schema);
    }
  });
});
