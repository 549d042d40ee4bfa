import { describe, expect, it } from 'vitest';
import { builtinSchema, resourceSchema } from '../schema/builtin.ts';
import type { JsonObject, StructuralSchema } from '../schema/types.ts';
import { applyPatch } from './server-side-apply.ts';
import { trackUpdate } from './update-ownership.ts';

const schemaOf = (group: string, kind: string): StructuralSchema => {
  const found = builtinSchema(group, 'v1', kind);
  if (!found) throw new Error(`no schema for ${kind}`);
  return found;
};
const CONFIG_MAP = schemaOf('', 'ConfigMap');
const DEPLOYMENT = schemaOf('apps', 'Deployment');

interface Entry {
  manager: string;
  operation: string;
  fieldsV1: JsonObject;
  time?: string;
  subresource?: string;
}
type Stored = JsonObject & { metadata: JsonObject & { managedFields?: Entry[] } };

/** One object of a kind, written by named managers, a second apart. */
class Subject {
  live: Stored | undefined;
  private clock = 0;
  private readonly schema: StructuralSchema;
  private readonly type: { apiVersion: string; kind: string };

  constructor(schema: StructuralSchema, type: { apiVersion: string; kind: string }) {
    this.schema = schema;
    this.type = type;
  }

  private common(manager: string) {
    this.clock++;
    const nowIso = `2026-01-01T00:00:0${this.clock}Z`;
    return { manager, schema: this.schema, apiVersion: this.type.apiVersion, nowIso, statusSubresource: true };
  }

  apply(manager: string, body: JsonObject, options: { force?: boolean; subresource?: string } = {}) {
    const applied = { ...this.type, ...body };
    const result = applyPatch({ live: this.live, applied, ...options, ...this.common(manager) });
    if ('object' in result) this.live = result.object as Stored;
    return result;
  }

  update(manager: string, body: JsonObject, subresource?: string) {
    const metadata = { ...(body['metadata'] as JsonObject | undefined) };
    const after = { ...this.type, ...body, metadata };
    this.live = trackUpdate({ before: this.live, after, subresource, ...this.common(manager) }) as Stored;
    return this.live;
  }

  conflicts(manager: string, body: JsonObject, options: { subresource?: string } = {}): string[] {
    const result = this.apply(manager, body, options);
    if (!('conflicts' in result)) throw new Error(`no conflict: ${JSON.stringify(result)}`);
    return result.conflicts.map((conflict) => conflict.field);
  }

  owners(): Record<string, JsonObject> {
    const entries = this.live?.metadata.managedFields ?? [];
    return Object.fromEntries(entries.map((one) => [`${one.manager} ${one.operation}`, one.fieldsV1]));
  }
}

