import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtinSchema } from '../schema/builtin.ts';
import type { JsonObject } from '../schema/types.ts';
import { jsonPatch } from './json.ts';
import { mergePatch } from './merge.ts';
import { strategicMergePatch } from './strategic.ts';

describe('JSON patch', () => {
  const target = { data: { k: '1', l: '1' }, metadata: { labels: { 'a/b': '1' } }, list: ['x', 'y'] };

  it('does all operations in order and leaves its input alone', () => {
    const before = structuredClone(target);
    const patch = [
      { op: 'test', path: '/data/k', value: '1' },
      { op: 'replace', path: '/data/k', value: '2' },
      { op: 'add', path: '/data/m', value: '3' },
      { op: 'remove', path: '/data/l' },
      { op: 'remove', path: '/metadata/labels/a~1b' },
      { op: 'copy', from: '/data/m', path: '/data/n' },
      { op: 'move', from: '/data/n', path: '/data/o' },
      { op: 'add', path: '/list/1', value: 'between' },
      { op: 'add', path: '/list/-', value: 'end' },
      { op: 'remove', path: '/list/0' },
    ];
    expect(jsonPatch(target, patch)).toEqual({
      value: { data: { k: '2', m: '3', o: '3' }, metadata: { labels: {} }, list: ['between', 'y', 'end'] },
    });
    expect(target).toEqual(before);
  });

  it.each([
    ['a failing test', { op: 'test', path: '/data/k', value: '9' }],
    ['removing what is absent', { op: 'remove', path: '/data/none' }],
    ['adding below what is absent', { op: 'add', path: '/binaryData/x', value: 'eA==' }],
    ['an unknown operation', { op: 'increment', path: '/data/k', value: 1 }],
    ['an index beyond the list', { op: 'add', path: '/list/9', value: 'x' }],
    ['a path without a slash', { op: 'remove', path: 'data' }],
    ['moving what is absent', { op: 'move', from: '/data/none', path: '/data/z' }],
    ['removing everything', { op: 'remove', path: '' }],
    ['a missing path', { op: 'remove' }],
  ])('cannot process %s', (_name, operation) => {
    const first = { op: 'replace', path: '/data/k', value: 'changed' };
    expect(jsonPatch(target, [first, operation])).toEqual({ unprocessable: expect.any(String) });
  });

  it.each([[{ data: {} }], ['text'], [['operation']]])('calls %j malformed', (patch) => {
    expect(jsonPatch(target, patch)).toEqual({ malformed: expect.any(String) });
  });

  it.each([
    ['adds at a negative index', { op: 'add', path: '/list/-1', value: 'z' }, { list: ['x', 'y', 'z'] }],
    ['removes at a negative index', { op: 'remove', path: '/list/-2' }, { list: ['y'] }],
    ['finds an absent member null', { op: 'test', path: '/none', value: null }, { list: ['x', 'y'] }],
    ['takes a missing value as null', { op: 'add', path: '/a' }, { list: ['x', 'y'], a: null }],
    ['copies an absent member as null', { op: 'copy', from: '/none', path: '/a' }, { list: ['x', 'y'], a: null }],
  ])('%s, as API servers do', (_name, operation, expected) => {
    expect(jsonPatch({ list: ['x', 'y'] }, [operation])).toEqual({ value: expected });
  });

  it('adds when it replaces an absent member, as API servers do', () => {
    expect(jsonPatch({ data: {} }, [{ op: 'replace', path: '/data/none', value: 'x' }])).toEqual({
      value: { data: { none: 'x' } },
    });
  });
});

describe('JSON merge patch', () => {
  it('merges objects, removes null, replaces the rest', () => {
    const target = { labels: { x: '1', y: '1' }, data: { k: '1', l: '1' }, list: [1, 2] };
    const patch = {
      labels: { x: null, z: '1' },
      data: { k: '2', none: null },
      list: [3],
      made: { deep: { a: 1, b: null } },
    };
    expect(mergePatch(target, patch)).toEqual({
      labels: { y: '1', z: '1' },
      data: { k: '2', l: '1' },
      list: [3],
      made: { deep: { a: 1 } },
    });
  });

  const value = fc.jsonValue({ maxDepth: 3 });
  test.prop([value, value])('applied twice is applied once', (target, patch) => {
    const once = mergePatch(target, patch);
    expect(mergePatch(once, patch)).toEqual(once);
  });
});

