import { describe, expect, it } from 'vitest';
import { builtinSchema } from '../schema/builtin.ts';
import type { JsonObject } from '../schema/types.ts';
import { trackUpdate, type UpdateRequest } from './update-ownership.ts';

const schema = builtinSchema('', 'v1', 'ConfigMap') ?? {};
const configMap = (data: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...metadata },
  data,
});
type Change = Pick<UpdateRequest, 'before' | 'after'> & Partial<UpdateRequest>;
const track = (change: Change) =>
  trackUpdate({ manager: 'm', schema, apiVersion: 'v1', nowIso: '2026-01-01T00:00:00Z', ...change });
const entriesOf = (tracked: JsonObject) =>
  ((tracked['metadata'] as JsonObject)['managedFields'] ?? []) as {
    manager: string;
    time: string;
    fieldsV1: JsonObject;
  }[];
const ownersOf = (tracked: JsonObject) =>
  Object.fromEntries(entriesOf(tracked).map((one) => [one.manager, one.fieldsV1]));

describe('an ordinary write', () => {
  it('owns all it creates, the map itself included', () => {
    const tracked = track({ before: undefined, after: configMap({ k: '1' }) });
    expect(ownersOf(tracked)).toEqual({ m: { 'f:data': { '.': {}, 'f:k': {} } } });
  });

  it('owns of a built-in type what goes beyond its empty struct', () => {
    const deployment = builtinSchema('apps', 'v1', 'Deployment') ?? {};
    const spec = {
      selector: { matchLabels: { app: 'd' } },
      strategy: { type: 'Recreate' },
      template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', resources: {} }] } },
    };
    const after = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec };
    const tracked = track({ before: undefined, after, schema: deployment, apiVersion: 'apps/v1' });
    const container = { '.': {}, 'f:name': {}, 'f:resources': {} };
    expect(ownersOf(tracked)['m']).toEqual({
      'f:spec': {
        'f:selector': {},
        'f:strategy': { 'f:type': {} },
        'f:template': {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': { 'f:containers': { 'k:{"name":"c"}': container } },
        },
      },
    });
  });

  it('takes changed fields from their owner and loses removed ones for all', () => {
    const before = track({ before: undefined, after: configMap({ k: '1', l: '1', x: '1' }), manager: 'first' });
    const after = track({ before, after: configMap({ k: '2', l: '1' }), manager: 'second' });
    expect(ownersOf(after)).toEqual({
      first: { 'f:data': { '.': {}, 'f:l': {} } },
      second: { 'f:data': { 'f:k': {} } },
    });
  });

  it('leaves entries and times alone when it changes nothing', () => {
    const before = track({ before: undefined, after: configMap({ k: '1' }), manager: 'first' });
    const after = track({ before, after: configMap({ k: '1' }), manager: 'second', nowIso: '2027-01-01T00:00:00Z' });
    expect(after).toEqual(before);
  });

  it('keeps status and main entries of one manager apart, and ignores what each cannot change', () => {
    const deployment = builtinSchema('apps', 'v1', 'Deployment') ?? {};
    const object = (replicas: number, ready: number): JsonObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { replicas },
      status: { readyReplicas: ready },
    });
    const common = { schema: deployment, apiVersion: 'apps/v1', statusSubresource: true };
    const created = track({ before: undefined, after: object(1, 5), ...common });
    const updated = track({ before: created, after: object(9, 6), subresource: 'status', ...common });
    expect(entriesOf(updated)).toMatchObject([
      { manager: 'm', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
      { manager: 'm', subresource: 'status', fieldsV1: { 'f:status': { 'f:readyReplicas': {} } } },
    ]);
  });

  describe('with managedFields in the request', () => {
    const before = track({ before: undefined, after: configMap({ k: '1', l: '1' }), manager: 'first' });
    const sent = { manager: 'given', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:k': {} } } };
    const write = (managedFields: unknown, rest: Partial<UpdateRequest> = {}) =>
      track({ before, after: configMap({ k: '1', l: '1' }, { managedFields }), ...rest });

    it('takes them', () => {
      expect(ownersOf(write([sent]))).toEqual({ given: { 'f:data': { 'f:k': {} } } });
    });

    it.each([[[]], [[{}]]])('forgets all owners for %j', (managedFields) => {
      expect(entriesOf(write(managedFields))).toEqual([]);
    });

    it('keeps those stored when they cannot be read or came through a subresource', () => {
      expect(ownersOf(write([{ ...sent, operation: 'Other' }]))).toEqual(ownersOf(before));
      expect(ownersOf(write([sent], { subresource: 'status' }))).toEqual(ownersOf(before));
    });
  });

  it('does not begin to track an object that has no owners', () => {
    const tracked = track({ before: configMap({ k: '1' }), after: configMap({ k: '2' }) });
    expect(entriesOf(tracked)).toEqual([]);
  });

  it('merges the oldest of more than ten updating managers', () => {
    let stored: JsonObject | undefined;
    for (let at = 0; at < 12; at++) {
      const data = Object.fromEntries(Array.from({ length: at + 1 }, (_, key) => [`k${key}`, '1']));
      const nowIso = `2026-01-01T00:00:${String(at).padStart(2, '0')}Z`;
      stored = track({ before: stored, after: configMap(data, metadataOf(stored)), manager: `m${at}`, nowIso });
    }
    const owners = ownersOf(stored ?? {});
    expect(Object.keys(owners)).toHaveLength(10);
    expect(owners['ancient-changes']).toEqual({ 'f:data': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {} } });
  });
});

const metadataOf = (stored: JsonObject | undefined): JsonObject => (stored?.['metadata'] ?? {}) as JsonObject;