const configMap = () => new Subject(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap' });
const deployment = () => new Subject(DEPLOYMENT, { apiVersion: 'apps/v1', kind: 'Deployment' });

describe('apply on ConfigMaps', () => {
  it('creates with one Apply entry and changes nothing when repeated', () => {
    const subject = configMap();
    const body = { metadata: { name: 'a', labels: { x: 'y' } }, data: { k: '1' } };
    subject.apply('one', body);
    const first = subject.live;
    expect(first?.metadata.managedFields).toEqual([
      {
        manager: 'one',
        operation: 'Apply',
        apiVersion: 'v1',
        time: '2026-01-01T00:00:01Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { 'f:k': {} }, 'f:metadata': { 'f:labels': { 'f:x': {} } } },
      },
    ]);
    expect(subject.apply('one', body)).toMatchObject({ changed: false });
    expect(subject.live).toEqual(first);
  });

  it('gives a second manager of the same value an entry without a time', () => {
    const subject = configMap();
    subject.apply('one', { data: { k: '1' } });
    subject.apply('two', { data: { k: '1' } });
    const [untimed, timed] = subject.live?.metadata.managedFields ?? [];
    expect(untimed).toMatchObject({ manager: 'two', fieldsV1: { 'f:data': { 'f:k': {} } } });
    expect(untimed).not.toHaveProperty('time');
    expect(timed).toMatchObject({ manager: 'one', time: '2026-01-01T00:00:01Z' });
  });

  it('lets each of two managers drop only its own fields', () => {
    const subject = configMap();
    subject.apply('one', { metadata: { name: 'a', labels: { x: '1' } }, data: { k: '1' } });
    subject.apply('two', { metadata: { name: 'a', labels: { y: '2' }, annotations: { n: '2' } }, data: { l: '2' } });
    subject.apply('two', { metadata: { name: 'a' }, data: { l: '2' } });
    expect(subject.live).toMatchObject({ metadata: { labels: { x: '1' } }, data: { k: '1', l: '2' } });
    expect(subject.live?.metadata).not.toHaveProperty('annotations');
    subject.apply('one', { metadata: { name: 'a' } });
    expect(subject.live?.['data']).toEqual({ l: '2' });
    expect(subject.live?.metadata).not.toHaveProperty('labels');
    expect(subject.owners()).toEqual({ 'two Apply': { 'f:data': { 'f:l': {} } } });
  });

  it('tells one conflict per field, and force takes the field from its owner', () => {
    const subject = configMap();
    subject.apply('one', { metadata: { labels: { x: '1' } }, data: { k: '1', l: '1' } });
    const before = subject.live;
    expect(subject.conflicts('two', { metadata: { labels: { x: '2' } }, data: { k: '2', l: '2' } })).toEqual([
      '.data.k',
      '.data.l',
      '.metadata.labels.x',
    ]);
    expect(subject.live).toBe(before);
    subject.apply('two', { data: { k: '2' } }, { force: true });
    expect(subject.live?.['data']).toEqual({ k: '2', l: '1' });
    expect(subject.owners()).toEqual({
      'one Apply': { 'f:data': { 'f:l': {} }, 'f:metadata': { 'f:labels': { 'f:x': {} } } },
      'two Apply': { 'f:data': { 'f:k': {} } },
    });
    expect(subject.conflicts('one', { metadata: { labels: { x: '1' } }, data: { k: '1', l: '1' } })).toEqual([
      '.data.k',
    ]);
  });

  it('keeps a shared field until its last owner drops it', () => {
    const subject = configMap();
    subject.apply('one', { data: { k: '1', l: '1' } });
    subject.apply('two', { data: { k: '1' } });
    subject.apply('one', { data: { l: '1' } });
    expect(subject.live?.['data']).toEqual({ k: '1', l: '1' });
    subject.apply('two', {});
    expect(subject.live?.['data']).toEqual({ l: '1' });
  });

  it('conflicts after another manager updated a field, and not when the values agree', () => {
    const subject = configMap();
    subject.apply('one', { data: { k: '1', l: '1' } });
    subject.update('editor', { data: { k: '2', l: '1' } });
    expect(subject.owners()).toEqual({
      'one Apply': { 'f:data': { 'f:l': {} } },
      'editor Update': { 'f:data': { 'f:k': {} } },
    });
    expect(subject.conflicts('one', { data: { k: '1', l: '1' } })).toEqual(['.data.k']);
    subject.apply('one', { data: { k: '2', l: '1' } });
    expect(subject.owners()).toEqual({
      'one Apply': { 'f:data': { 'f:k': {}, 'f:l': {} } },
      'editor Update': { 'f:data': { 'f:k': {} } },
    });
  });

  it('conflicts with the Update entry of the same manager', () => {
    const subject = configMap();
    subject.update('tool', { data: { k: '1', l: '1' } });
    subject.apply('tool', { data: { k: '1' } });
    expect(subject.live?.['data']).toEqual({ k: '1', l: '1' });
    expect(subject.conflicts('other', { data: { k: '2' } })).toEqual(['.data.k', '.data.k']);
    expect(subject.conflicts('tool', { data: { k: '3' } })).toEqual(['.data.k']);
    subject.apply('tool', { data: { k: '3' } }, { force: true });
    expect(subject.owners()).toEqual({
      'tool Apply': { 'f:data': { 'f:k': {} } },
      'tool Update': { 'f:data': { '.': {}, 'f:l': {} } },
    });
  });

  it('merges finalizers as a set', () => {
    const subject = configMap();
    subject.apply('one', { metadata: { finalizers: ['example.dev/one'] }, data: {} });
    subject.apply('two', { metadata: { finalizers: ['example.dev/two'] } });
    expect(subject.live?.metadata['finalizers']).toEqual(['example.dev/one', 'example.dev/two']);
    subject.apply('one', { data: {} });
    expect(subject.live?.metadata['finalizers']).toEqual(['example.dev/two']);
    expect(subject.owners()).toEqual({
      'one Apply': { 'f:data': {} },
      'two Apply': { 'f:metadata': { 'f:finalizers': { 'v:"example.dev/two"': {} } } },
    });
  });

  it('gives what an untracked object holds to before-first-apply', () => {
    const subject = configMap();
    subject.live = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: '1' } };
    subject.apply('one', { data: { l: '1' } });
    expect(subject.owners()).toEqual({
      'one Apply': { 'f:data': { 'f:l': {} } },
      'before-first-apply Update': { 'f:data': { '.': {}, 'f:k': {} } },
    });
  });

  it.each([
    ['a field outside the schema', { dataa: {} }, '.dataa: field not declared in schema'],
    ['a value of another type', { data: { k: 1 } }, '.data.k: expected string, got integer'],
  ])('fails on %s', (_name, body, reason) => {
    expect(configMap().apply('one', body)).toEqual({ failure: expect.stringContaining(reason) });
  });
});