describe('strategic merge patch', () => {
  const schema = builtinSchema('apps', 'v1', 'Deployment') ?? {};
  const deployment = (pod: JsonObject): JsonObject => ({ spec: { template: { spec: pod } } });
  const patched = (live: JsonObject, patch: JsonObject): JsonObject => {
    const result = strategicMergePatch(deployment(live), deployment(patch), schema);
    if (!('value' in result)) throw new Error(result.malformed);
    return (result.value as { spec: { template: { spec: JsonObject } } }).spec.template.spec;
  };
  const one = { name: 'c', image: 'nginx:1', env: [{ name: 'A', value: '1' }] };
  const two = { name: 'e', image: 'envoy:1' };

  it.each<[string, JsonObject[], JsonObject, unknown[]]>([
    [
      'merges elements by key, new ones in front',
      [one, two],
      { containers: [{ name: 'c', image: 'nginx:2', env: [{ name: 'B', value: '2' }] }] },
      [
        {
          name: 'c',
          image: 'nginx:2',
          env: [
            { name: 'B', value: '2' },
            { name: 'A', value: '1' },
          ],
        },
        two,
      ],
    ],
    ['deletes an element', [one, two], { containers: [{ name: 'e', $patch: 'delete' }] }, [one]],
    ['adds an element', [one], { containers: [{ name: 'f', image: 'f:1' }] }, [{ name: 'f', image: 'f:1' }, one]],
    ['replaces the list', [one], { containers: [{ $patch: 'replace' }, two] }, [two]],
    [
      'orders elements',
      [one],
      { containers: [two], '$setElementOrder/containers': [{ name: 'c' }, { name: 'e' }] },
      [one, two],
    ],
    [
      'orders without another change',
      [one, two],
      { '$setElementOrder/containers': [{ name: 'e' }, { name: 'c' }] },
      [two, one],
    ],
  ])('%s', (_name, containers, patch, expected) => {
    expect(patched({ containers }, patch)['containers']).toEqual(expected);
  });

  it('replaces lists that do not merge, and removes null', () => {
    const live = { containers: [{ name: 'c', command: ['a'] }], nodeSelector: { a: '1' }, hostname: 'h' };
    const patch = { containers: [{ name: 'c', command: ['b'] }], hostname: null };
    expect(patched(live, patch)).toEqual({ containers: [{ name: 'c', command: ['b'] }], nodeSelector: { a: '1' } });
  });

  it('keeps only the named keys of a union', () => {
    const live = { volumes: [{ name: 'v', emptyDir: {} }] };
    const patch = { volumes: [{ name: 'v', $retainKeys: ['name', 'configMap'], configMap: { name: 'm' } }] };
    expect(patched(live, patch)['volumes']).toEqual([{ name: 'v', configMap: { name: 'm' } }]);
  });

  it('adds to and removes from a set of scalars', () => {
    const configMap = builtinSchema('', 'v1', 'ConfigMap') ?? {};
    const live = { metadata: { finalizers: ['x/b', 'x/a'] } };
    const apply = (metadata: JsonObject) => strategicMergePatch(live, { metadata }, configMap);
    expect(apply({ finalizers: ['x/c'] })).toEqual({ value: { metadata: { finalizers: ['x/c', 'x/b', 'x/a'] } } });
    expect(apply({ '$deleteFromPrimitiveList/finalizers': ['x/b'] })).toEqual({
      value: { metadata: { finalizers: ['x/a'] } },
    });
  });

  it.each([
    ['an element without its key', { containers: [{ image: 'x' }] }],
    ['an element that is no object', { containers: ['x'] }],
    ['an unknown directive', { securityContext: { $patch: 'merge-somehow' } }],
  ])('calls %s malformed', (_name, patch) => {
    expect(strategicMergePatch(deployment({ containers: [one] }), deployment(patch), schema)).toEqual({
      malformed: expect.any(String),
    });
  });
});