type Pods = { spec: { template: { spec: { containers: JsonObject[] } } } };

describe('apply on Deployments', () => {
  const spec = (containers: JsonObject[]): JsonObject => ({ spec: { template: { spec: { containers } } } });
  const containersOf = (subject: Subject) => (subject.live as unknown as Pods).spec.template.spec.containers;

  it('merges containers by name, ports by port and protocol, variables by name', () => {
    const subject = deployment();
    const env = (name: string) => [{ name, value: name }];
    subject.apply(
      'one',
      spec([{ name: 'c', image: 'nginx:1', ports: [{ containerPort: 80 }], env: env('A'), command: ['x'] }]),
    );
    subject.apply(
      'two',
      spec([
        { name: 'side', image: 's:1' },
        { name: 'c', ports: [{ containerPort: 90, protocol: 'TCP' }], env: env('B') },
      ]),
    );
    expect(containersOf(subject)).toEqual([
      { name: 'side', image: 's:1' },
      {
        name: 'c',
        image: 'nginx:1',
        ports: [{ containerPort: 80 }, { containerPort: 90, protocol: 'TCP' }],
        env: [...env('A'), ...env('B')],
        command: ['x'],
      },
    ]);
    expect(subject.conflicts('two', spec([{ name: 'c', image: 'nginx:9', command: ['z'] }]))).toEqual([
      '.spec.template.spec.containers[name="c"].command',
      '.spec.template.spec.containers[name="c"].image',
    ]);
    expect(subject.owners()['one Apply']).toEqual({
      'f:spec': {
        'f:template': {
          'f:spec': {
            'f:containers': {
              'k:{"name":"c"}': {
                '.': {},
                'f:command': {},
                'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                'f:image': {},
                'f:name': {},
                'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
              },
            },
          },
        },
      },
    });
    subject.apply('two', {});
    expect(containersOf(subject)).toEqual([
      { name: 'c', image: 'nginx:1', ports: [{ containerPort: 80 }], env: env('A'), command: ['x'] },
    ]);
  });

  it('fails on two elements with one key', () => {
    const result = deployment().apply(
      'one',
      spec([
        { name: 'c', image: '1' },
        { name: 'c', image: '2' },
      ]),
    );
    expect(result).toEqual({ failure: expect.stringContaining('duplicate') });
  });

  it('keeps the status entry apart and leaves the rest alone', () => {
    const subject = deployment();
    subject.apply('one', { spec: { replicas: 1 }, status: { replicas: 7 } });
    expect(subject.live).not.toHaveProperty('status');
    const status = { subresource: 'status' };
    subject.apply(
      'two',
      { metadata: { labels: { no: 'no' } }, spec: { replicas: 9 }, status: { replicas: 2, readyReplicas: 1 } },
      status,
    );
    const condition = { type: 'Available', status: 'True', reason: 'R', message: 'm' };
    subject.apply('three', { status: { conditions: [condition] } }, status);
    expect(subject.conflicts('three', { status: { replicas: 5 } }, status)).toEqual(['.status.replicas']);
    subject.apply('two', { status: { replicas: 2 } }, status);
    expect(subject.live).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 2, conditions: [condition] } });
    expect(subject.live?.['status']).not.toHaveProperty('readyReplicas');
    expect(subject.owners()['two Apply']).toEqual({ 'f:status': { 'f:replicas': {} } });
    expect(subject.live?.metadata).not.toHaveProperty('labels');
    expect(subject.live?.metadata.managedFields?.map((one) => one.subresource)).toEqual([
      undefined,
      'status',
      'status',
    ]);
  });
});

describe('apply on custom resources', () => {
  const text: StructuralSchema = { type: 'string' };
  const schema = resourceSchema({
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          conds: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['type'],
            items: { type: 'object', properties: { type: text, value: text } },
          },
          tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
          plain: { type: 'array', items: text },
          atomic: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: text },
          map: { type: 'object', additionalProperties: text },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    },
  });
  const widget = () => new Subject(schema, { apiVersion: 'example.dev/v1', kind: 'Widget' });

  it('follows the list and map types of the schema', () => {
    const subject = widget();
    const mine = { conds: [{ type: 'A', value: '1' }], tags: ['x'], plain: ['p'], atomic: { k: '1' }, map: { k: '1' } };
    subject.apply('one', { spec: mine });
    subject.apply('two', { spec: { conds: [{ type: 'B', value: '2' }], tags: ['y'], map: { l: '2' } } });
    expect(subject.live?.['spec']).toMatchObject({ tags: ['x', 'y'], map: { k: '1', l: '2' } });
    expect(subject.conflicts('two', { spec: { plain: ['q'], atomic: { l: '2' } } })).toEqual([
      '.spec.atomic',
      '.spec.plain',
    ]);
    subject.apply('two', {});
    expect(subject.live?.['spec']).toEqual(mine);
    subject.apply('one', { spec: { conds: [{ type: 'A', value: '9' }, { type: 'C' }], atomic: { m: '1' } } });
    expect(subject.owners()['one Apply']).toEqual({
      'f:spec': {
        'f:atomic': {},
        'f:conds': {
          'k:{"type":"A"}': { '.': {}, 'f:type': {}, 'f:value': {} },
          'k:{"type":"C"}': { '.': {}, 'f:type': {} },
        },
      },
    });
    expect(subject.live?.['spec']).toEqual({ conds: [{ type: 'A', value: '9' }, { type: 'C' }], atomic: { m: '1' } });
  });

  it('merges open objects field by field and their lists as one', () => {
    const subject = widget();
    subject.apply('one', { spec: { free: { a: { b: '1' }, list: [1] } } });
    subject.apply('two', { spec: { free: { a: { c: '2' } } } });
    expect(subject.live?.['spec']).toEqual({ free: { a: { b: '1', c: '2' }, list: [1] } });
    expect(subject.conflicts('two', { spec: { free: { list: [2] } } })).toEqual(['.spec.free.list']);
  });
});
